from .oracle import OptunaOracle as OptunaOracle
from .tuner import OptunaTuner as OptunaTuner
