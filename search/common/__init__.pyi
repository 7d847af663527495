from .error_messages import (
    RAISED as RAISED,
    reason as reason,
)
from .hypermodel_fit import (
    ended as ended,
    own_fit as own_fit,
)
from .limits import (
    TooLarge as TooLarge,
    bounded as bounded,
    check as check,
    check_range as check_range,
    check_size as check_size,
    has_finite_weights as has_finite_weights,
)
from .seeds import (
    derive as derive,
    of_proposal as of_proposal,
    of_refit as of_refit,
    of_repeat as of_repeat,
)
