"""What a reader leaves out or cannot use: said in a line each, and never silently."""

import json
import logging
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from data.common import UserError
from data.reading import read_log
from data.reading.skipped import SkippedRows
from tests.data.reading.refused import refusal

GOOD = b"".join(b"good %d,%d\n" % (n, n % 2) for n in range(300))


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "data.reading")
    return caplog


def read(path: Path, content: bytes, **options: Any) -> list[str]:
    path.write_bytes(content)
    return list(read_log(str(path), **options).texts)


def test_reasons_first_rows_and_labels_of_what_was_skipped(
    tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    bad = b"a,b,1\nc,d,e,0\nf,2\ng,h,1\n"
    assert len(read(tmp_path / "log", GOOD + bad + GOOD, skip_bad_rows=True)) == 600
    (first,) = said.messages
    assert first.startswith("4 bad rows were skipped: 3 as row 301 (has 3 columns, but must have 2")
    assert "1 as row 303 (the label is '2', but must be 0 or 1)" in first
    assert first.endswith("; 1 labeled 0, 2 labeled 1, 1 without a label that can be read")


def test_many_skipped_rows_are_warned_of(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    read(tmp_path / "log", GOOD + b"a,b,1\n" * 3, skip_bad_rows=True)
    assert len(said.messages) == 1
    said.clear()
    read(tmp_path / "log", GOOD + b"a,b,1\na,b,0\n" * 2, skip_bad_rows=True)
    assert said.messages[1].startswith("1.3% of the rows were skipped as bad")
    assert len(said.messages) == 2


def test_a_label_that_is_hit_harder_is_warned_of(
    tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    records = b"".join(b'{"a":%d,"label":%d}\n' % (n, n % 2) for n in range(300))
    bad = b'{"a":"broken,"label":1}\n' * 20
    assert len(read(tmp_path / "log", records + bad, skip_bad_rows=True)) == 300
    (harder,) = [message for message in said.messages if "harder" in message]
    assert harder.startswith(
        "the rows labeled 1 were hit harder: 11.8% of them were skipped, and 0.0% of those"
    )


def test_reasons_do_not_fill_the_memory() -> None:
    skipped = SkippedRows()
    for number in range(5000):
        skipped.add(number, f"reason {chr(0x4E00 + number)}", None)
    assert len(skipped.reasons) < 1100
    assert len(skipped.describe([1, 1])[0]) < 1000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a,b,0\nc,9\nd,9\n", ": 3 bad rows were skipped, 2 of them as row 2 (the label is '9'"),
        (b'{"a":1}\n' * 3, ": 3 bad rows were skipped as row 1 (the record has no key 'label'"),
    ],
)
def test_all_rows_bad(tmp_path: Path, content: bytes, reason: str) -> None:
    assert reason in refusal(tmp_path / "log", content, skip_bad_rows=True)


# Name: content, the row that is named, how many rows it has swallowed.
OPEN_QUOTES = {
    "closed rows later": (b'a,0\n"b,1\nc,0\nd",1\n', 2, "2 rows end in between ('...b,1')"),
    "closed in the next row": (b'a,0\n"b,1\nc",0\n', 2, "a row ends in between ('..."),
    "never closed": (b'a,0\n"b,1\nc,0\n', 2, "2 rows end in between"),
    "never closed, last row": (b'a,0\n"b,1\n', 2, "a row ends in between"),
    "before a quoted row": (b'a,0\r\n"b,1\r\n"c",0\r\n', 2, "a row ends in between"),
    "in the brief's log": (b'|{"a":1}|,0\n|{"b":2},0\n|{"c":3}|,1\n', 2, "a row ends in between"),
    "a label yet to come": (b'a,ham\n"b,spam\nc",ham\nd,spam\n', 2, "a row ends in between"),
    "first row": (b'"a,0\nb,0\nc",0\nd,0\n', 1, "2 rows end in between"),
    "first row, words": (b'"a,ham\nb,ham\nc",ham\nd,ham\n', 1, "2 rows end in between"),
    "first row, other labels": (b'"a,x\nb,x\nc",x\nd,x\n', 1, "2 rows end in between"),
}


@pytest.mark.parametrize(("content", "row", "swallowed"), OPEN_QUOTES.values(), ids=OPEN_QUOTES)
def test_a_quote_that_is_closed_rows_later_names_its_row(
    tmp_path: Path, content: bytes, row: int, swallowed: str
) -> None:
    message = refusal(tmp_path / "log", content)
    assert message.startswith(f", row {row}: its ")
    assert f"is closed on a later line, and {swallowed}" in message
    assert "missing?" in message


def test_a_quote_that_swallows_rows_to_the_end_is_told_of(tmp_path: Path) -> None:
    good = b'0,"a, b",0,x\n1,"c, d",1,y\n' * 20
    message = refusal(
        tmp_path / "log",
        good + b'2,"open,1,u\n' + b"0,a,0,x\n" * 9,
        text_column="2",
        label_column="3",
    )
    assert ", row 41: has 2 columns, but must have 4; " in message
    assert 'it goes over 11 lines: is a closing " missing?' in message


def test_a_text_of_several_lines_is_no_open_quote(tmp_path: Path) -> None:
    content = b'"GET /a\nHost: x,y\n\n",1\n"one, 0 or 1,\ntwo",0\n'
    assert read(tmp_path / "log", content) == ["GET /a\nHost: x,y\n\n", "one, 0 or 1,\ntwo"]
    assert read(tmp_path / "log", b'"Dear all, yes\nno",0\nb,1\n')[0] == "Dear all, yes\nno"


@pytest.mark.parametrize(
    ("record", "dropped", "inside"),
    [
        ({"a": 1}, None, None),
        ({"http": {"timestamp": 1}}, None, "http.timestamp"),
        ({"a": {"b": {"headers": 1}}}, None, "a.b.headers"),
        ({"timestamp": 1}, None, ""),
        ({"a": 1}, (), ""),
        ({"a": 1}, ("b",), None),
    ],
)
def test_that_no_key_was_dropped_is_said(
    tmp_path: Path,
    said: pytest.LogCaptureFixture,
    record: dict[str, Any],
    dropped: tuple[str, ...] | None,
    inside: str | None,
) -> None:
    options = {} if dropped is None else {"dropped_keys": dropped}
    content = f"|{json.dumps(record)}|,0\n".encode()
    read(tmp_path / "log", content * 2, **options)
    if inside == "":
        assert said.messages == []
        return
    (message,) = said.messages
    keys = ", ".join(dropped or ("timestamp", "headers"))
    assert message.startswith(f"no key was dropped: {keys}")
    assert ("is, but only keys" in message) == bool(inside)
    assert inside is None or f"({inside} is, but" in message


def test_which_keys_were_dropped_from_json_lines_is_said(
    tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    line = b'{"headers": "From: a", "body": "b", "source": 1, "label": 0}\n'
    read(tmp_path / "log", line * 2)
    (message,) = said.messages
    assert message.startswith("dropped from the records: headers, source (choose with --dropped-k")
    read(tmp_path / "log", line * 2, dropped_keys=("source", "sorce"))
    assert said.messages[-1].startswith("dropped from the records: source; in no record: sorce (")


@pytest.mark.parametrize("missing", ["null", "NaN"])
def test_a_label_that_is_missing_in_json_is_no_label(tmp_path: Path, missing: str) -> None:
    lines = [f'{{"text":"{word}","label":"{word}"}}\n' for word in ("ham", "spam")] * 3
    lines.append(f'{{"text":"b","label":{missing}}}\n')
    with pytest.raises(UserError, match="row 7: the label is empty"):
        read(tmp_path / "log", "".join(lines).encode(), positive=["spam"])


APACHE = (
    b'10.0.0.1 - - [10/Oct/2026:13:55:36 -0700] "GET /a?b=%22c HTTP/1.0" 200 23 "-" "curl/8"\n'
    b'10.0.0.2 - bob [10/Oct/2026:13:55:37 -0700] "GET / HTTP/1.0" 404 - "-" "a \\"b\\", c"\n'
)
HTTP = b'GET /a?b=1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\n\r\nname="v", w\r\n'
HAR = {
    "log": {
        "version": "1.2",
        "entries": [
            {"request": {"method": "GET", "url": "/a", "queryString": [{"name": "b"}]}},
            {"request": {"method": "POST", "url": "/b", "postData": {"text": "x"}}},
        ],
    }
}
KNOWN = {
    "fasttext": (b'__label__0 say "hi", you\n__label__1 bad one\n', "has fastText's labels"),
    "apache combined": (APACHE, "is a web server's access log without labels"),
    "apache common": (b"".join(x + b"\n" for x in APACHE.split(b' "-" ')[:1]) * 2, "access log"),
    "with times": (b"".join(x + b" 0.1 rt=2\n" for x in APACHE.splitlines()), "access log"),
    "of a virtual host": (b"".join(b"a:80 " + x for x in APACHE.splitlines(True)), "access log"),
    "from syslog": (
        b"".join(b"Oct 10 13:55:36 web nginx: " + x for x in APACHE.splitlines(True)),
        "access log",
    ),
    "raw http": (HTTP, "holds raw HTTP"),
    "har": (json.dumps(HAR).encode(), "is a HAR, which has no labels"),
    "json over lines": (
        b'{\n "a": 1,\n "label": 0\n}\n{\n "a": 2, "label": 1\n}\n',
        "has JSON records over several lines",
    ),
    "har over lines": (json.dumps(HAR, indent=2).encode(), "is a HAR, which has no labels"),
}


@pytest.mark.parametrize(("content", "said"), KNOWN.values(), ids=KNOWN)
@pytest.mark.parametrize("skips", [False, True])
def test_what_it_is_instead_is_named_and_the_way_to_convert_it_works(
    tmp_path: Path, content: bytes, said: str, skips: bool
) -> None:
    message = refusal(tmp_path / "input", content, skip_bad_rows=skips)
    assert message.startswith(": ")
    assert said in message
    command = message[message.index(": ", 2) + 2 :].partition(" (")[0]
    if "--negative-file" in message:
        assert f"(--negative-file {tmp_path / 'input'} --positive-file OTHER)" in message
    if command.startswith("python"):  # Its parentheses are its own.
        command = message[message.index(": ", 2) + 2 :].rpartition(" (")[0]
    assert str(tmp_path / "input") in command
    if not shutil.which(command.split()[0]):
        pytest.skip(f"no {command.split()[0]} here")
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True, timeout=60)
    (made,) = tmp_path.glob("converted.*")
    log = read_log(str(made))
    assert len(log.texts) == 2
    assert set(log.labels.tolist()) <= {0, 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html>\n<html>,0\n", "is a web page"),
        (b"sep=;\na;0\nb;1\n", "is a CSV with a line for Excel; delete that: sed 1d "),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a pointer of Git LFS"),
        (b'{"text":{"0":"a","1":"b"},"label":{"0":0,"1":1}}\n', "as pandas writes it by columns"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in refusal(tmp_path / "log", content)


def test_a_command_never_writes_the_file_that_it_reads(tmp_path: Path) -> None:
    for name in ("converted.csv", "a file", "a;b"):
        assert " FILE > " in refusal(tmp_path / name, APACHE)


def test_records_of_elastic_are_no_har(tmp_path: Path) -> None:
    line = b'{"log":{"level":"info"},"message":"a","kind":1}\n'
    assert "has no key 'label'" in refusal(tmp_path / "log", line)


def test_labeled_lines_that_look_so_are_read(tmp_path: Path) -> None:
    content = b"GET /a HTTP/1.1,0\n__label__x,1\n<html>,1\n"
    assert read(tmp_path / "log", content) == ["GET /a HTTP/1.1", "__label__x", "<html>"]
