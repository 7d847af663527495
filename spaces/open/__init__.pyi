from .family import (
    FAMILIES as FAMILIES,
)
from .space import (
    Open as Open,
)
