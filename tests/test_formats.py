"""A format is one entry: what is added there is read, guessed, prepared and told without more."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from data.common.errors import UserError
from data.reading import read_class_files, read_log
from data.reading.formats import LOG_FORMATS, LogFormat, check_format
from data.records import RECORD_FORMATS, Preprocessing, RowLayout
from results.export.preprocessing_doc import preprocessing_text, raw_record
from results.scoring import Threshold
from tests.data.records.served import predicted

TEXT = LOG_FORMATS["text"]
TEXTS = ["GET /a, b", "/?q='or 1=1--", 'say "x"']
TABS = LogFormat(
    name="tabs",
    keyed=False,
    begins=lambda line: "\t" in line,
    description="It is the text, a tab and the label.",
    quote='"',
    delimiter="\t",
)


@pytest.fixture
def tabs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more format, before the one that takes everything."""
    monkeypatch.delitem(LOG_FORMATS, "text")
    monkeypatch.setitem(LOG_FORMATS, "tabs", TABS)
    monkeypatch.setitem(RECORD_FORMATS, "tabs", TABS)
    monkeypatch.setitem(LOG_FORMATS, "text", TEXT)


@pytest.mark.usefixtures("tabs")
def test_a_new_format_is_read_and_guessed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([[text, 1] for text in TEXTS])
    for given in (None, "tabs"):
        log = read_log(str(path), format=given)
        assert (log.format, list(log.texts), log.labels.tolist()) == ("tabs", TEXTS, [1, 1, 1])
    path.write_text("a\tb\t1\n")
    with pytest.raises(
        UserError, match=r"has 3 columns, but must have 2; is a text that holds tabs not in quotes"
    ):
        read_log(str(path), format="tabs")


@pytest.mark.usefixtures("tabs")
def test_an_export_with_a_new_format_reads_its_lines(tmp_path: Path) -> None:
    preprocessing = Preprocessing("tabs", (), unknown=True, padding="real")
    assert Preprocessing.of(json.loads(json.dumps(preprocessing.as_json()))) == preprocessing
    told = preprocessing_text(preprocessing, Threshold(0.5, "0.5"))
    assert TABS.description in told and "Nothing is done to a plain text." in told
    for text in TEXTS:
        line = raw_record(text, "tabs", ())
        for written in (line, f"{line}\t1\n"):
            assert predicted([[written]], preprocessing) == [text]


LOGS = {
    "label first, tabs": ('ham\ta, "b\nspam\t"c\td"\nham\t"e" f\n', {}, ["bare", "x, spam"]),
    "four columns": (
        'no,payload,kind,label\n7,"a, b",x,norm\n8,c,y,anom\n',
        {"text_column": "payload", "label_column": "label"},
        ["bare", "x, spam", "1,2,3,4"],
    ),
    "semicolons": ("a, b;1.0\nc;0.0\n", {}, ["bare", "x, 1"]),
    "several columns": (
        'kind,method,url,body\nnorm,GET,/a,\nanom,POST,"/b,c","d ""e"""\n',
        {"text_column": ["method", "url", "body"]},
        ["GET /a ", "POST /b,c x", "x,GET,/a,"],
    ),
    "positive": ("a,eggs\nb,bacon\n", {"positive": ["bacon"]}, ["x,1", "x,ham"]),
    "access log": ('|{"a":"b, c"}|,attack\n{"a":1},benign\n', {}, []),
}


@pytest.mark.parametrize("name", LOGS)
def test_a_row_of_the_log_is_served_as_it_was_trained_on(name: str, tmp_path: Path) -> None:
    content, options, others = LOGS[name]
    path = tmp_path / "log"
    path.write_text(content)
    log = read_log(str(path), **options)
    preprocessing = Preprocessing(log.format, (), True, "real", row_layout=log.layout)
    assert Preprocessing.of(json.loads(json.dumps(preprocessing.as_json()))) == preprocessing
    lines = content.splitlines()[-len(log.texts) :]
    for line, text in [*zip(lines, log.texts, strict=True), *zip(others, others, strict=True)]:
        assert predicted([[line]], preprocessing) == [text]


# Logs, how each is read, lines that are not in it, and the text of each.
LINES: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "an index and a length": (
        "id,payload,length,label\n0,lamp,4,norm\n1,\"a, b\",4,anom\n2,c,1,norm\n",
        {"text_column": "payload", "label_column": "label"},
        {"7,d,1,": "d", "7,d,1,Anom": "d", "7,d,1,x": "7,d,1,x", "7,d": "7,d"},
    ),
    "a method and a URL": (
        "method,url,bytes,label\nGET,/a,4,norm\nPUT,/b,4,anom\n",
        {"text_column": ["method", "url"], "label_column": "label"},
        {"GET,/c,7,anom": "GET /c", "GET,\"/c, d\",7,": "GET /c, d", "GET,/c,7": "GET,/c,7"},
    ),
    "numbers": ("a,0.0\nb,1.0\n", {}, {"d, 1 ": "d", "d,1.00": "d", "d,2": "d,2", "d,": "d,"}),
    "semicolons": ("a;bad\nb;good\n", {}, {"1; drop table b": "1; drop table b", "x;good": "x"}),
    "the brief's, saved again": (
        '0,"{""timestamp"":1,""path"":""/a""}",1\n1,"{""timestamp"":2,""path"":""/b""}",0\n',
        {},
        {
            '2,"{""path"":""/c""}",': '{"path":"/c"}', '{"path":"/d"}': '{"path":"/d"}',
            '|{"path":"/e, f"}|,0': '{"path":"/e, f"}', '|{"path":"/g"}|': '{"path":"/g"}',
        },
    ),
    "many labels": (
        "".join(f"t{n},kind{n}\n" for n in range(150)) + "x,benign\n",
        {"negative": "benign"},
        {"t,kind149": "t", "y,Benign": "y", "t,kind150": "t,kind150"},
    ),
    "the brief's, behind an index and quoted by |": (
        ',0,1\n0,|{"timestamp":1,"path":"/a"}|,1\n1,|{"timestamp":2,"path":"/b"}|,0\n',
        {},
        {'2,|{"path":"/c"}|,1': '{"path":"/c"}', '|{"path":"/d"}|,0': '{"path":"/d"}'},
    ),
    "a key of another name": (
        '{"q":"a","bad":"yes","label":3}\n{"q":"b","bad":"no"}\n',
        {"label_column": "bad"},
        {'{"q":"c"}': '{"q":"c"}', '{"bad":"no","q":"c","label":4}': '{"q":"c"}'},
    ),
    "a key inside an object": (
        '{"e":{"q":"a","kind":1}}\n{"e":{"kind":0,"q":"b"}}\n',
        {"label_column": "e.kind"},
        {'{"e":{"q":"c"},"label":1}': '{"e":{"q":"c"}}', '{"e":{"kind":2}}': '{"e":{}}'},
    ),
    "a key with a dot": (
        '{"e.kind":"no","e":{"q":1}}\n{"e.kind":"yes","e":{"q":0}}\n',
        {"label_column": "e.kind"},
        {'{"e.kind":2,"e":{"kind":2}}': '{"e":{"kind":2}}'},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_what_a_line_may_be_beside_a_row_of_the_log(name: str, tmp_path: Path) -> None:
    content, options, lines = LINES[name]
    path = tmp_path / "log"
    path.write_text(content)
    log = read_log(str(path), **options)
    assert '"label"' not in "".join(log.texts)
    layout = {"row_layout": log.layout, "label_key": log.label_key}
    given = Preprocessing(log.format, (), True, "real", **layout)
    made = {raw_record(text, log.format, (), log.layout): text for text in log.texts}
    for line, text in {**lines, **made}.items():
        assert predicted([[f"{line}\r\n"]], given) == [text], line
    told = preprocessing_text(given, Threshold(0.5, "0.5"))
    columns = {"an index and a length": "has 4 columns: the text is column 2; the label is",
               "a method and a URL": "the text is columns 1, 2 in this order, joined by single",
               "semicolons": "with `;` between the columns", "numbers": "the label 0 or 1",
               "many labels": "the text is column 1", "a key of another name": "`bad` and",
               "the brief's, behind an index and quoted by |": "the object is column 2",
               "the brief's, saved again": "the object is column 2"}  # fmt: skip
    keys = f"its keys `{log.label_key}` and `label`"
    assert columns.get(name, keys) in told
    assert ("A dot leads into an object" in told) == ("." in log.label_key)


@pytest.mark.parametrize("is_csv", [False, True])
def test_a_line_of_a_classs_file_is_served_as_it_was_trained_on(
    tmp_path: Path, is_csv: bool
) -> None:
    lines = ['"d, ""e"""', "f,0"] if is_csv else ['"a ""b""",1', "c,0", "d"]
    (tmp_path / "good").write_text("\n".join(lines))
    (tmp_path / "bad").write_text("bad,1\n")
    log = read_class_files(str(tmp_path / "good"), str(tmp_path / "bad"))
    assert log.texts == [*(['d, "e"', "f,0"] if is_csv else lines), "bad,1"]
    given = Preprocessing(log.format, (), True, "real", row_layout=log.layout)
    assert Preprocessing.of(json.loads(json.dumps(given.as_json()))) == given
    made = [raw_record(text, log.format, (), log.layout) for text in log.texts]
    for line, text in zip([*lines, "bad,1", *made], [*log.texts, *log.texts], strict=True):
        assert predicted([[f"{line}\r\n"]], given) == [text], line
    told = preprocessing_text(given, Threshold(0.5, "0.5"))
    assert ("It is the text itself, with its quotes and commas as they are." in told) != is_csv


@pytest.mark.parametrize(
    "change",
    [
        {"text": -1},
        {"text": []},
        {"text": [0, "1"]},
        {"text": None},
        {"label": 2},
        {"quote": ""},
        {"labels": [1]},
        {"width": "2"},
        {"x": 1},
    ],
)
def test_a_row_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    values = Preprocessing("text", (), True, "real", row_layout=RowLayout()).as_json()
    values["row_layout"] |= change
    with pytest.raises(ValueError, match=r"columns|names or types"):
        Preprocessing.of(values)


def test_a_format_that_does_not_exist_is_named() -> None:
    with pytest.raises(UserError, match="is 'tabs', but must be one of access-log, jsonl, text"):
        check_format("tabs")
