"""Which characters of a record raise its score: what changes where they are blotted out."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.common import track
from data.dataset import MAX_LENGTH, Padding, Vocabulary
from data.dataset.encode import encode
from results.report.mistakes import Attribution
from results.scoring import Scorer, probabilities
from results.serving import load_model

WIDTH = 3
MOST_WINDOWS = 512
_EPSILON = 1e-7

Effects = npt.NDArray[np.float64]


def explain(
    model: Path,
    vocabulary: Vocabulary,
    padding: Padding,
    texts: Sequence[str],
    rows: Sequence[int],
) -> tuple[Attribution, ...]:
    """Blot out a few neighbouring characters at a time and see what that does to the score.

    Occlusion as in Zeiler and Fergus (Visualizing and understanding convolutional networks,
    ECCV 2014): windows of three characters become the log's most frequent letter or digit, which
    says nothing by itself. A character's effect is the mean over the windows that cover it.

    Args:
        model: The checkpoint.
        vocabulary: Which character has which id.
        padding: How records are padded.
        texts: Cleaned records, [n].
        rows: Their rows in the log, [n].

    Returns:
        One a record, in their order.
    """
    scorer = Scorer(load_model(model))
    filler = next(filter(str.isalnum, vocabulary.characters), "a")

    def score(variants: Sequence[str]) -> Effects:
        encoded = encode(variants, vocabulary)
        found = probabilities(scorer, encoded, np.arange(len(variants)), padding=padding)
        return _log_odds(found.astype(np.float64))

    pairs = list(zip(rows, texts, strict=True))
    return tuple(
        Attribution(row, tuple(np.round(occlude(text, score, filler), 4).tolist()))
        for row, text in track(pairs, "explaining the worst mistakes", len(pairs))
    )


def occlude(text: str, score: Callable[[Sequence[str]], Effects], filler: str) -> Effects:
    """Find what each character adds to a text's score.

    Args:
        text: The text, of n characters; only its last 1,024 are looked at.
        score: Gives a figure for each of several texts.
        filler: The character that blots out others.

    Returns:
        By how much a character raises the figure, [n].
    """
    effects, covers = np.zeros(len(text)), np.zeros(len(text))
    first = max(0, len(text) - MAX_LENGTH)
    step = max(1, -(-(len(text) - first) // MOST_WINDOWS))
    width = max(WIDTH, 2 * step - 1)
    spans = [
        (max(first, middle - width // 2), min(len(text), middle + width // 2 + 1))
        for middle in range(first, len(text), step)
    ]
    blotted = [text[:low] + filler * (high - low) + text[high:] for low, high in spans]
    figures = score([text, *blotted])
    for (low, high), figure in zip(spans, figures[1:], strict=True):
        effects[low:high] += figures[0] - figure
        covers[low:high] += 1
    return np.divide(effects, covers, out=effects, where=covers > 0)


def _log_odds(scores: Effects) -> Effects:
    clipped = np.clip(scores, _EPSILON, 1 - _EPSILON)
    return np.asarray(np.log(clipped / (1 - clipped)))
