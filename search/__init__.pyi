from .bridge.oracle import OptunaOracle as OptunaOracle
from .bridge.tuner import OptunaTuner as OptunaTuner
