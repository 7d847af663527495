"""Scores for raw log lines: `python predict.py [FILE]` reads lines and writes one JSON line each.

It needs only numpy and onnxruntime, and the files beside it: model.onnx, vocabulary.json,
preprocessing.json and manifest.json. PREPROCESSING.md explains each step.
"""

import csv
import hashlib
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import onnxruntime

LONGEST_LINE = 2**24
WINDOW = 1024
LARGEST_BATCH = 128
DEEPEST = 500
# A row as the server writes it, also where the log was one that was saved again.
BRIEF: dict[str, Any] = {
    "quote": "|", "delimiter": ",", "text": 0, "label": 1, "width": 2, "required": 2,
    "labels": ["0", "1"], "is_whole": False,
}  # fmt: skip


class OnnxPredictor:
    """The exported model in a folder, together with its preprocessing.

    A ValueError says that a file was damaged. The checksums do not prove where it comes from.
    """

    def __init__(self, folder: Path) -> None:
        manifest = load((folder / "manifest.json").read_text(encoding="utf-8"))

        def read(name: str) -> bytes:
            content = (folder / name).read_bytes()
            if hashlib.sha256(content).hexdigest() != manifest["files"][name]["sha256"]:
                raise ValueError(f"{name} is not what was exported")
            return content

        self._given = load(read("preprocessing.json").decode())
        vocabulary = load(read("vocabulary.json").decode())
        characters = vocabulary["characters"]
        self._ids = {character: number for number, character in enumerate(characters, 1)}
        self._label_words = self._given.get("label_words", ["0", "1"])
        self._unknown = len(characters) + 1 if vocabulary["unknown"] else None
        self.threshold = float(manifest["threshold"]["value"])
        self._session = onnxruntime.InferenceSession(
            read("model.onnx"), providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def text(self, line: str) -> str:
        """Return the text that the model sees of a line of the log, or of a bare record.

        A ValueError says why there is no record in the line.
        """
        line = line.rstrip("\r\n")
        if not line.strip():
            raise ValueError("the line is empty")
        if len(line) >= LONGEST_LINE:
            raise ValueError(f"the line is longer than {LONGEST_LINE:,} characters")
        if "\0" in line:
            raise ValueError("holds a NUL byte; is it UTF-8 text?")
        try:
            line.encode()
        except UnicodeEncodeError as error:  # Such bytes were read as lone surrogates.
            raise ValueError(f"is not UTF-8 at character {error.start + 1}") from error
        layout = self._given["layout"]
        if not layout["keyed"]:
            return _only_field(line, layout, line)
        is_labelled = layout["quote"] is None  # A key of the record is the label.
        record = load(line) if is_labelled else _record(line, layout)
        dropped = [*self._given["dropped_keys"], *(["label"] if is_labelled else [])]
        for key in dropped:
            record.pop(key, None)
        return json.dumps(record, separators=(",", ":"))

    def ids(self, text: str) -> list[int]:
        """Return the ids of a cleaned text's last characters, not padded."""
        found = [self._ids.get(character, self._unknown) for character in text.lower()]
        return [number for number in found if number is not None][-self._given["max_length"] :]

    def padded_length(self, ids: list[int]) -> int:
        """Return the length to which a record is padded; it depends on that record alone."""
        grid, longest = self._given["grid"], self._given["max_length"]
        if self._given["padding"] == "full":
            return int(longest)
        return int(min(max(math.ceil(len(ids) / grid) * grid, grid), longest))

    def scores(self, records: list[list[int]]) -> list[float]:
        """Return the probability that each record, given by its ids, has label 1."""
        by_length: dict[int, list[int]] = {}
        for index, ids in enumerate(records):
            by_length.setdefault(self.padded_length(ids), []).append(index)
        found = [math.nan] * len(records)
        for length, indices in by_length.items():
            for start in range(0, len(indices), LARGEST_BATCH):
                batch = indices[start : start + LARGEST_BATCH]
                padded = np.zeros((len(batch), length), np.int32)
                for row, index in enumerate(batch):
                    if records[index]:
                        padded[row, -len(records[index]) :] = records[index]
                output = self._session.run(None, {self._input: padded})[0].reshape(-1)
                for index, score in zip(batch, output, strict=True):
                    found[index] = float(f"{score:.9g}")  # Nine digits restore a float32 exactly.
        return found

    def answers(self, lines: list[str]) -> list[dict[str, object]]:
        """Answer each raw line with its score, label and label word, or with the error if bad."""
        answers: list[dict[str, object]] = [{} for _ in lines]
        good, records = [], []
        for index, line in enumerate(lines):
            try:
                records.append(self.ids(self.text(line)))
                good.append(index)
            except (ValueError, RecursionError, csv.Error) as error:
                answers[index] = {"error": str(error)}
        for index, score in zip(good, self.scores(records), strict=True):
            if math.isfinite(score):
                label = int(score > self.threshold)
                word = self._label_words[label]
                answers[index] = {"score": score, "label": label, "label_word": word}
            else:
                answers[index] = {"error": "the model's score is not finite"}
        return answers


def load(record: str) -> dict[str, Any]:
    """Parse a JSON object; a ValueError says that it is none, or nested too deeply."""
    parsed = json.loads(record, strict=False)
    if not isinstance(parsed, dict):
        raise ValueError("the record is JSON, but no object")
    level: list[Any] = [parsed]
    for _ in range(DEEPEST):
        inner = [list(x.values()) if isinstance(x, dict) else x for x in level]
        level = [x for values in inner for x in values if isinstance(x, dict | list)]
        if not level:
            return parsed
    raise ValueError("the record is nested too deeply")


def _record(line: str, layout: dict[str, Any]) -> dict[str, Any]:
    """Take the record out of a row, also one of the brief's CSV, or a bare record."""
    if line.startswith(BRIEF["quote"]):
        layout = layout if layout["quote"] == BRIEF["quote"] else BRIEF
    elif not line.startswith(layout["quote"]):
        try:
            return load(line)
        except ValueError:
            pass  # Not bare, then: a record without commas needs no quotes in the CSV.
    return load(_only_field(line, layout, None))


def _only_field(line: str, layout: dict[str, Any], otherwise: str | None) -> str:
    """Return the text among the cells of a line, if nothing or a label of the log is beside it."""
    cells = _cells(line, layout) or [""]
    if len(cells) == 1:
        return cells[0]
    width = layout["width"]
    if len(cells) >= layout["required"] and not "".join(cells[width:]).strip():
        label = _common(cells[layout["label"]])
        if label in layout["labels"] or (not label and width > 2):
            return str(cells[layout["text"]])
    if otherwise is None:
        raise ValueError(f"has {len(cells)} columns, but must be a record, or with its label")
    return otherwise


def _cells(line: str, layout: dict[str, Any]) -> list[str]:
    if layout["is_whole"]:
        return [line]
    csv.field_size_limit(LONGEST_LINE)
    between, quote = layout["delimiter"], layout["quote"]
    is_tabs = between == "\t"
    if is_tabs and quote not in line:
        return line.split(between)
    try:
        # Between tabs a quote is one only if it closes.
        reader = csv.reader([line], quotechar=quote, delimiter=between, strict=is_tabs)
        return next(reader, [])
    except csv.Error:
        if not is_tabs:
            raise
        return line.split(between)


def _common(label: str) -> str:
    """Return what equal labels have in common: `Spam ` is `spam`, and `1.0` is `1`."""
    label = label.strip().casefold()
    number = re.fullmatch(r"\+?(-?(?:0|[1-9]\d{0,17}))(?:\.0*)?", label, re.ASCII)
    return str(int(number[1])) if number else label


def lines_of(source: BinaryIO) -> Iterator[str]:
    """Yield lines; a very long one is cut, but stays too long for `OnnxPredictor.text`.

    Bytes that are no UTF-8 become lone surrogates.
    """
    while line := source.readline(LONGEST_LINE + 1):
        if len(line) <= LONGEST_LINE or line.endswith(b"\n"):
            yield line.decode("utf-8-sig", "surrogateescape")
            continue
        yield line.decode("latin-1")  # As many characters as bytes: still too long.
        while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            line = source.readline(LONGEST_LINE + 1)


def windows(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield up to `WINDOW` lines at a time, fewer if they are long."""
    window: list[str] = []
    characters = 0
    for line in lines:
        window.append(line)
        characters += len(line)
        if len(window) == WINDOW or characters > LONGEST_LINE:
            yield window
            window, characters = [], 0
    if window:
        yield window


def main() -> None:
    """Answer the lines of a file, or of standard input."""
    folder = Path(__file__).resolve().parent
    try:
        predictor = OnnxPredictor(folder)
    except Exception as error:  # onnxruntime's have no type of their own.
        reason = " ".join(str(error).split())
        print(f"error: '{folder}' cannot be loaded: {reason}", file=sys.stderr)
        sys.exit(2)
    source = open(sys.argv[1], "rb") if len(sys.argv) > 1 else sys.stdin.buffer  # noqa: PTH123, SIM115
    with source:
        for window in windows(lines_of(source)):
            for answer in predictor.answers(window):
                print(json.dumps(answer))


if __name__ == "__main__":
    main()
