from .bridge.oracle import OptunaOracle as OptunaOracle
from .bridge.tuner import OptunaTuner as OptunaTuner
from .training.callbacks import TrialCallback as TrialCallback, TrialInfo as TrialInfo
