from .oracle import (
    OptunaOracle as OptunaOracle,
)
from .tell import (
    reason_of as reason_of,
)
