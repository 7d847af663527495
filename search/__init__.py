"""How the search runs: options, budget, training, the Optuna-KerasTuner bridge and its workers."""
