"""The champion's worst mistakes of a run, explained where its model can be asked."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from results.report import mistakes as worst_mistakes
from results.report.mistakes import Attributions, Mistake
from results.report.parts import attempt
from results.study import CHECKPOINT, Result, Store


@dataclass(frozen=True)
class Mistakes:
    """What is shown of them.

    Attributes:
        wrong: How many held-out rows the champion got wrong.
        worst: Those that it was most confident of.
        reason: Why their characters are not explained; "" where they are.
    """

    wrong: int
    worst: tuple[Mistake, ...]
    reason: str


def mistakes(store: Store, champion: Result | None, attribute: bool) -> Mistakes:
    """Collect the worst mistakes.

    Args:
        store: The run.
        champion: Its champion.
        attribute: Whether its model may be loaded, where that was not done before.

    Returns:
        The mistakes.

    Raises:
        ValueError: If there is no champion, or it has no held-out scores.
    """
    scores = None if champion is None else store.scores(champion)
    if champion is None or scores is None:
        raise ValueError("the run has no champion with held-out scores")
    heldout, labels = store.dataset.split.heldout, store.heldout_labels()
    positions = worst_mistakes.worst(heldout, labels, scores["heldout"])
    rows = [int(heldout[position]) for position in positions]
    found = attempt(lambda: _attributions(store, champion, rows, attribute))
    records = {record.row: record for record in found.content.records} if found.content else {}
    return Mistakes(
        wrong=int(((scores["heldout"] > 0.5) != labels.astype(bool)).sum()),
        worst=tuple(
            worst_mistakes.mistake(
                row,
                int(labels[position]),
                float(scores["heldout"][position]),
                store.dataset.texts[row],
                records.get(row),
            )
            for position, row in zip(positions, rows, strict=True)
        ),
        reason=found.reason,
    )


def _attributions(
    store: Store, champion: Result, rows: Sequence[int], attribute: bool
) -> Attributions:
    model = store.find(champion, CHECKPOINT)
    if model is None:
        raise ValueError("the champion's model was not kept")
    digest = _sha256(model)
    known = worst_mistakes.read(store.folder)
    if known is not None and known.fits(champion.name, digest, rows):
        return known
    if not attribute:
        raise ValueError("the report was asked not to load the model")
    from results.report.attribution import explain

    texts = [store.dataset.texts[row] for row in rows]
    padding = store.protocol.get("padding", "real")
    records = explain(model, store.dataset.vocabulary, padding, texts, rows)
    made = Attributions(champion.name, digest, records)
    worst_mistakes.write(made, store.folder)
    return made


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
