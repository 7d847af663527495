from .repeats import (
    repeat as repeat,
    to_refit as to_refit,
)
from .trials import (
    search as search,
)
