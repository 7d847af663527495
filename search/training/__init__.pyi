from .baselines import Cache as Cache
from .callbacks import (
    TrialCallback as TrialCallback,
    TrialInfo as TrialInfo,
    load_callbacks as load_callbacks,
)
from .dispatch import (
    TrainingContext as TrainingContext,
    find_kept as find_kept,
    load_hypermodel as load_hypermodel,
    train as train,
)
from .fit import (
    TrainingConfig as TrainingConfig,
    TrainingOutcome as TrainingOutcome,
    reset_session as reset_session,
)
from .task import Phase as Phase, TrainingTask as TrainingTask
