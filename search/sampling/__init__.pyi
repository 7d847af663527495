from .distributions import (
    active_values as active_values,
    param_key as param_key,
    to_distribution as to_distribution,
    to_value as to_value,
)
from .hyperparameters import (
    ScopedHyperParameters as ScopedHyperParameters,
    SuggestedHyperParameters as SuggestedHyperParameters,
    plain_values as plain_values,
)
from .ordered_sampler import (
    OrderedSampler as OrderedSampler,
)
from .samplers import (
    DEFAULT_PRUNER as DEFAULT_PRUNER,
    KERAS_TUNER as KERAS_TUNER,
    PRUNERS as PRUNERS,
    check_pruner as check_pruner,
    check_sampler as check_sampler,
    make_pruner as make_pruner,
    make_sampler as make_sampler,
    sampler_names as sampler_names,
)
from .search_space import (
    Identity as Identity,
    Point as Point,
    SpaceSize as SpaceSize,
    all_values as all_values,
    discover_space as discover_space,
    first_untried as first_untried,
    grid_order as grid_order,
    identity as identity,
    random_order as random_order,
    space_size as space_size,
    tried_points as tried_points,
)
from .space_samplers import (
    GridSampler as GridSampler,
    SpaceSampler as SpaceSampler,
    trial_name as trial_name,
)
from .starting_points import (
    DEFAULTS as DEFAULTS,
    StartingPoint as StartingPoint,
    check_start as check_start,
    internal_point as internal_point,
    starting_points_of as starting_points_of,
    waiting_values as waiting_values,
)
from .study_space import (
    ChangedSpace as ChangedSpace,
    StudySpace as StudySpace,
)
