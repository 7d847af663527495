from .bridge.oracle import OptunaOracle as OptunaOracle
from .bridge.tuner import OptunaTuner as OptunaTuner
from .config import Budget as Budget, RunConfig as RunConfig
from .training.callbacks import TrialCallback as TrialCallback, TrialInfo as TrialInfo
