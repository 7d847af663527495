from .discover import (
    Size as Size,
    discover_space as discover_space,
    size as size,
)
from .distributions import (
    distribution as distribution,
    key as key,
    to_value as to_value,
)
from .failures import (
    MOST_FAILURES as MOST_FAILURES,
    REFUSED as REFUSED,
    TooManyFailures as TooManyFailures,
    are_too_many as are_too_many,
    is_refused as is_refused,
    problem as problem,
)
from .heartbeat import (
    beating as beating,
)
from .hyperparameters import (
    ScopedHyperParameters as ScopedHyperParameters,
    SuggestedHyperParameters as SuggestedHyperParameters,
    plain_values as plain_values,
)
from .samplers import (
    DEFAULT_PRUNER as DEFAULT_PRUNER,
    KERAS_TUNER as KERAS_TUNER,
    PRUNERS as PRUNERS,
    check_names as check_names,
    make_pruner as make_pruner,
    make_sampler as make_sampler,
    sampler_names as sampler_names,
)
from .search_space import (
    values_of as values_of,
)
from .stale_trials import (
    cause as cause,
    put_back as put_back,
    told_of as told_of,
    wait_for_signs as wait_for_signs,
    worker_name as worker_name,
)
from .starting_points import (
    Start as Start,
    starts_of as starts_of,
)
from .study_space import (
    ChangedSpace as ChangedSpace,
    StudySpace as StudySpace,
)
from .trial_queue import (
    AskedTrial as AskedTrial,
    TrialQueue as TrialQueue,
)
