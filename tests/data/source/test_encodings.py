"""Files of other encodings and containers: what is read of each, or the one line that is said."""

import gzip
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

from data.common import UserError
from data.reading import read_log
from data.source.json_list import JsonList, elements
from tests.data.reading.refused import refusal

RECORDS = [({"method": "get", "path": "/ü\u2011"}, 0), ({"method": "post", "path": '/{["\\'}, 1)]
JSON_LINES = "".join(json.dumps({**r, "label": n}, ensure_ascii=False) + "\n" for r, n in RECORDS)
CLEANED = [json.dumps(record, separators=(",", ":")) for record, _ in RECORDS]
LIST = [{**record, "label": label} for record, label in RECORDS]
TEXTS = "text,label\ncaf\u00e9,0\nna\u00efve \u20ac,1\n"
READ = [("caf\u00e9", 0), ("na\u00efve \u20ac", 1)]
OBJECTS = list(zip(CLEANED, (0, 1), strict=True))


def rows_of(path: Path, content: bytes, **options: Any) -> list[tuple[str, int]]:
    path.write_bytes(content)
    log = read_log(str(path), **options)
    return list(zip(log.texts, log.labels.tolist(), strict=True))


SHAPES: dict[str, tuple[bytes, dict[str, Any], list[tuple[str, int]]]] = {
    "utf-16 with its mark": (TEXTS.encode("utf-16"), {}, READ),
    "utf-16, big end first": (b"\xfe\xff" + TEXTS.encode("utf-16-be"), {}, READ),
    "utf-16 with two marks": ("\ufeffa,0\n".encode("utf-16"), {}, [("\ufeffa", 0)]),
    "utf-32 with its mark": (TEXTS.encode("utf-32"), {}, READ),
    "utf-8 with its mark": (TEXTS.encode("utf-8-sig"), {}, READ),
    "utf-16 without a mark": (TEXTS.encode("utf-16-le"), {"encoding": "utf-16-le"}, READ),
    "utf-16-le told, with a mark": (TEXTS.encode("utf-16"), {"encoding": "utf-16-le"}, READ),
    "cp1252": (TEXTS.encode("cp1252"), {"encoding": "cp1252"}, READ),
    "latin-1": (b"caf\xe9,0\n", {"encoding": "latin-1"}, READ[:1]),
    "utf-8 told": (TEXTS.encode(), {"encoding": "UTF8"}, READ),
    "json lines in utf-16": (JSON_LINES.encode("utf-16"), {}, OBJECTS),
    "raw control characters": (b'{"a":"x\ty\x01","label":1}\n', {}, [('{"a":"x\\ty\\u0001"}', 1)]),
    "json list on one line": (json.dumps(LIST).encode(), {}, OBJECTS),
    "json list over many lines": (json.dumps(LIST, indent=2).encode(), {}, OBJECTS),
    "json list in utf-16": (json.dumps(LIST, indent=1).encode("utf-16"), {}, OBJECTS),
    "json list, told": (json.dumps(LIST).encode(), {"format": "jsonl"}, OBJECTS),
    "json list with a comma at its end": (json.dumps(LIST)[:-1].encode() + b",]\n", {}, OBJECTS),
    "a text that begins as a list": (b'[{"$ne":1}],1\n', {"format": "text"}, [('[{"$ne":1}]', 1)]),
    "a text that is no list": (b'[{"$ne":1}],1\n', {}, [('[{"$ne":1}]', 1)]),
    "a text of two objects": (b'"[{""a"":1},{}]",1\n', {}, [('[{"a":1},{}]', 1)]),
    "a log line in brackets": (b"[notice] ok,0\n", {}, [("[notice] ok", 0)]),
}


@pytest.mark.parametrize(("content", "options", "expected"), SHAPES.values(), ids=SHAPES)
def test_shape_is_read(
    tmp_path: Path, content: bytes, options: dict[str, Any], expected: list[tuple[str, int]]
) -> None:
    assert rows_of(tmp_path / "log.csv", content, **options) == expected
    assert rows_of(tmp_path / "log.csv.gz", content, **options) == expected  # Only called so.
    assert rows_of(tmp_path / "log.gz", gzip.compress(content), **options) == expected


GIVE = "if the log is in another encoding, give it: --encoding"
REFUSALS: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "latin-1": (b"caf\xe9,0\n", {}, f", row 1: is not UTF-8 at character 4; {GIVE} latin-1 "),
    "cp1252": (b"a,0\n\x80 5,1\n", {}, f", row 2: is not UTF-8 at character 1; {GIVE} cp1252 "),
    "utf-16-le": (TEXTS.encode("utf-16-le"), {"format": "text"}, f"{GIVE} utf-16-le "),
    "utf-16-be": (TEXTS.encode("utf-16-be"), {"format": "text"}, f"{GIVE} utf-16-be "),
    "utf-8 but for one row": (
        TEXTS.encode() + b"caf\xe9,1\n",
        {},
        ", row 4: is not UTF-8 at character 4 (fix it",
    ),
    "not the encoding told": (b"\x81,0\n", {"encoding": "cp1252"}, "row 1: is not cp1252 at"),
    "half a character": (TEXTS.encode("utf-16")[:-1], {}, ": is not what its byte-order mark says"),
    "another mark": (
        TEXTS.encode("utf-8-sig"),
        {"encoding": "latin-1"},
        ": starts with a byte-order mark of UTF-8, but --encoding is latin-1; leave --encoding out",
    ),
    "json list cut off": (json.dumps(LIST)[:-1].encode(), {}, "has no end (after row 1)"),
    "json list and more": (json.dumps(LIST).encode() + b"]", {"format": "jsonl"}, "row 1"),
    "json list with a bad row": (b'[{"label":1},\n\n{"label" 0}]', {}, ", row 2: the record is no"),
    "json list with a bad first row": (
        b'[{\n "a":tru\n},{"a":1}]',
        {},
        ", row 1: the record is no",
    ),
    "utf-16-le, guessed": (TEXTS.encode("utf-16-le"), {}, f"{GIVE} utf-16-le "),
    "utf-16-be, guessed": (TEXTS.encode("utf-16-be"), {}, f"{GIVE} utf-16-be "),
    "utf-16-le, a lone column": ("a\nb\n".encode("utf-16-le"), {}, f"{GIVE} utf-16-le "),
    "json list with a number": (b'[{"label":1},{},3]', {}, ", row 2: the record has no key"),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), {}, ": is a workbook; save"),
    "parquet": (b"PAR1" + bytes(99), {}, ": is Parquet, which is read as a log alone"),
    "tar": (
        b"log.csv" + bytes(250) + b"ustar\x0000" + bytes(99),
        {},
        ": is a tar archive; unpack it",
    ),
    "a text like a tar": (
        b"a" * 257 + b"ustar,2\n",
        {},
        ", row 1: the label is '2', but must be 0 or 1",
    ),
    "arrow": (b"ARROW1\0\0" + bytes(99), {}, ": is a table in Arrow format; write it as Parquet"),
    "sqlite": (b"SQLite format 3\0" + bytes(99), {}, ": is a SQLite database; write a table"),
    "pickle": (pickle.dumps([("text", 1)]), {}, ": is a Python pickle, which can run any code"),
    "bzip2": (b"BZh91AY&SY" + bytes(99), {}, ": is packed with bzip2; unpack it (bunzip2"),
}


@pytest.mark.parametrize(("content", "options", "said"), REFUSALS.values(), ids=REFUSALS)
def test_shape_is_refused_in_one_line(
    tmp_path: Path, content: bytes, options: dict[str, Any], said: str
) -> None:
    assert said in refusal(tmp_path / "log.csv", content, **options)


@pytest.mark.parametrize(
    "members", [["[Content_Types].xml", "xl/workbook.xml"], ["mimetype", "content.xml"]]
)
def test_a_workbook_is_told(tmp_path: Path, members: list[str]) -> None:
    path = tmp_path / "log.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name in members:
            archive.writestr(name, "<a/>")
    assert ": is a workbook; save its sheet as CSV" in refusal(path, path.read_bytes())


@pytest.mark.parametrize("name", ["latin1", "UTF-16", "gbk"])
def test_encodings_that_are_known(tmp_path: Path, name: str) -> None:
    assert rows_of(tmp_path / "log", "a,0\n".encode(name), encoding=name) == [("a", 0)]


@pytest.mark.parametrize("name", ["klingon", "hex", "rot13", "idna", "unicode_escape", "a\0", ""])
def test_encodings_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"is not an encoding that Python knows, such as latin-1"):
        rows_of(tmp_path / "log", b"a,0\n", encoding=name)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_list_does_not_depend_on_how_its_bytes_come(size: int) -> None:
    content = json.dumps([*LIST, 'a\\"]', [1, [2]], 3, {}], indent=1).encode()
    pieces = (content[at : at + size] for at in range(1, len(content), size))
    found = list(elements(content[:1], pieces, 1000, "x"))
    assert [json.loads(each) for each in found] == json.loads(content)


def test_a_list_without_end_is_refused_before_it_fills_the_memory() -> None:
    endless = iter(lambda: b'"' + b"x" * 100 + b'",' * 0, None)
    with pytest.raises(UserError, match="x: row 2 of its JSON list is longer than 5,000 bytes"):
        list(elements(b"[1,", endless, 5000, "x"))


def test_a_long_string_in_small_pieces_takes_no_square_of_its_length() -> None:
    scanned = JsonList(b'["')
    for _ in range(4000):
        scanned.feed(b'x\\"' * 1000)
        assert scanned.next() is None
    scanned.feed(b'"]')
    element = scanned.next()
    assert element is not None
    assert len(element) == 12_000_002
