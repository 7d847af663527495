"""What `results.predict --summary` says when a log has ended: counts, and drift."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from data.common import printable
from data.records import Answer
from results.drift.drift import Drift
from results.drift.training_profile import PROFILE, Distribution

# What Siddiqi's book calls a change, and a shift that matters.
_CHANGED = 0.1
_SHIFTED = 0.25


class Summary:
    """Counts answers, and compares what was scored with the training rows.

    Args:
        drift: What watches the predictor that gives the answers; None if its export has no profile.
    """

    def __init__(self, drift: Drift | None) -> None:
        self._drift = drift
        self._labels: Counter[str] = Counter()
        self._errors = 0

    def add(self, answers: Sequence[Answer]) -> None:
        """Count answers by their labels."""
        labels = [str(answer["label_word"]) for answer in answers if "error" not in answer]
        self._labels.update(labels)
        self._errors += len(answers) - len(labels)

    def text(self) -> str:
        """Write the summary, a few lines."""
        counts = [
            f"{count:,} labeled {printable(word)}" for word, count in sorted(self._labels.items())
        ]
        if self._errors:
            counts.append(f"{self._errors:,} with an error")
        records = self._labels.total() + self._errors
        total = f"{records:,} records: {', '.join(counts) or 'none'}"
        if self._drift is None:
            drift = [f"drift is unknown: the export has no {PROFILE}; export it again"]
        else:
            drift = describe_drift(self._drift)
        return "\n".join([total, *drift])


def describe_drift(drift: Drift) -> list[str]:
    """Describe in a few lines how far all that was scored is from the training rows."""
    profile, tally = drift.profile, drift.total
    if not tally.records:
        return ["nothing was scored that could be compared with the training rows"]
    here, heldout = tally.novelty, profile.heldout
    known = profile.vocabulary.unknown
    lines = [
        _new("characters", here.unseen_characters, here.characters,
             heldout.unseen_characters, heldout.characters)
        if known else "characters that training did not have are left out of the texts",
        _new("character trigrams", here.unseen_ngrams, here.ngrams,
             heldout.unseen_ngrams, heldout.ngrams),
        _shifted("lengths", profile.lengths, tally.lengths, "of the training rows"),
    ]  # fmt: skip
    if tally.scores.sum():
        lines.append(_shifted("scores", profile.scores, tally.scores, "of the held-out rows"))
    return lines


def _new(what: str, unseen: int, of: int, heldout_unseen: int, heldout_of: int) -> str:
    return (
        f"{what} never seen in training: {_percent(unseen, of)} of {of:,} "
        f"({_percent(heldout_unseen, heldout_of)} in the held-out rows)"
    )


def _shifted(what: str, known: Distribution, counts: npt.NDArray[np.int64], rows: str) -> str:
    index, chance = known.stability_index(counts), known.chance(int(counts.sum()))
    if index <= max(chance, _CHANGED):
        verdict = "as they were"
    else:
        verdict = "they have shifted" if index > _SHIFTED else "they have changed somewhat"
    return (
        f"{what} against those {rows}: stability index {index:.3f}, {verdict} "
        f"(chance alone gives up to {chance:.3f}; .1 is a change, .25 another log)"
    )


def _percent(part: int, of: int) -> str:
    return f"{100 * part / max(of, 1):.2f} %"
