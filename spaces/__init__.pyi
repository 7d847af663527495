from .assignment_rules import (
    layer_count as layer_count,
    violations as violations,
)
from .baselines import (
    BASELINES as BASELINES,
    KerasBaseline as KerasBaseline,
    TextBaseline as TextBaseline,
)
from .choices import (
    head as head,
    training as training,
)
from .imported import (
    import_module as import_module,
)
from .layers import (
    classify as classify,
    embed as embed,
    ngrams as ngrams,
    normalize as normalize,
    summarize as summarize,
)
from .load import (
    import_space as import_space,
    load_space as load_space,
)
from .names import (
    BASELINE_NAMES as BASELINE_NAMES,
)
from .parts import (
    Body as Body,
    Embedding as Embedding,
    Head as Head,
    Training as Training,
)
from .protocol import (
    BRIEF_EPOCHS as BRIEF_EPOCHS,
    BRIEF_FIT_ROWS as BRIEF_FIT_ROWS,
    epochs_for as epochs_for,
    reports_for as reports_for,
)
from .space import (
    Space as Space,
)
