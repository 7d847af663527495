"""Test vectors for whoever ports the preprocessing: raw records with all that becomes of them."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from data.common import UserError
from data.dataset import Dataset, encode, padded_lengths
from data.reading import LOG_FORMATS, clean
from results.export.conversion import Sample
from results.serving import Preprocessing

COUNT = 24


def vectors(dataset: Dataset, sample: Sample, preprocessing: Preprocessing) -> str:
    """Write test vectors of held-out records of all lengths.

    A run keeps only cleaned records. So each raw one is made of a cleaned one, such that cleaning
    has all of its work to do: deleted keys are put in, spaces and characters beyond ASCII too.

    Args:
        dataset: The run's data.
        sample: Records with their scores.
        preprocessing: What the export does with a record.

    Returns:
        JSON Lines: `raw`, `text` (cleaned), `ids` (not padded), `padded_length`, `score`, which is
        null where it is not finite.
    """
    some = sample.spread(COUNT)
    texts = [dataset.texts[int(row)] for row in some.rows]
    encoded = encode(texts, dataset.vocabulary, preprocessing.max_length)
    padded = padded_lengths(encoded.lengths, preprocessing.padding)
    lines = []
    for index, text in enumerate(texts):
        ids = encoded.ids[encoded.offsets[index] : encoded.offsets[index + 1]]
        score = float(some.scores[index])
        vector = {
            "raw": raw(text, preprocessing.format, preprocessing.dropped_keys),
            "text": text,
            "ids": ids.tolist(),
            "padded_length": int(padded[index]),
            "score": float(f"{score:.9g}") if np.isfinite(score) else None,
        }
        lines.append(json.dumps(vector, allow_nan=False) + "\n")
    return "".join(lines)


def raw(text: str, format: str, dropped_keys: Sequence[str]) -> str:
    """Make a raw record that is cleaned to a text.

    Args:
        text: A cleaned record.
        format: The log's format.
        dropped_keys: The keys that cleaning deletes.

    Returns:
        One line without its label.
    """
    known = LOG_FORMATS[format]
    if not known.keyed:
        line = io.StringIO()
        writer = csv.writer(
            line, quotechar=known.quote, delimiter=known.delimiter, lineterminator=""
        )
        writer.writerow([text])
        return line.getvalue()
    record: dict[str, Any] = json.loads(text)
    made = {key: f"deleted {number}" for number, key in enumerate(dropped_keys)} | record
    for candidate in (json.dumps(made, ensure_ascii=False), json.dumps(made)):
        if _is_cleaned_to(candidate, text, dropped_keys):
            return candidate
    return text


def _is_cleaned_to(candidate: str, text: str, dropped_keys: Sequence[str]) -> bool:
    try:
        candidate.encode()  # A lone surrogate is a character of JSON, but none of UTF-8.
        return clean(candidate, dropped_keys) == text
    except (UnicodeEncodeError, UserError):
        return False
