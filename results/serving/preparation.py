"""From raw lines or records to what a model takes, each for itself; knows no model."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.common import UserError
from data.dataset import Encoded, Vocabulary, encode, padded_lengths
from data.reading import LOG_FORMATS, MAX_LINE, clean, dump_record, parse_line
from results.serving.exported import Preprocessing

Answer = dict[str, object]


@dataclass(frozen=True)
class Prepared:
    """Lines on their way to the model.

    Attributes:
        encoded: The k good ones.
        rows: Which of the n lines each good one was, int64 [k].
        lengths: To how many ids each good one is padded, int64 [k].
        errors: What was wrong with each of the others, by line.
        each_us: Microseconds that preparing took, divided by n.
    """

    encoded: Encoded
    rows: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    errors: dict[int, Answer]
    each_us: float


class Preparation:
    """What was done to the texts that a model was trained on."""

    def __init__(self, preprocessing: Preprocessing, vocabulary: Vocabulary) -> None:
        """Keep how it is done.

        Args:
            preprocessing: How a raw line becomes ids.
            vocabulary: Which character has which id.
        """
        self._preprocessing = preprocessing
        self._format = LOG_FORMATS[preprocessing.format]
        self._vocabulary = vocabulary

    def text(self, line: str) -> str:
        """Clean one raw line as the search did.

        Args:
            line: A line of a log of the export's format, its label ignored, or a bare record.

        Returns:
            The text that the model sees.

        Raises:
            UserError: If it is empty, too long, or holds no record.
        """
        if not line.strip():
            raise UserError("the line is empty")
        if len(line) >= MAX_LINE:
            raise UserError(f"the line is longer than {MAX_LINE:,} characters")
        record = parse_line(line, self._preprocessing.format)
        if not self._format.keyed:
            return record
        return clean(record, self._preprocessing.dropped_keys)

    def text_of(self, record: object) -> str:
        """Clean one record that came as JSON.

        Args:
            record: A raw line, or a parsed record with its keys in their order.

        Returns:
            The text that the model sees.

        Raises:
            UserError: If it is neither, or the export wants lines of text.
        """
        if isinstance(record, str):
            return self.text(record)
        if not self._format.keyed:
            raise UserError("the record must be a string: the model was trained on plain text")
        if not isinstance(record, dict):
            raise UserError("the record must be an object or a string")
        dropped = self._preprocessing.dropped_keys
        if self._format.quote is None:
            dropped = (*dropped, "label")
        return dump_record({key: value for key, value in record.items() if key not in dropped})

    def prepare(self, records: Sequence[object]) -> Prepared:
        """Clean and encode records, each for itself: a bad one spoils no other.

        Args:
            records: Raw lines or parsed records, [n].

        Returns:
            What the model takes, and what was wrong with the rest.
        """
        started = time.perf_counter()
        texts: list[str] = []
        rows: list[int] = []
        errors: dict[int, Answer] = {}
        for row, record in enumerate(records):
            try:
                texts.append(self.text_of(record))
                rows.append(row)
            except UserError as error:
                errors[row] = {"error": str(error)}
        encoded = self.encode(texts)
        lengths = padded_lengths(encoded.lengths, self._preprocessing.padding)
        each_us = (time.perf_counter() - started) / max(len(records), 1) * 1e6
        return Prepared(encoded, np.array(rows, np.int64), lengths, errors, each_us)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encode cleaned texts.

        Args:
            texts: The texts, [n].

        Returns:
            Their ids.
        """
        return encode(texts, self._vocabulary, self._preprocessing.max_length)
