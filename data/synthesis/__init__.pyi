from .attacks import (
    FAMILIES as FAMILIES,
    family as family,
)
from .record import (
    Recorder as Recorder,
)
from .shop import (
    Endpoint as Endpoint,
    Request as Request,
    Shop as Shop,
)
