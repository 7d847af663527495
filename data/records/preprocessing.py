"""What happens to a record before a model sees it: its settings, and the steps themselves."""

import contextlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from .characters import MAX_LINE, RecordError, check_characters
from .encoding import GRID, MAX_LENGTH, Encoded, Padding, Vocabulary, encode, padded_lengths
from .json_records import LABEL_KEY, load_record, without_keys, without_label
from .row_layout import RECORD_FORMATS, RowLayout

Answer = dict[str, object]

# How a line is taken apart, written out for those who do it in another language.
_LAYOUT = "layout"


@dataclass(frozen=True)
class Preprocessing:
    """How a raw line became the ids that the model was trained on."""

    format: str  # the log's format, one of `RECORD_FORMATS`
    dropped_keys: tuple[str, ...]  # keys that are deleted from each record
    unknown: bool  # whether characters outside the vocabulary share one id, or are left out
    # "real" pads on the left to the own length rounded up to a multiple of `grid`; "full" to
    # `max_length`.
    padding: Padding
    max_length: int = MAX_LENGTH  # how many of its last ids a record keeps
    grid: int = GRID  # ids that a padded length is a multiple of
    lower_case: bool = True  # whether characters are lower-cased
    # What label 0 and label 1 are called, in the words of the log; exports of earlier versions have
    # none.
    label_words: tuple[str, str] = ("0", "1")
    # Where the text and the label stand in a line; None if the format says so.
    row_layout: RowLayout | None = None
    # Where the label of a JSON Lines record stands (`label`, `event.kind`); it is deleted.
    label_key: str = LABEL_KEY

    def __post_init__(self) -> None:
        keys_are_text = all(isinstance(key, str) for key in self.dropped_keys)
        words = self.label_words
        words_are_text = isinstance(words, tuple) and all(isinstance(word, str) for word in words)
        for name, holds, expected in (
            ("format", self.format in RECORD_FORMATS, f"one of {', '.join(RECORD_FORMATS)}"),
            ("dropped_keys", keys_are_text, "a list of texts"),
            ("unknown", isinstance(self.unknown, bool), "true or false"),
            ("padding", self.padding in get_args(Padding), "real or full"),
            ("max_length", self.max_length == MAX_LENGTH, str(MAX_LENGTH)),
            ("grid", self.grid == GRID, str(GRID)),
            ("lower_case", self.lower_case is True, "true"),
            ("label_key", isinstance(self.label_key, str), "a text"),
            ("label_words", words_are_text and len(words) == 2, "two texts"),
        ):
            if not holds:
                raise ValueError(f"{name} is {getattr(self, name)!r}, but must be {expected}")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """Check values that come from a file or a caller; those with a default may be absent.

        Raises:
            ValueError: If a name is missing or unknown, or this version cannot honor a value.
        """
        try:
            own = {name: value for name, value in values.items() if name != _LAYOUT}
            own["dropped_keys"] = tuple(values["dropped_keys"])
            if isinstance(own.get("label_words"), list):
                own["label_words"] = tuple(own["label_words"])
            if own.get("row_layout") is not None:
                own["row_layout"] = RowLayout.of_json(own["row_layout"])
            return cls(**own)
        except (TypeError, KeyError) as error:
            raise ValueError(f"its names or types are wrong ({error})") from error

    @cached_property
    def layout(self) -> RowLayout | None:
        """Where the text and the label stand in a row; None for JSON Lines."""
        return self.row_layout or self.usual_layout

    @cached_property
    def usual_layout(self) -> RowLayout | None:
        """The layout of a row in the format itself, as nobody has saved it again."""
        known = RECORD_FORMATS[self.format]
        return None if known.quote is None else RowLayout(known.delimiter, known.quote)

    def layout_of(self, line: str) -> RowLayout | None:
        """Return the layout of one line, which may be one of the log before it was saved again."""
        layout, usual = self.layout, self.usual_layout
        if layout is None or usual is None or layout.quote == usual.quote:
            return layout
        is_other = RECORD_FORMATS[self.format].keyed and line.startswith(usual.quote)
        return usual if is_other else layout

    def as_json(self) -> dict[str, Any]:
        """Return what `of` takes, as plain JSON values."""
        known = RECORD_FORMATS[self.format]
        layout = {"keyed": known.keyed, "quote": None}
        if self.layout is not None:
            layout |= self.layout.as_json()
        lists = {name: list(getattr(self, name)) for name in ("dropped_keys", "label_words")}
        row_layout = None if self.row_layout is None else self.row_layout.as_json()
        return {**asdict(self), **lists, "row_layout": row_layout, _LAYOUT: layout}


@dataclass(frozen=True)
class Prepared:
    """Records on their way to the model."""

    encoded: Encoded  # the k good ones
    rows: npt.NDArray[np.int64]  # the index of each good one among the n records, int64 [k]
    lengths: npt.NDArray[np.int64]  # to how many ids each good one is padded, int64 [k]
    errors: dict[int, Answer]  # what was wrong with each of the others, by index
    each_us: float  # microseconds that preparing took, divided by n


class Preprocessor:
    """Cleans and encodes records exactly as the search did.

    Attributes:
        preprocessing: What the export says of the log.
    """

    def __init__(self, preprocessing: Preprocessing, vocabulary: Vocabulary) -> None:
        self.preprocessing = preprocessing
        self._format = RECORD_FORMATS[preprocessing.format]
        self._vocabulary = vocabulary

    def text(self, record: object) -> str:
        """Clean one record to the text that the model sees, or raise a `RecordError`.

        If the log's records are texts, it is one of them exactly; else a JSON object with its keys
        in their order, its JSON, or a row of the log (its label is ignored).
        """
        if isinstance(record, str):
            if len(record) >= MAX_LINE:
                raise RecordError(f"the record is longer than {MAX_LINE:,} characters")
            check_characters(record)
        if self._format.keyed:
            found = object_in(record, self.preprocessing) if isinstance(record, str) else record
            if not isinstance(found, dict):
                raise RecordError("the record must be an object or a string")
            if self._format.quote is None:
                found = without_label(found, self.preprocessing.label_key)
            return without_keys(dict(found), self.preprocessing.dropped_keys)
        if not isinstance(record, str):
            raise RecordError("the record must be a string: the model was trained on plain text")
        return record

    def prepare(self, records: Sequence[object]) -> Prepared:
        """Clean and encode n records independently: a bad one does not affect the others.

        They are what `text` takes, or a RecordError that says what is wrong with one, [n].
        """
        started = time.perf_counter()
        texts: list[str] = []
        rows: list[int] = []
        errors: dict[int, Answer] = {}
        for row, record in enumerate(records):
            try:
                if isinstance(record, RecordError):
                    raise record
                texts.append(self.text(record))
                rows.append(row)
            except RecordError as error:
                errors[row] = {"error": str(error)}
        encoded = self.encode(texts)
        lengths = padded_lengths(encoded.lengths, self.preprocessing.padding)
        each_us = (time.perf_counter() - started) / max(len(records), 1) * 1e6
        return Prepared(encoded, np.array(rows, np.int64), lengths, errors, each_us)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encode cleaned texts."""
        return encode(texts, self._vocabulary, self.preprocessing.max_length)


def object_in(
    record: str, preprocessing: Preprocessing, *, any_label: bool = False
) -> dict[str, Any]:
    """Parse the object that a text is, or that stands in a row of a log."""
    record = record.rstrip("\r\n")
    if not record.strip():
        raise RecordError("the record is empty")
    layout = preprocessing.layout_of(record)
    if layout is None:
        return load_record(record)
    if not record.startswith(layout.quote):
        # Without commas it needs no quotes in a row.
        with contextlib.suppress(RecordError):
            return load_record(record)
    cells = layout.cells(record)
    if cells is None:
        raise RecordError(f"has a {layout.quote} that is not closed, or goes on behind")
    text = cells[0] if len(cells) == 1 else layout.text_of(cells, any_label=any_label)
    if text is None and (usual := preprocessing.usual_layout) is not None:
        text = usual.text_of(cells, any_label=any_label)
    if text is None:
        raise RecordError(f"has {len(cells)} columns, but must be a record, or with its label")
    return load_record(text)


def make_answer(score: float, threshold: float, label_words: tuple[str, str]) -> Answer:
    """Make an answer of a probability of label 1, which is given above the threshold.

    It is `{"score", "label", "label_word"}`, or `{"error"}` if the score is not finite.
    """
    if not math.isfinite(score):
        return {"error": "the model's score is not finite"}
    label = int(score > threshold)
    # Nine digits restore a float32 exactly.
    return {"score": float(f"{score:.9g}"), "label": label, "label_word": label_words[label]}
