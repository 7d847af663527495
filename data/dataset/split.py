"""Which rows are fitted, which validate and which are held out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from data.common import UserError
from data.dataset.label_order import LabelOrder
from data.reading import AccessLog, Texts

Rows = npt.NDArray[np.int64]
Labels = npt.NDArray[np.uint8]
Groups = npt.NDArray[np.int64]

HELDOUT_SHARE = 0.25
VALIDATION_SHARE = 0.25
# That of the published notebooks.
SEED = 42
CHRONOLOGICAL, SHUFFLED = "chronological", "shuffled"
STRATIFIED, GROUP = "stratified", "group"


@dataclass(frozen=True)
class Split:
    """Row indices of the three slices; each row is in at most one, except in `refitting`."""

    name: str  # one of `SPLITS`
    fit: Rows  # rows that train, int64
    validation: Rows  # rows that choose between models, int64
    heldout: Rows  # rows that only the final ranking looks at, int64

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
    """Split n rows without shuffling: the last quarter is held out, as the assignment does.

    The last quarter of the rest validates, as in Keras.
    """
    order = np.arange(n, dtype=np.int64)
    train = int(n * (1 - HELDOUT_SHARE))
    return _validate_with_tail(CHRONOLOGICAL, order[:train], order[train:])


def split_shuffled(n: int, seed: int = SEED) -> Split:
    """Split as scikit-learn's `train_test_split(test_size=.25, random_state=seed)` does.

    Each slice is in shuffled order; the last quarter of the training part validates.
    """
    order = np.random.RandomState(seed).permutation(n).astype(np.int64)
    heldout = int(np.ceil(n * HELDOUT_SHARE))
    return _validate_with_tail(SHUFFLED, order[heldout:], order[:heldout])


def split_stratified(labels: Labels) -> Split:
    """Split so that each slice has the log's share of either class.

    As scikit-learn's `train_test_split(test_size=.25, random_state=42, stratify=labels)` does,
    once for the held-out rows, and once more on the rest for the validation rows.
    """
    from sklearn.model_selection import train_test_split

    counts = np.bincount(labels, minlength=2)
    for label, count in enumerate(counts.tolist()):
        # Of three rows, scikit-learn may give the first split all but one.
        if count < 4:
            raise UserError(
                f"the log has {_count(count, 'row')} of class {label}, but --split stratified "
                "needs 4 or more; give a longer log"
            )
    rows = np.arange(len(labels), dtype=np.int64)
    train, heldout = train_test_split(
        rows, test_size=HELDOUT_SHARE, random_state=SEED, stratify=labels
    )
    fit, validation = train_test_split(
        train, test_size=VALIDATION_SHARE, random_state=SEED, stratify=labels[train]
    )
    return Split(STRATIFIED, fit, validation, heldout)


def split_by_group(labels: Labels, groups: Groups | None, seed: int = SEED) -> Split:
    """Split so that no group, as numbers from 0, [n], is in two slices.

    As in scikit-learn's `StratifiedGroupKFold`, the largest group is placed first, ties in random
    order, and each where it brings the slices closest to their shares of both classes: where the
    sum over slices and classes of rows ** 2 / (share * rows of the class ** 2) grows least.
    """
    if groups is None:
        raise UserError(
            "--split is 'group', but the log was read without groups; give --group-column NAME"
        )
    sizes = np.bincount(groups)
    if len(sizes) < 3:
        raise UserError(
            f"--group-column has {_count(len(sizes), 'value')} in this log, but needs 3 or more, "
            "one a slice; name another column, or give --split stratified"
        )
    malicious = np.bincount(groups, weights=labels)
    # The same scale for both classes: as shares of their rows. A class of no rows weighs nothing.
    by_class = np.stack([sizes - malicious, malicious], axis=1)  # [groups, 2]
    by_class = by_class / np.maximum(by_class.sum(axis=0), 1)
    mixed = np.random.RandomState(seed).permutation(len(sizes))
    order = mixed[np.argsort(-sizes[mixed], kind="stable")]
    places = np.empty(len(sizes), np.int64)
    places[order] = _place(by_class[order])
    of_rows = places[groups]
    return Split(GROUP, *(np.flatnonzero(of_rows == place) for place in range(3)))


def _place(groups: npt.NDArray[np.float64]) -> list[int]:
    """Return the slice of each group, given its shares of the two classes, one after another."""
    train = 1 - HELDOUT_SHARE
    wanted = (train * (1 - VALIDATION_SHARE), train * VALIDATION_SHARE, HELDOUT_SHARE)
    filled = [[0.0, 0.0] for _ in wanted]
    places = []
    for normal, malicious in groups.tolist():
        growth = [
            (normal * (2 * have[0] + normal) + malicious * (2 * have[1] + malicious)) / share
            for have, share in zip(filled, wanted, strict=True)
        ]
        # Of equal ones, up to float noise, the emptiest.
        place = min(range(3), key=lambda i: (round(growth[i], 12), sum(filled[i])))
        filled[place][0] += normal
        filled[place][1] += malicious
        places.append(place)
    return places


def _validate_with_tail(name: str, train: Rows, heldout: Rows) -> Split:
    fit = int(np.floor(len(train) * (1 - VALIDATION_SHARE)))
    return Split(name, train[:fit], train[fit:], heldout)


SPLITS: Mapping[str, Callable[[Labels, Groups | None], Split]] = {
    CHRONOLOGICAL: lambda labels, groups: split_in_order(len(labels)),
    SHUFFLED: lambda labels, groups: split_shuffled(len(labels)),
    STRATIFIED: lambda labels, groups: split_stratified(labels),
    GROUP: split_by_group,
}


def make_split(name: str, labels: Labels, groups: Groups | None = None) -> Split:
    """Split rows by one of `SPLITS`; "group" needs the group of each row, as numbers from 0, [n].

    Raises:
        UserError: The name is none of `SPLITS`, or the rows cannot be split so.
    """
    if name not in SPLITS:
        raise UserError(f"--split is '{name}', but must be one of {', '.join(SPLITS)}")
    return SPLITS[name](labels, groups)


def check_group_column(split: str, column: str | None) -> None:
    """Refuse `--split group` without a column, and a column without it."""
    if split == GROUP and column is None:
        raise UserError(
            "--split is 'group', but no column tells which rows belong together; give "
            "--group-column NAME"
        )
    if split != GROUP and column is not None:
        raise UserError(
            f"--group-column is '{column}', but --split is '{split}'; give --split group with it"
        )


def check_split(split: Split, log: AccessLog, batch_size: int) -> None:
    """Refuse a split that lacks a class in a slice, or whose fit part is smaller than a batch."""
    if len(split.fit) < batch_size:
        longer = "a longer log" if log.first_rows is None else f"more --rows than {log.first_rows}"
        raise UserError(
            f"the fit part has {_count(len(split.fit), 'row')}, fewer than a batch of "
            f"{batch_size}; give {longer}"
        )
    for label, word in enumerate(log.label_words):
        if len(log.labels) and label not in log.labels:
            raise UserError(_absent(f"class {label} ({word})", log))
    lacking = missing_class(split, log)
    if lacking is not None:
        raise UserError(f"{lacking}{_remedy(split.name, log)}")


def missing_class(split: Split, log: AccessLog) -> str | None:
    """Return which slice lacks a class; None if each has both."""
    for name, rows in split.slices.items():
        present = np.bincount(log.labels[rows], minlength=2)
        for label, word in enumerate(log.label_words):
            if not present[label]:
                return (
                    f"the {name} part has no row of class {label} ({word}) among its {len(rows):,}"
                )
    return None


def _absent(lacking: str, log: AccessLog) -> str:
    if log.first_rows is None:
        return f"the log has no row of {lacking} among its {len(log.labels):,}; a search needs both"
    return (
        f"the first {log.first_rows:,} rows, which --rows {log.first_rows} takes, have no row of "
        f"{lacking}; give more --rows, or --split shuffled to draw them from the whole log"
    )


def _remedy(split: str, log: AccessLog) -> str:
    order = LabelOrder.of(log.labels)
    if split == CHRONOLOGICAL and not order.is_mixed:
        return f": {order}; give --split shuffled"
    if split == GROUP:
        return "; name another --group-column, or give --split stratified"
    longer = "a longer log" if log.first_rows is None else f"more --rows than {log.first_rows}"
    return f"; give {longer}" + ("" if split == STRATIFIED else f" or --split {STRATIFIED}")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def repeated(texts: Sequence[str], rows: Rows, among: Rows) -> npt.NDArray[np.bool_]:
    """Return for each of the rows, [m], whether its text is that of one of the others, [k]."""
    texts = texts if isinstance(texts, Texts) else Texts.of(texts)
    # Numbers of 64 bits, so that equal ones are equal texts.
    hashes, others = (
        np.fromiter(map(hash, texts.at(part)), np.int64, len(part)) for part in (rows, among)
    )
    return np.isin(hashes, others)


def without_repeated(split: Split, texts: Sequence[str]) -> Split:
    """Leave out what a slice has in common with one before it.

    These are the held-out rows whose text stands in the training part, and the validation rows
    whose text stands among the fitted ones. The fitted rows stay as they are.
    """
    validation = split.validation[~repeated(texts, split.validation, split.fit)]
    heldout = split.heldout[~repeated(texts, split.heldout, split.train)]
    return replace(split, validation=validation, heldout=heldout)
