"""What `results.predict --summary` says when a log has ended: counts, and drift."""

from collections import Counter
from collections.abc import Sequence

from data.common import printable
from data.records import Answer
from results.serving.drift import describe_drift
from results.serving.predictor import Predictor
from results.serving.training_profile import PROFILE


class Summary:
    """Counts answers, and watches what its predictor scores from now on.

    Args:
        predictor: Gives the answers.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._drift = predictor.watch()
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
