from .budget import (
    Budget as Budget,
)
from .run_config import (
    BATCH_SIZE as BATCH_SIZE,
    Options as Options,
    parse as parse,
)
