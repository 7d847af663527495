"""Reading and cleaning: parity with the notebook, round trips, and every bad row."""

import csv
import io
import itertools
import json
import lzma
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from data.common import UserError
from data.reading import AccessLog, read_log, request_values
from data.reading.formats import MAX_LINE
from data.records import DROPPED_KEYS, clean
from tests.data.records.served import export_settings, predicted

Writer = Callable[[str | bytes], str]

RAW = {
    "timestamp": 1,
    "method": "post",
    "query": {"q": "O'Brien, \u2011|é"},
    "path": "/login",
    "statusCode": 200,
    "source": {"userAgent": "x"},
    "route": "/login",
    "headers": {},
    "requestPayload": None,
    "responsePayload": "LOGIN",
}
CLEANED = (
    '{"method":"post","query":{"q":"O\'Brien, \\u2011|\\u00e9"},"path":"/login",'
    '"statusCode":200,"requestPayload":null}'
)


def brief_row(record: object, label: object) -> str:
    text = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
    return f"|{text.replace('|', '||')}|,{label}\n"


def notebook_texts(path: Path) -> tuple[list[str], list[int]]:
    """The notebook's own pipeline, absent keys allowed."""
    frame = pd.read_csv(path, quotechar="|", header=None, encoding="utf-8")
    texts = []
    for item in frame[0]:
        record = json.loads(item, object_pairs_hook=OrderedDict)
        for key in DROPPED_KEYS:
            if key in record:
                del record[key]
        texts.append(json.dumps(record, separators=(",", ":")))
    return texts, frame[1].tolist()


def test_shared_log_is_cleaned_as_the_notebook_does(shared_log: Path) -> None:
    log = read_log(str(shared_log))
    texts, labels = notebook_texts(shared_log)
    assert len(log.texts) == 26_773
    assert (log.format, log.skipped) == ("access-log", 0)
    assert log.texts == texts
    assert log.labels.dtype == np.uint8
    assert log.labels.tolist() == labels


any_text = st.text(st.characters(codec="utf-8"))
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)
records = st.dictionaries(any_text | st.sampled_from(DROPPED_KEYS), any_json, max_size=6)
labels = st.integers(0, 1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(records, labels), min_size=1, max_size=4), escaped=st.booleans())
def test_any_record_is_cleaned_as_the_notebook_does(
    tmp_path: Path, rows: list[tuple[dict[str, Any], int]], escaped: bool
) -> None:
    path = tmp_path / "log.csv"
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        # Alone on their lines, records must be quoted as in the brief to tell the format.
        writer = csv.writer(file, quotechar="|", quoting=csv.QUOTE_ALL)
        writer.writerows((json.dumps(record, ensure_ascii=escaped), n) for record, n in rows)
    log = read_log(str(path), format="access-log")
    assert (log.texts, log.labels.tolist()) == notebook_texts(path)
    assert read_log(str(path)).texts == log.texts


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(any_text.filter(lambda text: "\0" not in text), labels), min_size=1))
def test_plain_texts_come_back_as_they_are(tmp_path: Path, rows: list[tuple[str, int]]) -> None:
    path = tmp_path / "log.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["text", "label"])
        writer.writerows(rows)
    log = read_log(str(path), format="text")
    assert list(zip(log.texts, log.labels.tolist(), strict=True)) == rows


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(records, labels), min_size=1, max_size=4))
def test_json_lines_come_back_cleaned(
    tmp_path: Path, rows: list[tuple[dict[str, Any], int]]
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps({**record, "label": n}) + "\n" for record, n in rows))
    for record, _ in rows:
        record.pop("label", None)
    log = read_log(str(path))
    assert log.format == "jsonl"
    assert log.texts == [clean(json.dumps(record)) for record, _ in rows]
    assert log.labels.tolist() == [label for _, label in rows]


def test_cleans_one_record() -> None:
    assert clean(json.dumps(RAW)) == CLEANED
    assert clean(CLEANED) == CLEANED
    assert clean('{"a": 1, "b": 2}', dropped_keys=["b", "c"]) == '{"a":1}'
    assert json.loads(clean(json.dumps(RAW), dropped_keys=())) == RAW


def test_dropped_keys_are_an_option(write: Writer) -> None:
    path = write(brief_row(RAW, 0).encode())
    assert json.loads(read_log(path, dropped_keys=["query"]).texts[0]).keys() == RAW.keys() - {
        "query"
    }


def test_reads_only_the_first_rows(write: Writer) -> None:
    path = write(b"text,label\na,0\nb,1\nc,broken\n")
    assert read_log(path, rows=2).texts == ["a", "b"]
    with pytest.raises(UserError, match="row 4"):
        read_log(path, rows=3)


def test_byte_order_mark_is_no_part_of_the_text(write: Writer) -> None:
    assert read_log(write(b"\xef\xbb\xbfa,0\n")).texts == ["a"]
    assert read_log(write(b"\xef\xbb\xbf" + brief_row(RAW, 1).encode())).texts == [CLEANED]


def test_fingerprint_covers_texts_and_labels(write: Writer) -> None:
    def fingerprint(content: bytes) -> str:
        return read_log(write(content), format="text").sha256

    assert fingerprint(b"a,0\nb,1\n") == fingerprint(b"text,label\na,0\nb,1\n")
    others = [b"a,0\nb,0\n", b"b,1\na,0\n", b"ab,1\n", b"a,0\n", b"a,0\nb,1\nb,1\n"]
    assert len({fingerprint(other) for other in [b"a,0\nb,1\n", *others]}) == 6


DEEP = '{"a":' + "[" * 100_000 + "]" * 100_000 + "}"
GOOD = brief_row(RAW, 0)
BAD_ROWS = {
    "wrong column count": ("|{}|,0,1\n", "has 3 columns"),
    "one column": ("|{}|\n", "has 1 column,"),
    "no json": ("|no json|,0\n", "is not JSON (Expecting value, character 1)"),
    "cut json": ('|{"a":|,0\n', "is not JSON"),
    "json, but no object": ("|[1]|,0\n", "not an object"),
    "label 2": ("|{}|,2\n", "the label is '2', but must be 0 or 1"),
    "label missing": ("|{}|,\n", "the label is empty"),
    "nested": (f"|{DEEP}|,0\n", "nested too deeply"),
    "huge number": (f'|{{"a":{"9" * 5000}}}|,0\n', "a number that is too long"),
    "nul": ("|{}\0|,0\n", "NUL byte"),
    "utf-8": ('|{"a":"\udcff"}|,0\n', "is not UTF-8 at character 7"),
}

JSON_LINE = '{"a":1,"label":1}\n'
BAD_JSON_LINES = {
    "no label": ('{"a":1}\n', "has no key 'label'"),
    "no json": ("nothing\n", "is not JSON"),
    "label 2": ('{"label":2}\n', "must be 0 or 1"),
    "long label": (f'{{"label":{[0] * 999}}}\n', "must be 0 or 1"),
    "utf-8": ('{"a":"\udcff","label":0}\n', "is not UTF-8"),
}
BAD = {
    **{name: (GOOD, CLEANED, *bad) for name, bad in BAD_ROWS.items()},
    **{f"json, {name}": (JSON_LINE, '{"a":1}', *bad) for name, bad in BAD_JSON_LINES.items()},
}


@pytest.mark.parametrize(("good", "text", "bad", "message"), BAD.values(), ids=BAD)
def test_bad_row_is_named_or_skipped(
    write: Writer, good: str, text: str, bad: str, message: str
) -> None:
    path = write((good + "\n" + bad + good).encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError) as caught:
        read_log(path)
    assert str(caught.value).startswith(f"{path}, row 3: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    log = read_log(path, skip_bad_rows=True)
    assert (log.texts, log.skipped) == ([text, text], 1)


def test_missing_closing_quote_costs_only_its_neighbor(write: Writer) -> None:
    path = write((GOOD + GOOD.replace("|,0", ",0") + GOOD * 3).encode())
    with pytest.raises(UserError, match=r"row 2: .*; is a closing \| missing\?"):
        read_log(path)
    log = read_log(path, skip_bad_rows=True)
    assert (len(log.texts), log.skipped) == (3, 1)


def test_overlong_field(write: Writer) -> None:
    path = write(GOOD.encode() + b"|" + (b"x" * (MAX_LINE // 2) + b"\n") * 2)
    with pytest.raises(UserError, match=r"row 2: is longer than .*closing \| missing"):
        read_log(path)


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"\n\n", {}, "no usable row"),
        (b"text,label\n", {}, "no usable row"),
        (b"\xef\xbb\xbf", {}, "no usable row"),
        (b"a,2\nb,3\n", {"skip_bad_rows": True}, r"no usable row in it, .* 2 bad rows"),
        (b"a,0\n", {"format": "xml"}, "the format is 'xml'"),
        (b"a,0\n", {"rows": 0}, "must be 1 or more"),
        (b"a,0\n", {"rows": -1}, "must be 1 or more"),
    ],
)
def test_what_cannot_be_read(
    write: Writer, content: bytes, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        read_log(write(content), **options)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    log = read_log("-")
    assert (log.texts, log.source) == ([CLEANED], "standard input")


likely_bytes = st.lists(
    st.binary(max_size=6) | st.sampled_from([b"|", b"{", b"}", b'"a":', b",", b"0", b"1", b"\n"]),
    max_size=30,
).map(b"".join)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=likely_bytes,
    suffix=st.sampled_from(["csv", "csv.gz", "csv.xz", "zip"]),
    format=st.sampled_from([None, "access-log", "jsonl", "text"]),
    skip=st.booleans(),
)
def test_any_bytes_are_read_or_refused_in_one_line(
    tmp_path: Path, content: bytes, suffix: str, format: str | None, skip: bool
) -> None:
    path = tmp_path / f"log.{suffix}"
    path.write_bytes(content)
    try:
        log = read_log(str(path), format=format, skip_bad_rows=skip)
    except UserError as error:
        assert str(error).startswith(str(path))
        assert "\n" not in str(error)
    else:
        assert len(log.texts) == len(log.labels) >= 1
        assert set(log.labels.tolist()) <= {0, 1}


def test_lines_and_the_log_agree(shared_log: Path) -> None:
    with lzma.open(shared_log, "rt", encoding="utf-8") as file:
        lines = list(itertools.islice(file, 500))
    log = read_log(str(shared_log), rows=500)
    exported = export_settings(log.format, log.layout, DROPPED_KEYS)
    assert predicted([lines], exported) == log.texts


def test_values_are_leaves_and_the_path_without_slashes() -> None:
    record = {
        "method": "post",
        "query": {"a": ["x", 1.5, True, None, {"b": 'say "hi"'}], "empty": {}},
        "path": "/files/../etc",
        "statusCode": 200,
        "requestPayload": {"user": "O'Brien"},
    }
    assert request_values(json.dumps(record)).split("\n") == [
        " files .. etc",
        "x",
        "1.5",
        'say "hi"',
        "O'Brien",
    ]


@pytest.mark.parametrize("text", ["no json", "[1]", "12", "", DEEP])
def test_values_of_a_plain_text_are_the_text(text: str) -> None:
    assert request_values(text) == text


def test_log_is_the_same_whatever_the_container(write: Writer) -> None:
    from_csv: AccessLog = read_log(write(brief_row(RAW, 1).encode()))
    from_json = read_log(write(json.dumps({**RAW, "label": 1}).encode()))
    assert (from_csv.format, from_json.format) == ("access-log", "jsonl")
    assert from_csv.sha256 == from_json.sha256
