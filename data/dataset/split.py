"""Which rows are fitted, which validate and which are held out."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from data.common import UserError

Rows = npt.NDArray[np.int64]

HELDOUT_SHARE = 0.25
VALIDATION_SHARE = 0.25


@dataclass(frozen=True)
class Split:
    """Row indices of the three slices; each row is in exactly one, except in `refitting`.

    Attributes:
        name: "chronological" or "shuffled".
        fit: Rows that train, int64.
        validation: Rows that choose between models, int64.
        heldout: Rows that only the final ranking looks at, int64.
    """

    name: str
    fit: Rows
    validation: Rows
    heldout: Rows

    @property
    def train(self) -> Rows:
        """Fitted and validating rows together, in that order."""
        return np.concatenate([self.fit, self.validation])

    @property
    def refitting(self) -> "Split":
        """The split of a refit: the validation rows are fitted as well."""
        return replace(self, fit=self.train)

    @property
    def slices(self) -> dict[str, Rows]:
        """The three slices by the names that messages and tables use."""
        return {"fit": self.fit, "validation": self.validation, "held-out": self.heldout}


def split_in_order(n: int) -> Split:
    """Split n rows without shuffling: the last quarter is held out, as the brief does.

    The last quarter of the rest validates, as in Keras.
    """
    order = np.arange(n, dtype=np.int64)
    train = int(n * (1 - HELDOUT_SHARE))
    return _validate_with_tail("chronological", order[:train], order[train:])


def split_shuffled(n: int, seed: int = 42) -> Split:
    """Split as scikit-learn's `train_test_split(test_size=.25, random_state=seed)` does.

    Each slice is in shuffled order; the last quarter of the training part validates.
    """
    order = np.random.RandomState(seed).permutation(n).astype(np.int64)
    heldout = int(np.ceil(n * HELDOUT_SHARE))
    return _validate_with_tail("shuffled", order[heldout:], order[:heldout])


def _validate_with_tail(name: str, train: Rows, heldout: Rows) -> Split:
    fit = int(np.floor(len(train) * (1 - VALIDATION_SHARE)))
    return Split(name, train[:fit], train[fit:], heldout)


SPLITS = {"chronological": split_in_order, "shuffled": split_shuffled}


def make_split(name: str, n: int) -> Split:
    """Split n rows in the named way.

    Raises:
        UserError: The name is none of `SPLITS`.
    """
    if name not in SPLITS:
        raise UserError(f"--split is '{name}', but must be one of {', '.join(SPLITS)}")
    return SPLITS[name](n)


def check_split(split: Split, labels: npt.NDArray[np.uint8], batch_size: int) -> None:
    """Refuse a split that cannot be trained or judged on.

    Args:
        split: The split of the rows.
        labels: Their labels, 0 or 1, uint8 [n].
        batch_size: Rows in a batch.

    Raises:
        UserError: A slice lacks a class, or the fit part is smaller than a batch.
    """
    if len(split.fit) < batch_size:
        raise UserError(
            f"the fit part has {len(split.fit)} rows, fewer than a batch of {batch_size}; "
            "give a longer log"
        )
    for name, rows in split.slices.items():
        present = np.bincount(labels[rows], minlength=2)
        for label, meaning in enumerate(("normal", "malicious")):
            if not present[label]:
                raise UserError(
                    f"the {name} part has no row of class {label} ({meaning}) among its "
                    f"{len(rows)}; give a longer log or another --split"
                )
