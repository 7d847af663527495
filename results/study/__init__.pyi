from .artifacts import (
    check_artifacts_url as check_artifacts_url,
)
from .ensemble import (
    build_ensemble as build_ensemble,
    choose_ensemble as choose_ensemble,
)
from .objectives import (
    ACCURACY as ACCURACY,
    LOSS as LOSS,
    OBJECTIVES as OBJECTIVES,
    MetricFunction as MetricFunction,
    Objective as Objective,
    objective_values as objective_values,
    with_tie_breakers as with_tie_breakers,
)
from .result import (
    BEHIND as BEHIND,
    BEST as BEST,
    BUDGET_ENDED as BUDGET_ENDED,
    CHECKPOINT as CHECKPOINT,
    DATA_FOLDER as DATA_FOLDER,
    INTERRUPTED as INTERRUPTED,
    JOURNAL as JOURNAL,
    STORAGE_VARIABLE as STORAGE_VARIABLE,
    Kind as Kind,
    LatencyRuntime as LatencyRuntime,
    Point as Point,
    Result as Result,
    Status as Status,
    is_sound as is_sound,
    refit_name as refit_name,
)
from .retrainings import (
    FINALIST_SEEDS as FINALIST_SEEDS,
    MIN_FINALISTS as MIN_FINALISTS,
    as_refit as as_refit,
    choose_champion as choose_champion,
    choose_refits as choose_refits,
    chosen_finalists as chosen_finalists,
    find_finalists as find_finalists,
    find_refit as find_refit,
    find_refits as find_refits,
    find_repeats as find_repeats,
    first_training as first_training,
    record_refit as record_refit,
    record_repeat as record_repeat,
    refit_folder as refit_folder,
    repeat_folder as repeat_folder,
    repeat_probabilities as repeat_probabilities,
    result_to_export as result_to_export,
    second_seed_probabilities as second_seed_probabilities,
)
from .starts import (
    MOST_STARTS as MOST_STARTS,
    Start as Start,
    choose_starts as choose_starts,
    describe_starts as describe_starts,
    find_starts as find_starts,
)
from .storage import (
    RETRY_SECONDS as RETRY_SECONDS,
    SILENT_BEATS as SILENT_BEATS,
    close_storage as close_storage,
    open_storage as open_storage,
    quiet_optuna as quiet_optuna,
)
from .store import (
    HEARTBEAT_SECONDS as HEARTBEAT_SECONDS,
    Store as Store,
)
from .trials import (
    DEATHS as DEATHS,
    DUPLICATE as DUPLICATE,
    INDEX as INDEX,
    PROCESS_START as PROCESS_START,
    REASON as REASON,
    RESULT as RESULT,
    RETRY_OF as RETRY_OF,
    SAMPLED as SAMPLED,
    TUNER_VALUES as TUNER_VALUES,
    WORKER as WORKER,
    agreed_objectives as agreed_objectives,
    best_first as best_first,
    counted_trials as counted_trials,
    show_objectives as show_objectives,
    trial_index as trial_index,
    trial_result as trial_result,
)
