"""Scores for raw log lines: `python predict.py [FILE]` writes one JSON line for each record.

It needs only numpy and onnxruntime, and what lies beside it: model.onnx, vocabulary.json,
preprocessing.json, manifest.json, and the folder records, which holds the preprocessing.
PREPROCESSING.md explains each step.
"""

import argparse
import hashlib
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True  # Nothing is added to the folder.

from records import (
    LINE_FORMATS,
    MAX_LINE,
    Answer,
    LineReader,
    Preprocessing,
    Preprocessor,
    Vocabulary,
    batches_of_lines,
    make_answer,
)

LINES = 1024
LARGEST_BATCH = 128


class OnnxPredictor:
    """The exported model in a folder, together with its preprocessing.

    A ValueError says that a file was damaged. The checksums do not prove where it comes from.
    """

    def __init__(self, folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))

        def read(name: str) -> bytes:
            content = (folder / name).read_bytes()
            if hashlib.sha256(content).hexdigest() != manifest["files"][name]["sha256"]:
                raise ValueError(f"{name} is not what was exported")
            return content

        def read_object(name: str) -> Any:
            return json.loads(read(name).decode())

        preprocessing = Preprocessing.of(read_object("preprocessing.json"))
        vocabulary = Vocabulary.of_json(read_object("vocabulary.json"))
        self.preprocessor = Preprocessor(preprocessing, vocabulary)
        self._label_words = preprocessing.label_words
        self._threshold = float(manifest["threshold"]["value"])
        self._session = onnxruntime.InferenceSession(
            read("model.onnx"), providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def answers(self, records: Sequence[object]) -> list[Answer]:
        """Answer each record with its score, label and label word, or with the error if bad."""
        prepared = self.preprocessor.prepare(records)
        found = dict(prepared.errors)
        for length in np.unique(prepared.lengths):
            same = np.flatnonzero(prepared.lengths == length)
            for start in range(0, len(same), LARGEST_BATCH):
                batch = same[start : start + LARGEST_BATCH]
                ids = prepared.encoded.padded(batch, int(length))
                scores = self._session.run(None, {self._input: ids})[0].reshape(-1)
                for row, score in zip(prepared.rows[batch].tolist(), scores.tolist(), strict=True):
                    found[row] = make_answer(score, self._threshold, self._label_words)
        return [found[row] for row in range(len(records))]


def lines_of(source: BinaryIO) -> Iterator[str]:
    """Yield lines without a mark at the beginning; a very long one is cut, but stays too long.

    Bytes that are not UTF-8 become lone surrogates.
    """
    encoding = "utf-8-sig"
    while line := source.readline(MAX_LINE + 1):
        if len(line) <= MAX_LINE or line.endswith(b"\n"):
            yield line.decode(encoding, "surrogateescape")
            encoding = "utf-8"
            continue
        yield line.decode("latin-1")  # As many characters as bytes: still too long.
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = source.readline(MAX_LINE + 1)


def main() -> None:
    """Answer the lines of a file, or of standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="a log (default: standard input)")
    parser.add_argument(
        "--format",
        choices=LINE_FORMATS,
        default="auto",
        help="; ".join(f"{name}: {told}" for name, told in LINE_FORMATS.items()),
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        predictor = OnnxPredictor(HERE)
    except Exception as error:  # onnxruntime's have no type of their own.
        reason = " ".join(str(error).split())
        print(f"error: '{HERE}' cannot be loaded: {reason}", file=sys.stderr)
        sys.exit(2)
    try:
        reader = LineReader(predictor.preprocessor.preprocessing, options.format)
    except ValueError as error:
        print(f"error: --format {options.format}: {error}; leave it out", file=sys.stderr)
        sys.exit(2)
    try:
        with options.file.open("rb") if options.file else sys.stdin.buffer as source:
            for records in reader.read(batches_of_lines(lines_of(source), LINES)):
                for answer in predictor.answers(records):
                    print(json.dumps(answer))
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # Whoever reads the answers has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
