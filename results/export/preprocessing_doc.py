"""PREPROCESSING.md and test vectors, for porting the preprocessing to other languages."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from data.dataset import Dataset
from data.reading import LOG_FORMATS, LogFormat
from data.records import (
    LABEL_KEY,
    Preprocessing,
    RecordError,
    RowLayout,
    clean,
    encode,
    padded_lengths,
)
from results.export.conversion import Sample
from results.export.model_card import code
from results.scoring import Threshold

VECTORS = 24
_TEMPLATE = Path(__file__).with_name("assets") / "PREPROCESSING.md"


def preprocessing_text(preprocessing: Preprocessing, threshold: Threshold) -> str:
    """Explain the preprocessing and the threshold of an export, as Markdown."""
    unknown = "Every other character is left out."
    if preprocessing.unknown:
        unknown = "Every other character has one more id, the number of `characters` plus 1."
    padding = f"to {preprocessing.max_length} ids."
    if preprocessing.padding != "full":
        padding = (
            f"to the record's own length, rounded up to a multiple of {preprocessing.grid} (at "
            f"least {preprocessing.grid}, at most {preprocessing.max_length})."
        )
    normal, malicious = (code(word) for word in preprocessing.label_words)
    return _TEMPLATE.read_text(encoding="utf-8").format(
        line=_line(preprocessing),
        clean=_cleaning(preprocessing),
        unknown=unknown,
        max_length=preprocessing.max_length,
        padding=padding,
        threshold=threshold.value,
        normal=normal,
        malicious=malicious,
    )


def _line(preprocessing: Preprocessing) -> str:
    known, layout = LOG_FORMATS[preprocessing.format], preprocessing.layout
    if layout is None:
        return _json_line(known, preprocessing.label_key)
    if layout.is_whole:
        return "It is the text itself, with its quotes and commas as they are."
    described = _row(known, layout)
    if layout.header:
        described += " A first line that is `layout.header` is left out."
    if known.keyed:
        return described
    return (
        f"{described} A quote that does not close, or behind which the cell goes on, is part of "
        "the text. A row may go on over lines inside quotes. The service takes every string as the "
        "text itself, and so does `predict.py --format text`."
    )


def _json_line(known: LogFormat, label_key: str) -> str:
    if label_key == LABEL_KEY:
        return known.description
    dots = ""
    if "." in label_key:
        dots = " A dot leads into an object, unless the record itself has a key of that name."
    return (
        f"It is a JSON object; its keys {code(label_key)} and `{LABEL_KEY}`, if it has them, "
        f"are deleted.{dots}"
    )


def _row(known: LogFormat, layout: RowLayout) -> str:
    plain = replace(layout, header=(), is_multiline=False)
    if known.quote is not None and plain == RowLayout(known.delimiter, known.quote):
        return known.description
    itself = (
        "a bare JSON object"
        if known.keyed
        else "the text itself as it stands, one complete field in quotes"
    )
    between = {",": "commas", "\t": "tabs"}.get(layout.delimiter, code(layout.delimiter))
    columns = str(layout.width)
    if layout.required < layout.width:
        columns = f"{layout.required} to {layout.width}"
    empty = ", or empty" if layout.width > 2 else ""
    text = f"column {layout.text[0] + 1}"
    if len(layout.text) > 1:
        listed = ", ".join(str(index + 1) for index in layout.text)
        text = f"columns {listed} in this order, joined by single spaces (empty ones too)"
    return (
        f"It is {itself}, or a row of a table with {between} between the columns and the quote "
        f"character {code(layout.quote)}. A row has {columns} columns: the "
        f"{'object' if known.keyed else 'text'} is {text}; the label is column "
        f"{layout.label + 1}, and is ignored. It is one of `layout.labels` in "
        "`preprocessing.json` (stripped, in lower case, a whole number without zeros behind the "
        f"point){empty}; a line with anything else there is no row."
    )


def _cleaning(preprocessing: Preprocessing) -> str:
    if not LOG_FORMATS[preprocessing.format].keyed:
        return "Nothing is done to a plain text."
    keys = ", ".join(f"`{key}`" for key in preprocessing.dropped_keys) or "none"
    return (
        f"Parse the JSON object with its keys in their order (of a key that is there twice, the "
        f"first place and the last value); raw control characters inside a string are no error. "
        f"Delete these keys of the object itself, not of objects "
        f"inside it: {keys}. Dump the rest on one line without spaces (separators `,` and `:`), "
        "every character beyond ASCII escaped (`\\u00e9`, lower-case hexadecimal, two escapes "
        "above U+FFFF), as Python's `json.dumps(record, separators=(',', ':'))` does: `/` is not "
        "escaped, and numbers are written as Python writes them (`1.0`, `1e+16`)."
    )


def vectors_text(dataset: Dataset, sample: Sample, preprocessing: Preprocessing) -> str:
    """Write test vectors of held-out records of all lengths.

    A run keeps cleaned records only, so a raw one is made from each: with deleted keys, spaces and
    characters beyond ASCII put in, so that every step of the cleaning has something to do. They are
    JSON Lines: `raw`, `text` (cleaned), `ids` (not padded), `padded_length`, `score`, which is null
    if it is not finite.
    """
    some = sample.spread(VECTORS)
    texts = [dataset.texts[int(row)] for row in some.rows]
    encoded = encode(texts, dataset.vocabulary, preprocessing.max_length)
    padded = padded_lengths(encoded.lengths, preprocessing.padding)
    lines = []
    for index, text in enumerate(texts):
        ids = encoded.ids[encoded.offsets[index] : encoded.offsets[index + 1]]
        score = float(some.scores[index])
        vector = {
            "raw": raw_record(
                text, preprocessing.format, preprocessing.dropped_keys, preprocessing.row_layout
            ),
            "text": text,
            "ids": ids.tolist(),
            "padded_length": int(padded[index]),
            "score": float(f"{score:.9g}") if np.isfinite(score) else None,
        }
        lines.append(json.dumps(vector, allow_nan=False) + "\n")
    return "".join(lines)


def raw_record(
    text: str, format: str, dropped_keys: Sequence[str], layout: RowLayout | None = None
) -> str:
    """Make a raw line, without its label, that is cleaned to a text."""
    known = LOG_FORMATS[format]
    if layout is not None and layout.is_whole:
        return text
    if not known.keyed:
        delimiter = known.delimiter if layout is None else layout.delimiter
        quote = known.quote if layout is None else layout.quote
        line = io.StringIO()
        # Python 3.11 quotes no line break for the sake of one that is not its own.
        writer = csv.writer(
            line,
            quotechar=quote,
            delimiter=delimiter,
            lineterminator="",
            quoting=csv.QUOTE_ALL if {"\n", "\r"} & set(text) else csv.QUOTE_MINIMAL,
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
        candidate.encode()  # JSON may hold a lone surrogate, but UTF-8 cannot.
        return clean(candidate, dropped_keys) == text
    except (UnicodeEncodeError, RecordError):
        return False
