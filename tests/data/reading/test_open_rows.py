"""The brief's log as pandas or a spreadsheet saves it again: the same records and fingerprint."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data.common import UserError
from data.reading import read_log
from data.records import DROPPED_KEYS, clean
from tests.data.records.served import export_settings, predicted

RECORDS = [
    {"timestamp": number, "method": "get", "path": f'/a|b,"{number}"\n', "headers": {"a": [1, ";"]}}
    for number in range(6)
]
LABELS = [0, 1, 0, 0, 1, 1]
BRIEF = "".join(
    f"|{json.dumps(record).replace('|', '||')}|,{label}\n"
    for record, label in zip(RECORDS, LABELS, strict=True)
)
# As `pandas.read_csv(log, quotechar="|", header=None)` is saved with these options.
SAVED: dict[str, dict[str, Any]] = {
    "bare": {"header": False, "index": False},
    "numbered header": {"index": False},
    "header": {"header": ["log", "label"], "index": False},
    "another header": {"header": ["Record", "Verdict"], "index": False},
    "index": {"header": False},
    "index and header": {},
    "index with a name": {"index_label": "id"},
    "semicolons": {"sep": ";", "index": False},
    "tabs and an index": {"sep": "\t"},
    "utf-16": {"encoding": "utf-16"},
    "all quoted": {"quoting": 1},
    "bars": {"quotechar": "|", "header": False, "index": False},
    "bars and a header": {"quotechar": "|", "header": ["log", "label"], "index": False},
    "bars and an index": {"quotechar": "|", "header": False},
    "bars, index and header": {"quotechar": "|"},
    "bars and semicolons": {"quotechar": "|", "sep": ";"},
}


def brief(path: Path, content: str = BRIEF) -> str:
    path.write_text(content)
    return str(path)


@pytest.mark.parametrize("options", SAVED.values(), ids=SAVED)
@pytest.mark.parametrize("format", [None, "access-log"])
def test_a_log_saved_again_has_the_fingerprint_of_the_original(
    tmp_path: Path, options: dict[str, Any], format: str | None
) -> None:
    original = read_log(brief(tmp_path / "log.csv"))
    frame = pd.read_csv(tmp_path / "log.csv", quotechar="|", header=None)
    frame.to_csv(tmp_path / "again.csv", **options)
    again = read_log(str(tmp_path / "again.csv"), format=format)
    assert again.texts == original.texts == [clean(json.dumps(record)) for record in RECORDS]
    assert again.labels.tolist() == LABELS
    assert (again.format, again.sha256) == ("access-log", original.sha256)
    if "encoding" not in options:
        lines = (tmp_path / "again.csv").read_text().splitlines()
        given = export_settings(again.format, again.layout, DROPPED_KEYS)
        assert predicted([lines], given) == again.texts


def test_the_shared_log_saved_again(shared_log: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(shared_log, quotechar="|", header=None)
    frame.to_csv(tmp_path / "again.csv")
    assert read_log(str(tmp_path / "again.csv")).sha256 == read_log(str(shared_log)).sha256


def test_label_first_and_one_row(tmp_path: Path) -> None:
    record = json.dumps(RECORDS[0]).replace('"', '""')
    for content in (f'1,"{record}"\n', f'"{record}",1\n', f'label,log\n1,"{record}"\n'):
        log = read_log(brief(tmp_path / "log.csv", content))
        assert (log.texts, log.labels.tolist()) == ([clean(json.dumps(RECORDS[0]))], [1])


def test_a_broken_first_record_is_no_header(tmp_path: Path) -> None:
    record = json.dumps(RECORDS[0]).replace('"', '""')
    content = '"{""timestamp"":1,",0\n' + f'"{record}",1\n' * 3
    with pytest.raises(UserError, match="row 1: the record is not JSON"):
        read_log(brief(tmp_path / "log.csv", content))


def test_more_columns_propose_which(tmp_path: Path) -> None:
    frame = pd.DataFrame({"log": map(json.dumps, RECORDS), "kind": list("xyzxyz"), "bad": LABELS})
    frame.to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(UserError, match="--text-column log --label-column bad"):
        read_log(str(tmp_path / "log.csv"))
    log = read_log(str(tmp_path / "log.csv"), text_column="log", label_column="bad")
    assert (log.format, log.labels.tolist()) == ("access-log", LABELS)


@pytest.mark.parametrize(
    "options", [{"format": "text"}, {}], ids=["told to be a text", "another object"]
)
def test_json_in_a_table_of_texts_stays_as_it_is(tmp_path: Path, options: dict[str, Any]) -> None:
    record = RECORDS[0] if options else {"user": {"$ne": 1}}
    table = io.StringIO()
    pd.DataFrame({"text": [json.dumps(record)] * 2, "label": [0, 1]}).to_csv(table, index=False)
    log = read_log(brief(tmp_path / "log.csv", table.getvalue()), **options)
    assert (log.format, log.texts[0]) == ("text", json.dumps(record))


def test_parquet_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = read_log(brief(tmp_path / "log.csv"))
    frame = pd.read_csv(tmp_path / "log.csv", quotechar="|", header=None, names=["log", "label"])
    # What would need pyarrow.
    monkeypatch.setattr(pd, "read_parquet", lambda path: frame)
    (tmp_path / "log.parquet").write_bytes(b"PAR1")
    again = read_log(str(tmp_path / "log.parquet"))
    assert (again.format, again.sha256) == ("access-log", original.sha256)


def test_lines_in_a_parquet_text_are_no_open_quote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame({"text": ["a,0\nb,1\nc", "d"], "label": [0, 1]})
    monkeypatch.setattr(pd, "read_parquet", lambda path: frame)
    (tmp_path / "log.parquet").write_bytes(b"PAR1")
    assert read_log(str(tmp_path / "log.parquet")).texts == ["a,0\nb,1\nc", "d"]
