"""Guessing the format, and finding rows, records and labels."""

import itertools
from collections.abc import Iterable

import pytest

from data.common import UserError
from data.reading import LOG_FORMATS, check_format
from data.reading.formats import MAX_LINE, RawRow, guess_format, guess_table, parse_row, rows
from data.reading.labels import Labels
from data.reading.table import Columns, Table, sample_lines


def as_bytes(lines: list[str]) -> list[bytes]:
    return [line.encode() for line in lines]


def numbered(lines: Iterable[bytes], format: str) -> list[tuple[int, RawRow]]:
    head, lines, is_all = sample_lines(iter(lines))
    return list(rows(lines, format, "x", guess_table(head, is_all, format, Columns())))


@pytest.mark.parametrize(
    ("first", "format"),
    [
        ('|{"a":1,"b":2}|,0', "access-log"),
        ("|no record at all|,0", "access-log"),
        ("|whoami,1", "text"),
        ('{"a":1},0', "access-log"),
        ('{"a":1,"label":0}', "jsonl"),
        ('{"a":1,"label":', "jsonl"),
        ("text,label", "text"),
        ("{{7*7}},1", "text"),
        ('"<script>, or so",1', "text"),
        ("", "text"),
    ],
)
@pytest.mark.parametrize("blank_lines", [0, 2])
def test_guesses_the_format(first: str, format: str, blank_lines: int) -> None:
    lines = ["\n"] * blank_lines + [first + "\n", "the second\n"]
    assert guess_format(as_bytes(lines)) == format


def test_guess_of_nothing() -> None:
    assert guess_format([]) in LOG_FORMATS


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 3000])
def test_a_sample_loses_no_line(count: int) -> None:
    lines = as_bytes([f"line {number}\n" for number in range(count)])
    head, given_back, is_all = sample_lines(iter(lines))
    assert head == lines[: len(head)]
    assert is_all == (len(head) == count)
    assert list(given_back) == lines


# Name: lines, format, rows by their numbers.
ROWS: dict[str, tuple[str, str, list[tuple[int, RawRow]]]] = {
    **{
        f"a header {header!r} is counted, but left out": (
            f"{header}a,0\n\nlabel,label\n",
            "text",
            [(2, ["a", "0"]), (4, ["label", "label"])],
        )
        for header in ("text,label\n", "Text, Label \r\n", '"payload","label"\n')
    },
    "only the first row may be a header": (
        *("a,0\ntext,label\n", "text", [(1, ["a", "0"]), (2, ["text", "label"])]),
    ),
    "an access log has no header": ("text,label\n", "access-log", [(1, ["text", "label"])]),
    "a field over several lines": (
        *('"a\nb",1\nc,0\n', "text", [(1, ["a\nb", "1"]), (2, ["c", "0"])]),
    ),
    "a doubled quote is one": ("|a||b|,1\n", "access-log", [(1, ["a|b", "1"])]),
}


@pytest.mark.parametrize(("content", "format", "expected"), ROWS.values(), ids=ROWS)
def test_rows_are_split_and_numbered(
    content: str, format: str, expected: list[tuple[int, RawRow]]
) -> None:
    assert numbered(content.encode().splitlines(keepends=True), format) == expected


@pytest.mark.parametrize(
    ("value", "label"),
    [("0", "0"), ('"1"', "1"), ("true", "true"), ("1.0", "1.0"), ('"ham"', "ham"), ("[0]", "[0]")],
)
def test_label_of_json(value: str, label: str) -> None:
    assert parse_row(f'{{"a":2,"label":{value}}}', "jsonl", Table(), Labels()) == ({"a": 2}, label)


def test_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="'xml', but must be one of access-log, jsonl, text"):
        check_format("xml")


@pytest.mark.parametrize(("format", "quote"), [("access-log", "|"), ("text", '"')])
def test_a_row_without_end_is_refused_before_it_fills_the_memory(format: str, quote: str) -> None:
    # Each line ends one quoted field and begins the next.
    endless = itertools.chain(
        [b"a,0\n", quote.encode()], itertools.repeat(f"\n{quote},{quote}".encode() * 1000)
    )
    with pytest.raises(UserError, match=f"x, row 2: is longer than {MAX_LINE:,} bytes"):
        numbered(endless, format)


def test_the_limit_is_a_rows_own() -> None:
    lines = ['"a\n', f'{"x" * (MAX_LINE // 3)}",1\n'] * 4
    assert [n for n, _ in numbered(as_bytes(lines), "text")] == [1, 2, 3, 4]
