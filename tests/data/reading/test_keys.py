"""Rows that belong together, and rows that are drawn from the whole log."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.common import UserError
from data.reading import AccessLog, read_log

Writer = Callable[[str | bytes], str]
RECORDS = [
    {"source": {"ip": "1"}, "path": "/a", "user.id": 7},
    {"source": {"ip": "2"}, "path": "/b", "user.id": "7"},
    {"source": {"ip": "1"}, "path": "/c", "user.id": 7},
]


def write_records(path: Path, records: list[dict[str, Any]], format: str) -> str:
    lines = {
        "access-log": [f"|{json.dumps(record)}|,{n % 2}" for n, record in enumerate(records)],
        "jsonl": [json.dumps({**record, "label": n % 2}) for n, record in enumerate(records)],
    }
    path.write_text("\n".join(lines[format]) + "\n")
    return str(path)


@pytest.mark.parametrize("format", ["access-log", "jsonl"])
@pytest.mark.parametrize(
    ("column", "groups"),
    [
        ("path", [0, 1, 2]),
        ("source", [0, 1, 0]),  # Which is dropped from the texts.
        ("source.ip", [0, 1, 0]),
        ("user.id", [0, 1, 0]),  # A number is not its digits.
    ],
)
def test_rows_of_one_value_are_a_group(
    tmp_path: Path, format: str, column: str, groups: list[int]
) -> None:
    log = read_log(write_records(tmp_path / "log", RECORDS, format), group_column=column)
    assert log.groups is not None and log.groups.dtype == np.int64
    assert (log.groups.tolist(), log.group_column) == (groups, column)
    assert "source" not in log.texts[0]


def test_without_a_column_there_are_no_groups(tmp_path: Path) -> None:
    log = read_log(write_records(tmp_path / "log", RECORDS, "jsonl"))
    assert (log.groups, log.group_column) == (None, None)


@pytest.mark.parametrize("column", ["ip", "source.port", "path.x"])
def test_a_row_without_the_column_is_bad(tmp_path: Path, column: str) -> None:
    path = write_records(tmp_path / "log", RECORDS, "access-log")
    said = rf"row 1: the record has no key '{column}', which --group-column names, among source, "
    with pytest.raises(UserError, match=said):
        read_log(path, group_column=column)
    Path(path).write_text(Path(path).read_text() + f'|{{"{column}":1}}|,0\n')
    log = read_log(path, group_column=column, skip_bad_rows=True)
    assert log.groups is not None and (log.groups.tolist(), log.skipped) == ([0], 3)


@pytest.mark.parametrize(
    ("content", "options", "groups"),
    [
        ("ip,text,label\n1,a,0\n2,b,1\n1,c,0\n", {"group_column": "ip"}, [0, 1, 0]),
        ("text;label;IP\na;0;x\nb;1;\nc;0;x\n", {"group_column": "ip"}, [0, 1, 0]),
        ("a\t0\tx\nb\t1\ty\nc\t0\ty\n", {"group_column": "3"}, [0, 1, 1]),
        (
            "n,q,who,bad\n1,a,x,0\n2,b,y,1\n3,c,x,0\n",
            {"group_column": "who", "text_column": "q", "label_column": "bad"},
            [0, 1, 0],
        ),
        ("text,label\na,0\nb,1\na,0\n", {"group_column": "text"}, [0, 1, 0]),
    ],
)
def test_a_column_of_a_table(
    write: Writer, content: str, options: dict[str, str], groups: list[int]
) -> None:
    log = read_log(write(content), **options)  # type: ignore[arg-type]
    assert log.groups is not None and log.groups.tolist() == groups
    assert list(log.texts)[:2] == ["a", "b"] and log.labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("content", "column", "said"),
    [
        ("ip,text,label\n1,a,0\n2,b,1\n", "host", "but the columns are 'ip', 'text', 'label'"),
        ("1,a,0\n2,b,1\n", "ip", "but the columns are '1', 'a', '0'"),
        (
            "ip,text,host,label\n1,a,x,0\n2,b,y,1\n",
            "ip",
            "has 3 columns, 'text', 'host', 'label'; give --text-column text",
        ),
    ],
)
def test_a_column_that_is_not_there(write: Writer, content: str, column: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_log(write(content), group_column=column)


def test_a_row_that_ends_before_its_group_is_bad(write: Writer) -> None:
    with pytest.raises(UserError, match="row 3: has 2 columns, but must have 3"):
        read_log(write("text,label,ip\na,0,1\nb,1\nc,1,2\n"), group_column="ip")


def numbered_log(folder: Path, rows: int) -> AccessLog:
    records = [{"path": f"/{n}ü", "user": n // 3} for n in range(rows)]
    return read_log(write_records(folder / "log", records, "jsonl"), group_column="user")


def test_rows_are_drawn_from_the_whole_log_in_its_order(tmp_path: Path) -> None:
    log = numbered_log(tmp_path, 900)
    drawn = log.draw(100)
    numbers = [int(json.loads(text)["path"][1:-1]) for text in drawn.texts]
    assert numbers == sorted(set(numbers)) and len(numbers) == 100
    assert numbers[0] < 100 and numbers[-1] >= 800
    assert drawn.labels.tolist() == [number % 2 for number in numbers]
    assert drawn.groups is not None
    assert len(set(drawn.groups)) == max(drawn.groups) + 1 == len({n // 3 for n in numbers})
    assert drawn.sha256 == log.draw(100).sha256 != log.draw(100, seed=1).sha256


def test_a_drawn_log_has_the_fingerprint_of_its_rows(tmp_path: Path) -> None:
    log = numbered_log(tmp_path, 30)
    drawn = log.draw(10)
    records = [
        {**json.loads(text), "label": n}
        for text, n in zip(drawn.texts, drawn.labels.tolist(), strict=True)
    ]
    path = tmp_path / "drawn"
    path.write_text("\n".join(map(json.dumps, records)))
    assert read_log(str(path)).sha256 == drawn.sha256
    assert log.draw(30) is log and log.draw(31) is log
