from .api import run_search as run_search
from .bridge.oracle import OptunaOracle as OptunaOracle
from .bridge.tuner import OptunaTuner as OptunaTuner
from .classifier import Model3Classifier as Model3Classifier
from .config import Budget as Budget, RunConfig as RunConfig
from .training.callbacks import TrialCallback as TrialCallback, TrialInfo as TrialInfo
