"""What is wrong with scores that tell nothing apart."""

import numpy as np
import numpy.typing as npt

from results.scoring.metrics import predictions

_NO_SPREAD = 1e-6


def sameness(probabilities: npt.ArrayLike) -> str:
    """Say so where a model makes no difference between the records.

    Such a training is complete, and its accuracy is a class's share: nothing but this line tells a
    dead network, or an exploded one, from one that has learned a little.

    Args:
        probabilities: Of label 1 on the validation rows, [n].

    Returns:
        A few words; "" where records of both classes are predicted, or a probability is not finite.
    """
    scores = np.asarray(probabilities)
    if not scores.size or not np.isfinite(scores).all():
        return ""
    if scores.max() - scores.min() <= _NO_SPREAD:
        return f"the same score, {scores.mean():.4f}, for every validation row"
    predicted = predictions(scores)
    if predicted.all() or not predicted.any():
        return f"predicts only class {int(predicted[0])} on the validation rows"
    return ""
