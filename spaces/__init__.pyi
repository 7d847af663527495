from .assignment_rules import layer_count as layer_count, violations as violations
from .baselines import (
    BASELINES as BASELINES,
    KerasBaseline as KerasBaseline,
    TextBaseline as TextBaseline,
)
from .load import (
    import_space as import_space,
    load_space as load_space,
)
from .model3 import Model3 as Model3
from .open import Open as Open
from .protocol import (
    BASELINE_NAMES as BASELINE_NAMES,
    epochs_for as epochs_for,
    reports_for as reports_for,
)
from .space import Space as Space
