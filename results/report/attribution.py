"""Which characters of a record raise its score: what changes when they are replaced."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.common import track, write_text
from data.records import MAX_LENGTH, Padding, Vocabulary, encode
from results.scoring import strict_json
from results.study import CHECKPOINT, Result, Store

FILE = "attribution.json"
WIDTH = 3
MOST_WINDOWS = 512
_EPSILON = 1e-7

Effects = npt.NDArray[np.float64]

log = logging.getLogger(__name__)


def character_effects(
    store: Store, champion: Result, rows: Sequence[int], *, load_model: bool
) -> Mapping[int, Sequence[float]]:
    """Return by how much each character of some rows raises the champion's log odds of an attack.

    These are the last 1,024 characters, which the model sees. They are computed once and kept in
    the run's folder; without `load_model` those that were not kept are a ValueError.
    """
    model = store.find(champion, CHECKPOINT)
    if model is None:
        raise ValueError("the champion's model was not kept")
    with model.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    known = read_effects(store.folder, champion.name, digest)
    if known.keys() >= set(rows):
        return known
    if not load_model:
        raise ValueError("the report was asked not to load the model")
    texts = [store.dataset.texts[row] for row in rows]
    padding = store.protocol.get("padding", "real")
    found = explain(model, store.dataset.vocabulary, padding, texts)
    effects = dict(zip(rows, found, strict=True))
    write_effects(store.folder, champion.name, digest, effects)
    return effects


def explain(
    model: Path, vocabulary: Vocabulary, padding: Padding, texts: Sequence[str]
) -> list[list[float]]:
    """Replace a few neighboring characters at a time and see what that does to the score.

    Occlusion as in Zeiler and Fergus (Visualizing and understanding convolutional networks,
    ECCV 2014): windows of three characters become the log's most frequent letter or digit, which
    says nothing by itself. A character's effect is the mean over the windows that cover it.
    Characters before the last 1,024, which the model does not see, are left out.
    """
    from results.scoring import Scorer, probabilities
    from results.serving import load_model

    scorer = Scorer(load_model(model))
    filler = next(filter(str.isalnum, vocabulary.characters), "a")

    def log_odds(variants: Sequence[str]) -> Effects:
        encoded = encode(variants, vocabulary)
        scores = probabilities(scorer, encoded, np.arange(len(variants)), padding=padding)
        clipped = np.clip(scores.astype(np.float64), _EPSILON, 1 - _EPSILON)
        return np.asarray(np.log(clipped / (1 - clipped)))

    seen = [text[-MAX_LENGTH:] for text in texts]
    tracked = track(seen, "explaining the worst mistakes", len(seen))
    return [np.round(occlude(text, log_odds, filler), 4).tolist() for text in tracked]


def occlude(text: str, score: Callable[[Sequence[str]], Effects], filler: str) -> Effects:
    """Find by how much each of a text's n characters raises its score, [n].

    `score` gives a figure for each of several texts; `filler` is the character that replaces
    others.
    """
    effects, covers = np.zeros(len(text)), np.zeros(len(text))
    step = max(1, -(-len(text) // MOST_WINDOWS))
    width = max(WIDTH, 2 * step - 1)
    spans = [
        (max(0, middle - width // 2), min(len(text), middle + width // 2 + 1))
        for middle in range(0, len(text), step)
    ]
    replaced = [text[:low] + filler * (high - low) + text[high:] for low, high in spans]
    whole, *figures = score([text, *replaced])
    for (low, high), figure in zip(spans, figures, strict=True):
        effects[low:high] += whole - figure
        covers[low:high] += 1
    return np.divide(effects, covers, out=effects, where=covers > 0)


def read_effects(folder: Path, champion: str, digest: str) -> dict[int, tuple[float, ...]]:
    """Read what was kept of this champion's model, by row; nothing if it is another's or damaged.

    `digest` is the SHA-256 of the model's file, in hexadecimal.
    """
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if (content["champion"], content["model"]) != (champion, digest):
            return {}
        return {
            int(record["row"]): tuple(float(effect) for effect in record["effects"])
            for record in content["records"]
        }
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.debug("no attributions are read: %s", error)
        return {}


def write_effects(
    folder: Path, champion: str, digest: str, effects: Mapping[int, Sequence[float]]
) -> None:
    """Keep the effects, so that the next report need not load the model."""
    records = [{"row": row, "effects": list(each)} for row, each in effects.items()]
    content = {"champion": champion, "model": digest, "records": records}
    write_text(folder / FILE, strict_json(content))
