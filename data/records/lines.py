"""Which records stand in the lines of a file: `results.predict` reads them so."""

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .characters import MAX_LINE, RecordError, check_characters
from .preprocessing import Preprocessing, object_in
from .row_layout import RECORD_FORMATS

AUTO, TEXT, ROW, JSON = "auto", "text", "row", "json"
LINE_FORMATS: Mapping[str, str] = {
    AUTO: "each line is a record as it stands, unless it is one quoted CSV field, or a row of the "
    "log with its label",
    TEXT: "each line is a record as it stands",
    ROW: "all lines are CSV as in the log: rows, whatever their labels, or texts alone",
    JSON: "each line is JSON: a string is a record exactly",
}
log = logging.getLogger(__name__)


class LineReader:
    """Makes records of lines, in order and in constant memory.

    A line whose quote is not closed is read on with those that follow. What they make is one record
    if it is a row of the log with its label, or one quoted field and the log had rows over several
    lines. Else each of these lines stands for itself.

    Raises:
        ValueError: If the format is "row", but the log has no rows.
    """

    def __init__(self, preprocessing: Preprocessing, format: str = AUTO) -> None:
        self._preprocessing = preprocessing
        self._is_keyed = RECORD_FORMATS[preprocessing.format].keyed
        self._format = format
        layout = preprocessing.layout
        has_rows = layout is not None and not layout.is_whole
        if format == ROW and not has_rows:
            raise ValueError("the log that the model was trained on has no rows")
        self._layout = layout if has_rows and format in (AUTO, ROW) else None
        self._is_first = True
        self._held: list[str] = []  # The lines since a quote was opened.
        self._size = 0
        self._pauses = 0

    def read(self, batches: Iterable[Sequence[str]]) -> Iterator[list[object]]:
        """Read batches of lines, with their ends or without, as records that `prepare` takes.

        An empty batch says that no more lines have arrived yet, and a second one that none will for
        a while: no quote stays open then. It gives an empty list.
        """
        for lines in batches:
            records = [record for line in lines for record in self._next(line)]
            self._pauses = 0 if lines else self._pauses + 1
            if self._pauses > 1 and self._format != ROW:
                records = self._release()
            if records:
                yield records
            if not lines:
                yield []
        if self._held:
            yield self._release()

    def _next(self, line: str) -> list[object]:
        if self._held:
            return self._go_on(line)
        bare = _without_end(line)
        is_first = self._is_first
        self._is_first = is_first and not bare.strip()
        layout = self._layout and self._preprocessing.layout_of(bare)
        if layout is None:
            return [self._record(bare)]
        if is_first and layout.is_header(bare):
            log.info("the first line names the columns (%.200r): it is not scored", bare)
            return []
        if layout.is_open(bare) and not self._is_object(bare):
            self._held, self._size = [line], len(line)
            return []
        return [self._record(bare)]

    def _go_on(self, line: str) -> list[object]:
        layout = self._preprocessing.layout_of(self._held[0])
        assert layout is not None
        self._held.append(line)
        self._size += len(line)
        is_short = self._size < MAX_LINE
        # Begun with a quote it is read as what it is, the rest of a quoted field.
        bare = _without_end(line)
        if is_short and (layout.quote not in bare or layout.is_open(layout.quote + bare)):
            return []
        record = self._record_of_lines() if is_short else None
        if record is not None:
            self._held = []
            return [record]
        last = self._held.pop()
        return [*self._release(), *self._next(last)]

    def _release(self) -> list[object]:
        """Let each line stand for itself."""
        lines, self._held = self._held, []
        return [self._record(_without_end(line)) for line in lines]

    def _record_of_lines(self) -> str | None:
        """Return the record that all held lines make together; None if they make none."""
        joined = _without_end("".join([line.removesuffix("\n") + "\n" for line in self._held]))
        if self._is_keyed:
            return joined if self._is_object(joined) else None
        return self._text_in(joined)

    def _is_object(self, record: str) -> bool:
        if self._is_keyed:
            with contextlib.suppress(RecordError):
                object_in(record, self._preprocessing)
                return True
        return False

    def _record(self, line: str) -> object:
        """Return the record that a line is, or what is wrong with it."""
        try:
            if len(line) >= MAX_LINE:
                raise RecordError(f"the line is longer than {MAX_LINE:,} characters")
            if self._format == JSON:
                return _parsed(line)
            if self._is_keyed:
                is_row = self._format == ROW
                return object_in(line, self._preprocessing, any_label=True) if is_row else line
            return self._text(line)
        except RecordError as error:
            return error

    def _text(self, line: str) -> str:
        if not line:
            raise RecordError("the line is empty")
        check_characters(line)
        if self._layout is None:
            return line
        text = self._text_in(line)
        if text is None and self._format == ROW:
            cells, quote = self._layout.cells(line), self._layout.quote
            if cells is None:
                raise RecordError(f"has a {quote} that is not closed, or goes on behind")
            raise RecordError(f"has {len(cells)} columns, but must have {self._layout.required}")
        return line if text is None else text

    def _text_in(self, row: str) -> str | None:
        """Return the text in a row or quoted field; None if this is neither."""
        layout = self._layout
        assert layout is not None
        is_row = self._format == ROW
        cells = layout.cells(row)
        if cells is None:
            return None
        if len(cells) > 1:
            return layout.text_of(cells, any_label=is_row)
        is_one_line = "\n" not in row
        is_field = row.startswith(layout.quote) and (is_one_line or layout.is_multiline)
        return cells[0] if is_field or is_row else None


def batches_of_lines(lines: Iterable[str], size: int) -> Iterator[list[str]]:
    """Collect lines into batches, as `LineReader.read` takes them.

    Args:
        lines: Lines, with their ends or without.
        size: How many lines a batch has at most; it has fewer if they are long.

    Yields:
        The lines, in their order.
    """
    batch: list[str] = []
    characters = 0
    for line in lines:
        batch.append(line)
        characters += len(line)
        if len(batch) == size or characters > MAX_LINE:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _parsed(line: str) -> object:
    try:
        parsed: object = json.loads(line, strict=False)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"the line is not JSON ({error})") from error
    return parsed
