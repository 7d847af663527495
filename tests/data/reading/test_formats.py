"""Guessing the format, and finding rows, records and labels."""

import itertools

import pytest

from data.common import UserError
from data.reading import LOG_FORMATS, check_format
from data.reading.formats import MAX_FIELD, guess_format, parse_row, rows


def as_bytes(lines: list[str]) -> list[bytes]:
    return [line.encode() for line in lines]


@pytest.mark.parametrize(
    ("first", "format"),
    [
        ('|{"a":1,"b":2}|,0', "access-log"),
        ("|no record at all|,0", "access-log"),
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
def test_guesses_the_format_and_loses_no_line(first: str, format: str, blank_lines: int) -> None:
    lines = ["\n"] * blank_lines + [first + "\n", "the second\n"]
    guessed, given_back = guess_format(iter(as_bytes(lines)))
    assert guessed == format
    assert list(given_back) == as_bytes(lines)


def test_guess_of_nothing() -> None:
    guessed, lines = guess_format(iter([]))
    assert guessed in LOG_FORMATS
    assert list(lines) == []


@pytest.mark.parametrize("header", ["text,label\n", "Text, Label \r\n", '"payload","label"\n'])
def test_header_is_counted_but_left_out(header: str) -> None:
    lines = [header, "a,0\n", "\n", "label,label\n"]
    assert list(rows(iter(as_bytes(lines)), "text", "x")) == [
        (2, ["a", "0"]),
        (4, ["label", "label"]),
    ]


def test_only_the_first_row_may_be_a_header() -> None:
    assert list(rows(iter([b"a,0\n", b"text,label\n"]), "text", "x"))[1] == (2, ["text", "label"])
    assert list(rows(iter([b"text,label\n"]), "access-log", "x")) == [(1, ["text", "label"])]


def test_quoted_field_over_several_lines_is_one_row() -> None:
    lines = ['"a\n', 'b",1\n', "c,0\n"]
    assert list(rows(iter(as_bytes(lines)), "text", "x")) == [(1, ["a\nb", "1"]), (2, ["c", "0"])]


def test_doubled_quote_is_one() -> None:
    assert list(rows(iter([b"|a||b|,1\n"]), "access-log", "x")) == [(1, ["a|b", "1"])]


@pytest.mark.parametrize(
    ("value", "label"), [("0", 0), ("1", 1), ('"1"', 1), ("2", None), ("true", None), ("1.0", None)]
)
def test_label_of_json(value: str, label: int | None) -> None:
    row = f'{{"a":2,"label":{value}}}'
    if label is None:
        with pytest.raises(UserError, match=r"the label is .* must be 0 or 1"):
            parse_row(row, "jsonl")
    else:
        assert parse_row(row, "jsonl") == ({"a": 2}, label)


def test_long_wrong_label_is_shortened() -> None:
    with pytest.raises(UserError) as caught:
        parse_row(["text", "x" * 1000], "text")
    assert len(str(caught.value)) < 100


def test_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="'xml', but must be one of access-log, jsonl, text"):
        check_format("xml")


def test_split_of_a_blank_line() -> None:
    assert LOG_FORMATS["access-log"].split("") == [""]


def test_split_of_an_overlong_field() -> None:
    with pytest.raises(UserError, match="field larger than field limit"):
        LOG_FORMATS["text"].split("x" * (2**24 + 1))


@pytest.mark.parametrize(("format", "quote"), [("access-log", "|"), ("text", '"')])
def test_a_row_without_end_is_refused_before_it_fills_the_memory(format: str, quote: str) -> None:
    # Each line ends one quoted field and begins the next.
    endless = itertools.chain(
        [b"a,0\n", quote.encode()], itertools.repeat(f"\n{quote},{quote}".encode() * 1000)
    )
    with pytest.raises(UserError, match=f"x, row 2: is longer than {MAX_FIELD:,} bytes"):
        list(rows(endless, format, "x"))


def test_the_limit_is_a_rows_own() -> None:
    lines = ['"a\n', f'{"x" * (MAX_FIELD // 3)}",1\n'] * 4
    assert [n for n, _ in rows(iter(as_bytes(lines)), "text", "x")] == [1, 2, 3, 4]
