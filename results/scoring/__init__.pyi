from .batched import Score as Score, score_padded as score_padded, score_rows as score_rows
from .evaluate import Scorer as Scorer, probabilities as probabilities
from .files import (
    PARTS as PARTS,
    SCORES as SCORES,
    Scores as Scores,
    load_scores as load_scores,
    save_scores as save_scores,
    strict_json as strict_json,
)
from .latency import Latency as Latency, Rows as Rows, measure_latency as measure_latency
from .metrics import (
    KERAS_EPSILON as KERAS_EPSILON,
    Metrics as Metrics,
    accuracy as accuracy,
    compute_metrics as compute_metrics,
    constant_predictions as constant_predictions,
    cross_entropy as cross_entropy,
    f1 as f1,
    predictions as predictions,
    recall_at as recall_at,
    roc_auc as roc_auc,
)
from .onnx_scorer import OnnxScorer as OnnxScorer
from .significance import (
    SIGNIFICANT_BELOW as SIGNIFICANT_BELOW,
    holm as holm,
    mcnemar as mcnemar,
    wilson as wilson,
)
from .stderr import suppress_stderr as suppress_stderr
from .threshold import (
    DEFAULT_RULE as DEFAULT_RULE,
    Threshold as Threshold,
    ThresholdRule as ThresholdRule,
    choose_threshold as choose_threshold,
    parse_threshold as parse_threshold,
)
