"""Small tables of every shape: rows and label words that are read, or the one line that is said."""

import gzip
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data.common import UserError
from data.reading import LABEL_WORDS, read_log

Options = dict[str, Any]
Writer = Callable[[str | bytes], str]

AB = [("a, 1", 0), ("b; 2", 1), ("c\t3", 0)]
SMS = 'ham\tGo until, crazy\nspam\tFree, txt\nham\tOk\nham\t"Hi" he said\nspam\t"win\nham\tend\n'
SMS_ROWS = [
    *(("Go until, crazy", 0), ("Free, txt", 1), ("Ok", 0)),
    *(('"Hi" he said', 0), ('"win', 1), ("end", 0)),
]

# Name: content, options, rows, words.
READ: dict[str, tuple[str, Options, list[tuple[str, int]], tuple[str, str]]] = {
    "no header": ('"a, 1",0\nb; 2,1\nc\t3,0\n', {}, AB, LABEL_WORDS),
    "text,label": ('text,label\n"a, 1",0\nb; 2,1\nc\t3,0\n', {}, AB, LABEL_WORDS),
    "another header": ('Query,is_malicious\n"a, 1",0\nb; 2,1\nc\t3,0\n', {}, AB, LABEL_WORDS),
    "label first": ('0,"a, 1"\n1,b; 2\n0,c\t3\n', {}, AB, LABEL_WORDS),
    "label first, header": ('Label,Text\n0,"a, 1"\n1,b; 2\n0,c\t3\n', {}, AB, LABEL_WORDS),
    "semicolons": ('a, 1;0\n"b; 2";1\nc\t3;0\n', {}, AB, LABEL_WORDS),
    "tabs": ('a, 1\t0\nb; 2\t1\n"c\t3"\t0\n', {}, AB, LABEL_WORDS),
    "tabs, header": ('t\tl\na, 1\t0\nb; 2\t1\n"c\t3"\t0\n', {}, AB, LABEL_WORDS),
    "tabs, loose quotes": (SMS, {}, SMS_ROWS, ("ham", "spam")),
    # Names that would be labels above other words.
    "spam over 0 and 1": ('text,spam\n"a, 1",0\nb; 2,1\nc\t3,0\n', {}, AB, LABEL_WORDS),
    "attack, beside a label": (
        *('attack,label\n"a, 1",ham\nb; 2,spam\nc\t3,ham\n', {}, AB, ("ham", "spam")),
    ),
    "numbers over words": ('0,1\n"a, 1",ham\nb; 2,spam\nc\t3,ham\n', {}, AB, ("ham", "spam")),
    "malicious over booleans": (
        *('malicious,url\nFalse,"a, 1"\nTrue,b; 2\nFalse,c\t3\n', {}, AB, ("False", "True")),
    ),
    "phishing, positive 1": (
        'url,phishing\n"a, 1",0\nb; 2,1\nc\t3,0\n',
        *({"positive": ["1"]}, AB, ("0", "1")),
    ),
    "index column": (',text,label\n0,"a, 1",0\n1,b; 2,1\n2,c\t3,0\n', {}, AB, LABEL_WORDS),
    "index column, mixed": (
        *('Unnamed: 0,text,label\n7,"a, 1",0\n1,b; 2,1\n2,c\t3,0\n', {}, AB, LABEL_WORDS),
    ),
    "index column, no header": ('0,"a, 1",0\n1,b; 2,1\n2,c\t3,0\n', {}, AB, LABEL_WORDS),
    "pandas' numbers for a header": (*('0,1\n"a, 1",0\nb; 2,1\nc\t3,0\n', {}, AB, LABEL_WORDS),),
    "and beside an index": (*(',0,1\n0,"a, 1",0\n1,b; 2,1\n2,c\t3,0\n', {}, AB, LABEL_WORDS),),
    "blank rows of Excel": (
        *('text,label\n"a, 1",0\n,\nb; 2,1\nc\t3,0\n,\n ,\n', {}, AB, LABEL_WORDS),
    ),
    "trailing commas": ('"a, 1",0,,\nb; 2,1,,\nc\t3,0\n', {}, AB, LABEL_WORDS),
    "trailing commas, header": (
        *('v1,v2,,\nham,"a, 1",,\nspam,b; 2,,\nham,c\t3,,\n', {}, AB, ("ham", "spam")),
    ),
    "blank lines": ('\n\nQ,L\n\n"a, 1",0\n\nb; 2,1\nc\t3,0\n', {}, AB, LABEL_WORDS),
    "columns by name": (
        'payload,length,kind,label\n"a, 1",4,x,norm\nb; 2,4,y,anom\nc\t3,3,x,norm\n',
        {"text_column": "payload", "label_column": "label"},
        *(AB, ("norm", "anom")),
    ),
    "columns by number": (
        '4,"a, 1",x,norm\n4,b; 2,y,anom\n3,c\t3,x,norm\n',
        {"text_column": "2", "label_column": "4"},
        *(AB, ("norm", "anom")),
    ),
    "a name in other case": (
        'ID,Payload,Kind,Bad\n4,"a, 1",x,0\n4,b; 2,y,1\n3,c\t3,x,0\n',
        {"text_column": "payload", "label_column": "bad"},
        *(AB, LABEL_WORDS),
    ),
    "several columns of texts": (
        'method,url,body,kind\nGET,/a,,norm\nPOST,/b,"x, y",anom\nGET,/c\t3,,norm\n',
        {"text_column": ["method", "URL", "body"]},
        [("GET /a ", 0), ("POST /b x, y", 1), ("GET /c\t3 ", 0)],
        ("norm", "anom"),
    ),
    "several columns in another order": (
        "1;a;x;norm\n2;b;y;anom\n",
        {"text_column": ["3", "2"], "label_column": "4"},
        *([("x a", 0), ("y b", 1)], ("norm", "anom")),
    ),
    "objects in one of several columns": (
        'm,r,label\nGET,"{""method"":1,""path"":""/a""}",0\nPUT,"{""method"":1,""path"":""/b""}",1\n',
        {"text_column": ["m", "r"]},
        [('GET {"method":1,"path":"/a"}', 0), ('PUT {"method":1,"path":"/b"}', 1)],
        LABEL_WORDS,
    ),
    "label by name": (
        *('l,t\nno,"a, 1"\nyes,b; 2\nno,c\t3\n', {"label_column": "l"}, AB, ("no", "yes")),
    ),
    "a backslash at a text's end": (
        *('"a\\",0\n"b ""c""",1\n', {}, [("a\\", 0), ('b "c"', 1)], LABEL_WORDS),
    ),
    "true": ("a,true\nb,False\n", {}, [("a", 1), ("b", 0)], ("False", "true")),
    "1.0": ("a,1.0\nb,0.0\nc,0\n", {}, [("a", 1), ("b", 0), ("c", 0)], LABEL_WORDS),
    "-1": ("a,1\nb,-1\n", {}, [("a", 1), ("b", -1 + 1)], ("-1", "1")),
    "+1": ("a,+1\nb,-1\n", {}, [("a", 1), ("b", 0)], ("-1", "+1")),
    "legit": ("legit,a.de\ndga,xx.de\n", {}, [("a.de", 0), ("xx.de", 1)], ("legit", "dga")),
    "good": ("url,label\na.de,good\nb.de,bad\n", {}, [("a.de", 0), ("b.de", 1)], ("good", "bad")),
    "benign": ("a,benign\nb,phishing\n", {}, [("a", 0), ("b", 1)], ("benign", "phishing")),
    "one class": ("a,ham\nb,ham\n", {}, [("a", 0), ("b", 0)], ("ham", "spam")),
    "positive": (
        "a,eggs\nb,bacon\nc,eggs\n",
        *({"positive": ["bacon"]}, [("a", 0), ("b", 1), ("c", 0)], ("eggs", "bacon")),
    ),
    "positive, header": (
        "t,l\na,eggs\nb,bacon\nc,eggs\n",
        *({"positive": ["bacon"]}, [("a", 0), ("b", 1), ("c", 0)], ("eggs", "bacon")),
    ),
    "positive, three": (
        "a,eggs\nb,bacon\nc,ham\n",
        *({"positive": ["Bacon"]}, [("a", 0), ("b", 1), ("c", 0)], ("not bacon", "bacon")),
    ),
    "positive, two": (
        "a,1\nb,2\nc,3\n",
        *({"positive": ["2", "3"]}, [("a", 0), ("b", 1), ("c", 1)], ("1", "2, 3")),
    ),
    "negative, header": (
        "t,l\na,eggs\nb,bacon\nc,ham\nd,bacon\n",
        {"negative": ["Bacon"]},
        *([("a", 1), ("b", 0), ("c", 1), ("d", 0)], ("bacon", "not bacon")),
    ),
    "no positive, no negative": (
        "a,eggs\nb,bacon\nc,eggs\n",
        *({"positive": [], "negative": ["eggs"]}, [("a", 0), ("b", 1), ("c", 0)]),
        ("eggs", "bacon"),
    ),
    "json true": (
        *('{"a":1,"label":true}\n{"a":2,"label":false}\n', {}),
        *([('{"a":1}', 1), ('{"a":2}', 0)], ("false", "true")),
    ),
    "json words": (
        *('{"a":1,"label":"spam"}\n{"a":2,"label":"ham"}\n', {}),
        *([('{"a":1}', 1), ('{"a":2}', 0)], ("ham", "spam")),
    ),
    "json, another key": (
        *('{"a":1,"bad":1.0}\n{"a":2,"bad":0.0}\n', {"label_column": "bad"}),
        *([('{"a":1}', 1), ('{"a":2}', 0)], LABEL_WORDS),
    ),
    "access log": (
        '|{"a":1}|,benign\n|{"a":2}|,attack\n',
        *({}, [('{"a":1}', 0), ('{"a":2}', 1)], ("benign", "attack")),
    ),
}

FOUR = "payload,length,attack type,label\n'a',4,x,norm\n'bbbb',5,y,anom\n"

# Name: content, options, what is said.
REFUSED: dict[str, tuple[str, Options, str]] = {
    "backslashes": (
        'text,label\n"say \\"hi, you\\"",1\n"b",0\n',
        {},
        '{}: holds quotes behind backslashes (\\"), as Spark and MySQL write them, but a CSV has '
        'two quotes for one; write it again: python -c "import pandas; '
        "pandas.read_csv('FILE', header=None, escapechar=chr(92))"
        ".to_csv('converted.csv', header=False, index=False)\"",
    ),
    "spaces before quotes": (
        'label, text\n0, "hello, world"\n1, "win, now"\n0, "ok, then"\n',
        {},
        '{}: has spaces before its quotes (, "), which makes them a part of the text; write it '
        "again: python -c \"import pandas; pandas.read_csv('FILE', header=None, "
        "skipinitialspace=True).to_csv('converted.csv', header=False, index=False)\"",
    ),
    "commas without quotes": (
        "label,text\nham,Hello, how are you\nspam,Win, now\nham,Ok\nspam,Win, win\n",
        {},
        "{}, row 2: has 3 columns, but must have 2; is a text that holds commas not in quotes? "
        "(fix it or give --skip-bad-rows)",
    ),
    "four columns": (
        FOUR,
        {},
        "{}: has 4 columns, 'payload', 'length', 'attack type', 'label'; give --text-column "
        "payload --label-column label, or those that are right (A,B joins the texts of two)",
    ),
    "a column of zeros beside the labels": (
        "method,bad,agent,url\nGET,0,0,/a\nGET,1,0,/b\nPUT,0,0,/c\nPUT,1,0,/d\n",
        {},
        "{}: has 4 columns, 'method', 'bad', 'agent', 'url'; give --text-column method "
        "--label-column bad, or those that are right (A,B joins the texts of two)",
    ),
    "CSIC 2010": (
        ",Method,User-Agent,Accept,content,classification,URL\n"
        "Normal,GET,0,0,,0,http://localhost:8080/index.jsp HTTP/1.1\n"
        "Normal,POST,0,0,id=2,0,http://localhost:8080/a.jsp HTTP/1.1\n",
        {},
        "{}: has 7 columns, '', 'Method', 'User-Agent', 'Accept', 'content', 'classification', "
        "'URL'; give --text-column URL --label-column classification, or those that are right "
        "(A,B joins the texts of two)",
    ),
    "a name with a space": (
        "id,the text,y\nx1,aaaaa,0\nz,bbb,1\n",
        {},
        "{}: has 3 columns, 'id', 'the text', 'y'; give --text-column 'the text' --label-column y, "
        "or those that are right (A,B joins the texts of two)",
    ),
    "three columns, no header": (
        "x,aaaaa,0\nz,bbb,1\n",
        {},
        "{}: has 3 columns, 1 ('x'), 2 ('aaaaa'), 3 ('0'); give --text-column 2 --label-column 3, "
        "or those that are right (A,B joins the texts of two)",
    ),
    "no such column": (
        FOUR,
        {"text_column": "Query", "label_column": "label"},
        "{}: --text-column is 'Query', but the columns are 'payload', 'length', 'attack type', "
        "'label'",
    ),
    "no such number": (
        "x,aaaaa,0\nz,bbb,1\n",
        {"text_column": "4", "label_column": "3"},
        "{}: --text-column is '4', but the columns have no names; give a number from 1 to 3",
    ),
    "one of several that is not there": (
        FOUR,
        {"text_column": ["payload", "Query"]},
        "{}: --text-column is 'Query', but the columns are 'payload', 'length', 'attack type', "
        "'label'",
    ),
    "several, and more than one other": (
        "a,b,c,d,label\nx,y,z,v,0\nx,y,z,w,1\n",
        {"text_column": ["a", "c"]},
        "{}: has 5 columns, 'a', 'b', 'c', 'd', 'label'; give --text-column a,c --label-column "
        "label, or those that are right (A,B joins the texts of two)",
    ),
    "one of the texts twice": (
        "a,b,label\nx,y,0\nx,z,1\n",
        {"text_column": ["a", "a"]},
        "{}: has 3 columns, 'a', 'b', 'label'; give --text-column a,a --label-column label, or "
        "those that are right (A,B joins the texts of two)",
    ),
    "a name with a comma": (
        '"the text, all","id, old",label\naaaa,x,0\nbbbb,y,1\n',
        {},
        "{}: has 3 columns, 'the text, all', 'id, old', 'label'; give --text-column "
        "'\"the text, all\"' --label-column label, or those that are right (A,B joins the texts of "
        "two)",
    ),
    "the labels among the texts": (
        "text,label\na,0\nb,1\n",
        {"text_column": ["text", "label"]},
        "{}: --text-column and --label-column are both column 2; give two different ones",
    ),
    "several columns of an access log": (
        '|{"a":1}|,0\n|{"a":2}|,1\n',
        {"text_column": ["1", "2"]},
        "{}: --text-column is '1,2', but a record of an access log stands in one column; give that",
    ),
    "one column twice": (
        "x,aaaaa,0\nz,bbb,1\n",
        {"text_column": "3", "label_column": "3"},
        "{}: --text-column and --label-column are both column 3; give two different ones",
    ),
    "text and label in one quoted field": (
        '"a or 1,1"\n"b,0"\n',
        {},
        "{}, row 1: has 1 column, but must have 2; its label '1' is inside the text's quotes "
        "(fix it or give --skip-bad-rows)",
    ),
    "one column": (
        "a\nb\n",
        {},
        "{}, row 1: has 1 column, but must have 2; give texts without labels as --negative-file "
        "FILE --positive-file FILE (fix it or give --skip-bad-rows)",
    ),
    "three, two": (
        "a,0\nb,c,1\n",
        {},
        "{}, row 2: has 3 columns, but must have 2; is a text that holds commas not in quotes? "
        "(fix it or give --skip-bad-rows)",
    ),
    "other words": (
        "t,l\na,eggs\nb,bacon\nc,eggs\nd,eggs\ne,bacon\n",
        {},
        "{}, row 2: the label is 'eggs', but must be 0 or 1 (the labels are 'eggs' (3 rows), "
        "'bacon' (2); give --positive bacon, fix it or give --skip-bad-rows)",
    ),
    "1 and 2": (
        "a,1\nb,2\nc,1\n",
        {},
        "{}, row 2: the label is '2', but must be 0 or 1 (the labels are '1' (2 rows), '2' (1); "
        "give --positive 2, fix it or give --skip-bad-rows)",
    ),
    "three classes": (
        "a,benign\nb,phishing\nc,malware\nd,benign\n",
        {},
        "{}, row 3: the label is 'malware', but must be benign or phishing (the labels are "
        "'benign' (2 rows), 'phishing' (1), 'malware' (1); give --negative benign, fix it or give "
        "--skip-bad-rows)",
    ),
    "mixed families": (
        "a,0\nb,spam\nc,1\n",
        {},
        "{}, row 2: the label is 'spam', but must be 0 or 1 (the labels are '0' (1 row), "
        "'spam' (1), '1' (1); give --negative 0, fix it or give --skip-bad-rows)",
    ),
    "a known label and many others": (
        "".join(f"x{n},benign\ny{n},family {n}\n" for n in range(60)),
        {},
        "{}, row 2: the label is 'family 0', but must be benign or malicious (the labels are "
        "'benign' (60 rows), 'family 0' (1), 'family 1' (1), 'family 2' (1), 'family 3' (1), "
        "'family 4' (1), 'family 5' (1), 'family 6' (1) and 53 more; give --negative benign, fix "
        "it or give --skip-bad-rows)",
    ),
    "no labels": (
        "".join(f"x{n},y{n}\n" for n in range(60)),
        {},
        "{}, row 1: the label is 'y0', but must be 0 or 1 (there are 60 different ones; if they "
        "are no labels, give --text-column and --label-column; fix it or give --skip-bad-rows)",
    ),
    "positive that is not there": (
        "a,eggs\nb,bacon\nc,eggs\n",
        {"positive": ["ham"]},
        "{}: --positive names 'ham', but the labels are 'eggs' (2 rows), 'bacon' (1)",
    ),
    "negative that is not there": (
        "a,eggs\nb,bacon\nc,eggs\n",
        {"negative": ["ham"]},
        "{}: --negative names 'ham', but the labels are 'eggs' (2 rows), 'bacon' (1)",
    ),
    "positive and negative": (
        "a,eggs\nb,bacon\nc,eggs\n",
        {"positive": ["bacon"], "negative": ["eggs", "ham"]},
        "--positive is 'bacon' and --negative is 'eggs,ham'; give one, all other labels are of the "
        "other class",
    ),
    "text column of JSON": (
        '{"a":1,"label":0}\n',
        {"text_column": "a"},
        "{}: --text-column is for tables, but this is JSON Lines, of which whole records are "
        "read; leave keys out with --dropped-keys",
    ),
    "json without label": (
        '{"a":1,"bad":0}\n',
        {},
        "{}, row 1: the record has no key 'label'; give --label-column (fix it or give "
        "--skip-bad-rows)",
    ),
}


@pytest.mark.parametrize("name", READ)
def test_reads(name: str, write: Writer) -> None:
    content, options, rows, words = READ[name]
    log = read_log(write(content), **options)
    assert list(zip(log.texts, log.labels.tolist(), strict=True)) == rows
    assert log.label_words == words
    assert log.skipped == 0


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_in_one_line(name: str, write: Writer) -> None:
    content, options, said = REFUSED[name]
    path = write(content)
    with pytest.raises(UserError) as caught:
        read_log(path, **options)
    assert str(caught.value) == said.format(path)


def test_one_line_says_what_was_taken_for_what(
    write: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "data.reading")
    path = write(SMS)
    read_log(path)
    assert caplog.messages == [
        f"{path}: the text is column 2, the label column 1, between tabs",
        f"{path}: label 0 is 'ham' (4 rows), label 1 is 'spam' (2 rows)",
    ]


def test_several_columns_of_texts_are_told(write: Writer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "data.reading")
    path = write("m,u,label\nGET,/a,0\nPUT,/b,1\n")
    read_log(path, text_column=["m", "2"])
    assert caplog.messages == [
        f"{path}: the text is columns 1 ('m'), 2 ('u'), joined by spaces, the label column 3 "
        "('label')"
    ]


def test_a_usual_log_is_read_without_a_word(
    write: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "data.reading")
    for content in ("a,0\nb,1\n", "text,label\na,0\nb,1\n"):
        read_log(write(content))
    assert caplog.messages == []


def test_what_stands_in_columns_without_a_name_is_told(
    write: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    path = write("v1,v2,,\nham,a,,\nspam,b, and more,\nham,c,,\nspam,d,,e\n")
    assert read_log(path).texts == ["a", "b", "c", "d"]
    assert caplog.messages == [
        f"{path}: 2 rows have something in columns without a name, which is left out (row 3 first)"
    ]


def test_a_table_behind_a_url(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(b"a,0\nb,1\n"))
    log = read_log(f"file://{path}")
    assert (log.texts, log.source) == (["a", "b"], f"file://{path}")
    for kind, packed in (("zip", tmp_path / "logs.zip"), ("tar", tmp_path / "logs.tar")):
        shutil.make_archive(str(packed.with_suffix("")), kind, tmp_path, "log.csv.gz")
        assert read_log(f"{kind}://log.csv.gz::{packed}").texts == ["a", "b"]
    with pytest.raises(UserError, match=r"file:///nowhere/log.csv: there is no such file"):
        read_log("file:///nowhere/log.csv")
    with pytest.raises(UserError, match=r"nosuch://x/log.csv: cannot be opened \(Protocol not kn"):
        read_log("nosuch://x/log.csv")


def test_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "log.parquet"
    frame = pd.DataFrame(
        {"text": ["a", "b", None], "n": [1, 2, 3], "label": ["ham", "spam", "ham"]}
    )
    frame.to_parquet(path)
    log = read_log(str(path), text_column="text", label_column="label")
    assert list(zip(log.texts, log.labels.tolist(), strict=True)) == [("a", 0), ("b", 1), ("", 0)]
    assert log.label_words == ("ham", "spam")
    frame[["text", "label"]].to_parquet(path)
    assert read_log(str(path)).texts == ["a", "b", ""]
    path.write_bytes(b"no parquet")
    with pytest.raises(UserError, match=f"{path}: cannot be read as Parquet"):
        read_log(str(path))


def test_without_its_library_parquet_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*args: object, **options: object) -> None:
        raise ImportError("Unable to find a usable engine")

    monkeypatch.setattr(pd, "read_parquet", absent)
    with pytest.raises(UserError, match=r"log.parquet: to read Parquet, install pyarrow \(pip"):
        read_log(str(tmp_path / "log.parquet"))
