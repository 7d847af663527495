"""Bare text is the text: which records stand in lines, and what a row or a quoted field is."""

import csv
import io
import itertools
import logging
import random
from pathlib import Path

import pytest

from data.reading import read_log
from data.records import (
    DROPPED_KEYS,
    LINE_FORMATS,
    MAX_LINE,
    LineReader,
    RowLayout,
    batches_of_lines,
)
from tests.data.records.served import export_settings, predicted, served

TEXT = export_settings()
OVER_LINES = export_settings(layout=RowLayout(is_multiline=True))
WIDE = export_settings(
    layout=RowLayout(text=(1,), label=2, width=4, required=3, labels=("ham", "spam"))
)
TABS = export_settings(layout=RowLayout(delimiter="\t"))
WHOLE = export_settings(layout=RowLayout(labels=(), is_whole=True))

# Lines that are records as they stand, whatever else they look like.
BARE = [
    '" or 1=1 --',
    '"x" union select 1,1',
    'x" or "a"="a',
    "a,b,c",
    "a,2",
    "hello,",
    'say "hi"',
    "   ",
    "\t",
    '"',
    "'",
    'a,"b',
    "größe\u2028",
    '"x" ',
]


@pytest.mark.parametrize("text", BARE)
def test_a_line_is_the_record_as_it_stands(text: str) -> None:
    for lines in ([text], [f"{text}\n"], [f"{text}\r\n"], ["before\n", f"{text}\n", "behind"]):
        assert text in predicted([lines], TEXT)
        assert len(predicted([lines], TEXT)) == len(lines)


def test_lines_with_open_quotes_do_not_swallow_their_neighbors() -> None:
    for order in itertools.islice(itertools.permutations(BARE), 0, 500_000, 997):
        assert predicted([order], TEXT) == list(order)
    assert predicted([BARE * 50], OVER_LINES)  # It ends.


ROWS = {
    "a,1": "a",
    '"a, ""b""",0': 'a, "b"',
    "a, 1.0 ": "a",
    "http://h/?a=1,0": "http://h/?a=1",
    '"a field"': "a field",
    '""': "",
    ",0": "",
    "  ,0": "  ",
    'say "hi",1': 'say "hi"',
    '"a","1"': "a",
}


@pytest.mark.parametrize(("line", "text"), ROWS.items())
def test_a_row_with_its_label_and_a_quoted_field_are_taken_apart(line: str, text: str) -> None:
    assert predicted([["x\n", f"{line}\n", "y\n"]], TEXT) == ["x", text, "y"]
    # The service takes each record for what it is; and `predict` if it is told so.
    assert served(line, TEXT) == line
    assert predicted([[line]], TEXT, "text") == [line]


def test_a_string_of_the_service_is_exactly_the_record() -> None:
    for text in (*BARE, *ROWS, "", "a\n", "a\r\n", "text,label", '"a\nb",1'):
        assert served(text, TEXT) == served(text, WIDE) == served(text, WHOLE) == text


def test_the_columns_and_labels_of_the_log_make_a_row() -> None:
    lines = ["7,a,ham", "7,a,Spam ,x", "7,a,", '8,"b, c",spam', "7,a,1", "7,a", "a,ham"]
    expected = ["a", "a", "a", "b, c", "7,a,1", "7,a", "a,ham"]
    assert predicted([lines], WIDE) == expected
    assert predicted([["a\t1", '"b" c\t0', "d\t2", '"e']], TABS) == ["a", '"b" c', "d\t2", '"e']
    assert predicted([["a,1", '"b"']], WHOLE) == ["a,1", '"b"']


def test_a_header_is_known_behind_blank_lines() -> None:
    given = export_settings(layout=RowLayout(header=("text", "label")))
    lines = ["", " ", "text, label ", "a,1", "text,label"]
    assert predicted([lines], given) == ["error: the line is empty", " ", "a", "text,label"]


def test_rows_of_an_access_log_may_have_any_label_if_it_is_said_that_they_are_rows() -> None:
    given = export_settings("access-log")
    line = '|{"a":"b, c"}|,attack'
    assert predicted([[line]], given, "row") == ['{"a":"b, c"}']
    assert predicted([[line]], given)[0].startswith("error: has 2 columns")


@pytest.mark.parametrize("size", [1, 2, 99])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_quoted_field_over_lines_is_one_record(size: int, end: str) -> None:
    lines = [line + end for line in ("x", '"a', "", 'b ""c""', 'd",1', "y", '"e', 'f"', "z,0")]
    batches = [lines[start : start + size] for start in range(0, len(lines), size)]
    between = end or "\n"
    text = between.join(["a", "", 'b "c"', "d"])
    assert predicted(batches, OVER_LINES) == ["x", text, "y", f"e{between}f", "z"]
    # Such a field without a label is none if the log had none over lines.
    assert predicted(batches, TEXT) == ["x", text, "y", '"e', 'f"', "z"]
    assert predicted(batches, TEXT, "text")[1:3] == ['"a', "error: the line is empty"]


def test_what_a_csv_writer_writes_comes_back() -> None:
    drawn = random.Random(0)
    texts = ["".join(drawn.choices('ab",\n ', k=drawn.randint(1, 9))) for _ in range(2000)]
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([text, 1] for text in texts)
    lines = file.getvalue().splitlines(keepends=True)
    assert predicted([lines], TEXT) == texts
    assert predicted([lines], TEXT, "row") == texts


def test_an_open_quote_waits_for_a_writer_who_pauses_but_not_for_long() -> None:
    assert predicted([['"a'], [], ['b",1']], TEXT) == ["a\nb"]
    read = LineReader(TEXT).read([['"a'], [], [], ['b",1']])
    assert [list(records) for records in read] == [[], ['"a'], [], ['b"']]
    assert predicted([['"a'], [], [], ['b",1']], TEXT, "row") == ["a\nb"]


def test_a_quote_that_is_never_closed_holds_no_more_than_a_line_may_have() -> None:
    lines = ['"open', *["x" * 2**20] * 40]
    most = held = 0

    def counted() -> "itertools.chain[list[str]]":
        nonlocal most, held
        for line in lines:
            held += len(line)
            most = max(most, held)
            yield [line]  # type: ignore[misc]

    found = []
    for records in LineReader(TEXT).read(counted()):
        found += records
        held -= sum(len(str(record)) for record in records)
    assert found == lines
    assert most < 2**24 + 2**21


def test_the_header_of_the_log_is_not_scored(caplog: pytest.LogCaptureFixture) -> None:
    given = export_settings(layout=RowLayout(header=("payload", "Kind", "")))
    lines = ["payload, Kind\n", "a,1\n", "payload,Kind\n"]
    with caplog.at_level(logging.INFO):
        assert predicted([lines], given) == ["a", "payload,Kind"]
    assert caplog.messages == [
        "the first line names the columns ('payload, Kind'): it is not scored"
    ]
    assert predicted([lines], given, "text")[0] == "payload, Kind"
    assert predicted([lines], TEXT)[0] == "payload, Kind"
    assert served("payload,Kind", given) == "payload,Kind"


def test_formats_settle_doubt() -> None:
    lines = ["a,x", '"b"', "c", "d,e,f", '"g" h,1']
    assert predicted([lines], TEXT, "row") == [
        "a",
        "b",
        "c",
        "error: has 3 columns, but must have 2",
        'error: has a " that is not closed, or goes on behind',
    ]
    lines = ['"a\\n,0"', "{}", "b", "[" * 100_000]
    found = predicted([lines], TEXT, "json")
    assert found[0] == "a\n,0"
    assert found[1].startswith("error: the record must be a string")
    assert all(text.startswith("error: the line is not JSON (") for text in found[2:])
    assert set(LINE_FORMATS) == {"auto", "text", "row", "json"}
    with pytest.raises(ValueError, match="has no rows"):
        LineReader(WHOLE, "row")


KEYED = export_settings("access-log", dropped_keys=DROPPED_KEYS)


def test_records_of_keyed_logs() -> None:
    lines = [
        '{"q":"a,|b"}',
        '|{"q":"x',
        'y"}|,0',
        '|{"a":1',
        '{"b":2}',
        '|{"c":3}|,1',
        "",
        '|{"d":4',
    ]
    no_row = "error: has a | that is not closed, or goes on behind"
    expected = [
        '{"q":"a,|b"}',
        '{"q":"x\\ny"}',
        no_row,
        '{"b":2}',
        '{"c":3}',
        "error: the record is empty",
        no_row,
    ]
    assert predicted([lines], KEYED) == expected
    assert predicted([[line] for line in lines], KEYED) == expected
    assert served({"headers": 1, "a": 2}, KEYED) == served('|{"a":2}|,1', KEYED) == '{"a":2}'
    jsonl = export_settings("jsonl")
    assert predicted([['{"a":1,"label":0}', "7"]], jsonl) == [
        '{"a":1}',
        "error: the record is JSON, but not an object",
    ]


TABLES = {
    "a header and lines": 'payload,kind\n"a\nb",norm\n  ,anom\n"   ",norm\n"say ""c""",anom\n',
    "no header": '"or 1=1 --",1\nhttp://h/?a=1,0\n"x, y",1\n',
    "an index": "id,text,label\n0,a,ham\n1,b,spam\n2,text,ham\n",
    "semicolons": 'text;label\n"a;b";0\nc;1\n',
}


@pytest.mark.parametrize("name", TABLES)
def test_a_log_is_scored_as_it_was_trained(tmp_path: Path, name: str) -> None:
    (tmp_path / "log.csv").write_text(TABLES[name])
    log = read_log(str(tmp_path / "log.csv"))
    assert log.layout is not None
    assert log.layout.is_multiline == (name == "a header and lines")
    given = export_settings(log.format, log.layout)
    assert predicted([TABLES[name].splitlines(keepends=True)], given) == list(log.texts)


def test_a_batch_has_fewer_lines_if_they_are_long() -> None:
    half = "x" * (MAX_LINE // 2 + 1)
    lines = ["a", "b", "c", half, half, "d"]
    assert list(map(len, batches_of_lines(lines, 3))) == [3, 2, 1]
    assert [line for batch in batches_of_lines(lines, 3) for line in batch] == lines
    assert list(batches_of_lines([], 3)) == []
