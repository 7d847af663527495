from .claims import (
    claim_trial as claim_trial,
    retry_trial as retry_trial,
)
from .distributions import (
    active_values as active_values,
    param_key as param_key,
    to_distribution as to_distribution,
    to_value as to_value,
)
from .failures import (
    REFUSED as REFUSED,
    TooManyFailures as TooManyFailures,
    are_too_many as are_too_many,
    failure_problem as failure_problem,
    is_refused as is_refused,
)
from .hyperparameters import (
    ScopedHyperParameters as ScopedHyperParameters,
    SuggestedHyperParameters as SuggestedHyperParameters,
    plain_values as plain_values,
)
from .monitor import (
    QueueMonitor as QueueMonitor,
)
from .optuna_private import (
    StudyCallback as StudyCallback,
    call_callbacks as call_callbacks,
    open_trial as open_trial,
)
from .samplers import (
    DEFAULT_PRUNER as DEFAULT_PRUNER,
    KERAS_TUNER as KERAS_TUNER,
    PRUNERS as PRUNERS,
    SAMPLERS as SAMPLERS,
    check_pruner as check_pruner,
    check_sampler as check_sampler,
    make_pruner as make_pruner,
    make_sampler as make_sampler,
    sampler_names as sampler_names,
)
from .search_space import (
    SpaceSize as SpaceSize,
    all_values as all_values,
    discover_space as discover_space,
    space_size as space_size,
)
from .space_samplers import (
    trial_name as trial_name,
)
from .stale_trials import (
    describe_exit as describe_exit,
    is_lost as is_lost,
    worker_name as worker_name,
)
from .starting_points import (
    DEFAULTS as DEFAULTS,
    StartingPoint as StartingPoint,
    starting_points_of as starting_points_of,
)
from .study_space import (
    ChangedSpace as ChangedSpace,
)
from .trial_queue import (
    AskedTrial as AskedTrial,
    TrialQueue as TrialQueue,
)
