"""Scores for raw log lines from an exported model; needs neither the study nor the search."""

import codecs
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from data.access_log import clean, parse_line
from data.command import Parser, run
from data.encode import encode
from data.errors import UserError
from data.source import MAX_LINE, STDIN, open_lines
from results.evaluate import BATCH_SIZE, Scorer, probabilities
from results.exported import Export, load_export
from results.metrics import THRESHOLD

CHUNK_BYTES = 2**18


class Predictor:
    """An exported model together with its preprocessing."""

    def __init__(self, export: Export) -> None:
        """Prepare the model; it is traced at the first scores.

        Args:
            export: The loaded export.
        """
        self._preprocessing = export.preprocessing
        self._vocabulary = export.vocabulary
        self._score = Scorer(export.model)

    @classmethod
    def load(cls, folder: Path) -> "Predictor":
        """Load an export.

        Args:
            folder: What `results.export` wrote.

        Returns:
            Its predictor.

        Raises:
            UserError: If the folder is incomplete or damaged.
        """
        return cls(load_export(folder))

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
        if self._preprocessing.format == "text":
            return record
        return clean(record, self._preprocessing.dropped_keys)

    def scores(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the probability that each text is malicious.

        Args:
            texts: Cleaned texts, [n].

        Returns:
            Probabilities of label 1, float32 [n].
        """
        if not texts:
            return np.empty(0, dtype=np.float32)
        encoded = encode(texts, self._vocabulary, self._preprocessing.max_length)
        padding = self._preprocessing.padding
        return probabilities(self._score, encoded, np.arange(len(texts)), padding=padding)

    def answers(self, lines: Sequence[str]) -> list[dict[str, object]]:
        """Answer raw lines, each for itself: a bad one spoils no other.

        Args:
            lines: Raw lines, [n].

        Returns:
            In their order `{"score", "label", "latency_us"}`, or `{"error"}`, [n]. The latency is
            the time that these lines took together, from raw line to score, divided by n.
        """
        started = time.perf_counter()
        texts: list[str] = []
        errors: dict[int, str] = {}
        for index, line in enumerate(lines):
            try:
                texts.append(self.text(line))
            except UserError as error:
                errors[index] = str(error)
        scores = iter(self.scores(texts).tolist())
        each_us = (time.perf_counter() - started) / max(len(lines), 1) * 1e6
        return [
            {"error": errors[index]} if index in errors else _answer(next(scores), each_us)
            for index in range(len(lines))
        ]


def _answer(score: float, latency_us: float) -> dict[str, object]:
    if not math.isfinite(score):
        return {"error": "the model's score is not finite"}
    # Nine digits give a float32 back exactly.
    return {
        "score": float(f"{score:.9g}"),
        "label": int(score > THRESHOLD),
        "latency_us": round(latency_us, 1),
    }


def batches_of_file(path: str) -> Iterator[list[str]]:
    """Yield the lines of a file, plain or compressed, up to 512 at a time.

    Args:
        path: The file.

    Yields:
        Lines.

    Raises:
        UserError: If it cannot be read.
    """
    batch: list[str] = []
    characters = 0
    with open_lines(path) as lines:
        for line in lines:
            batch.append(line)
            characters += len(line)
            if len(batch) == BATCH_SIZE or characters > MAX_LINE:
                yield batch
                batch, characters = [], 0
    if batch:
        yield batch


def batches_of_stream(stream: BinaryIO) -> Iterator[list[str]]:
    """Yield lines as they arrive, up to 512 at a time, without waiting for a full batch.

    Args:
        stream: UTF-8 text, e.g. standard input; a slow writer's line is yielded at once.

    Yields:
        Lines; one that is too long is cut to what `Predictor.text` still finds too long.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
    read = getattr(stream, "read1", stream.read)
    rest = ""
    while chunk := read(CHUNK_BYTES):
        *whole, last = decoder.decode(chunk).split("\n")
        for start in range(0, len(whole), BATCH_SIZE):
            lines = whole[start : start + BATCH_SIZE]
            lines[0] = rest + lines[0]
            rest = ""
            yield lines
        rest += last
        if len(rest) > MAX_LINE:
            rest = rest[:MAX_LINE]
    rest += decoder.decode(b"", final=True)
    if rest:
        yield [rest]


def main(argv: Sequence[str]) -> int:
    """Read raw log lines, write one JSON line for each.

    Args:
        argv: The arguments after the program's name.

    Returns:
        The exit status; a bad line does not change it.
    """
    parser = Parser(prog="python -m results.predict", description=__doc__)
    parser.add_argument("folder", type=Path, help="an export, e.g. runs/NAME/best")
    parser.add_argument("file", nargs="?", default=STDIN, help="a log; standard input if left out")
    options = parser.parse_args(argv)
    predictor = Predictor.load(options.folder)
    from_stdin = options.file == STDIN
    batches = batches_of_stream(sys.stdin.buffer) if from_stdin else batches_of_file(options.file)
    for batch in batches:
        sys.stdout.writelines(json.dumps(answer) + "\n" for answer in predictor.answers(batch))
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    run(main)
