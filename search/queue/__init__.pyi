from .discover import (
    SpaceSize as SpaceSize,
    discover_space as discover_space,
    space_size as space_size,
)
from .distributions import (
    param_key as param_key,
    to_distribution as to_distribution,
    to_value as to_value,
)
from .failures import (
    MOST_FAILURES as MOST_FAILURES,
    REFUSED as REFUSED,
    TooManyFailures as TooManyFailures,
    are_too_many as are_too_many,
    failure_problem as failure_problem,
    is_refused as is_refused,
)
from .heartbeat import (
    send_heartbeats as send_heartbeats,
)
from .hyperparameters import (
    ScopedHyperParameters as ScopedHyperParameters,
    SuggestedHyperParameters as SuggestedHyperParameters,
    plain_values as plain_values,
)
from .monitor import (
    QueueMonitor as QueueMonitor,
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
    all_values as all_values,
)
from .stale_trials import (
    describe_exit as describe_exit,
    describe_wait as describe_wait,
    retry_stale as retry_stale,
    wait_for_heartbeats as wait_for_heartbeats,
    worker_name as worker_name,
)
from .starting_points import (
    StartingPoint as StartingPoint,
    starting_points_of as starting_points_of,
)
from .study_space import (
    ChangedSpace as ChangedSpace,
    StudySpace as StudySpace,
)
from .trial_queue import (
    AskedTrial as AskedTrial,
    TrialQueue as TrialQueue,
)
