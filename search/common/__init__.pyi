from .error_messages import USER_ERRORS as USER_ERRORS, describe_error as describe_error
from .hypermodel_fit import (
    end_callbacks_on_error as end_callbacks_on_error,
    fit_function as fit_function,
)
from .limits import (
    ModelTooLarge as ModelTooLarge,
    check_model as check_model,
    check_model_size as check_model_size,
    check_range as check_range,
    has_finite_weights as has_finite_weights,
    limit_parameters as limit_parameters,
)
from .seeds import (
    derive_seed as derive_seed,
    proposal_seed as proposal_seed,
    refit_seed as refit_seed,
    repeat_seed as repeat_seed,
)
