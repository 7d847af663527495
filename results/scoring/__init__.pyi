from .constant_predictions import (
    sameness as sameness,
)
from .evaluate import (
    Scorer as Scorer,
    probabilities as probabilities,
)
from .latency import (
    Latency as Latency,
    Rows as Rows,
)
from .metrics import (
    KERAS_EPSILON as KERAS_EPSILON,
    Metrics as Metrics,
    accuracy as accuracy,
    cross_entropy as cross_entropy,
    f1 as f1,
    predictions as predictions,
    recall_at as recall_at,
    roc_auc as roc_auc,
)
from .scores import (
    PARTS as PARTS,
    SCORES as SCORES,
    Scores as Scores,
    load_scores as load_scores,
    save_scores as save_scores,
)
from .significance import (
    SIGNIFICANT_BELOW as SIGNIFICANT_BELOW,
    holm as holm,
    mcnemar as mcnemar,
    wilson as wilson,
)
from .suppress_stderr import (
    hushed as hushed,
)
from .threshold import (
    DEFAULT as DEFAULT,
    Rule as Rule,
    Threshold as Threshold,
    choose as choose,
    parse as parse,
)
