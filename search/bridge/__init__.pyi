from .oracle import (
    OptunaOracle as OptunaOracle,
)
from .trials import (
    describe_failure as describe_failure,
)
from .tuner import (
    OptunaTuner as OptunaTuner,
)
