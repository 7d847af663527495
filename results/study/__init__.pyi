from .artifacts import (
    check_url as check_url,
)
from .ensemble import (
    choose_ensemble as choose_ensemble,
)
from .finalists import (
    FEWEST as FEWEST,
    SEEDS as SEEDS,
    choose_champion as choose_champion,
    chosen_among as chosen_among,
    second_seeds as second_seeds,
)
from .objectives import (
    ACCURACY as ACCURACY,
    LOSS as LOSS,
    OBJECTIVES as OBJECTIVES,
    Figure as Figure,
    Objective as Objective,
    figures_of as figures_of,
)
from .refits import (
    as_refit as as_refit,
    choose_refits as choose_refits,
    exported as exported,
    find_refit as find_refit,
    first_training as first_training,
    record_refit as record_refit,
    refit_folder as refit_folder,
)
from .repeats import (
    record_repeat as record_repeat,
    repeat_folder as repeat_folder,
    repeated_probabilities as repeated_probabilities,
)
from .result import (
    BEHIND as BEHIND,
    BUDGET_ENDED as BUDGET_ENDED,
    INTERRUPTED as INTERRUPTED,
    Kind as Kind,
    Point as Point,
    Result as Result,
    Status as Status,
    is_sound as is_sound,
    refit_name as refit_name,
)
from .storage import (
    SILENT_BEATS as SILENT_BEATS,
    close as close,
    open_storage as open_storage,
)
from .store import (
    CHECKPOINT as CHECKPOINT,
    DATA_FOLDER as DATA_FOLDER,
    HEARTBEAT_SECONDS as HEARTBEAT_SECONDS,
    Store as Store,
)
from .trials import (
    BORN as BORN,
    DEATHS as DEATHS,
    DRAWN as DRAWN,
    REASON as REASON,
    REPLACES as REPLACES,
    RESULT as RESULT,
    SLOT as SLOT,
    SURPLUS as SURPLUS,
    WORKER as WORKER,
    agreed_objectives as agreed_objectives,
    best_first as best_first,
    counted as counted,
    place as place,
    show_objectives as show_objectives,
    trial_result as trial_result,
)
