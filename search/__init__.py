"""How the search runs: options, stages, workers, training, and the Optuna-KerasTuner bridge."""

import lazy_loader as lazy

__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)
