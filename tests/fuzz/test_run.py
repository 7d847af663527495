"""The campaign itself: it executes what it says, and its book notices a wrong reader."""

import json
import sys
from pathlib import Path

import pytest

from data.common import UserError
from tests.fuzz import run
from tests.fuzz.check import Failure, check


def test_without_atheris_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"atheris is not installed; pip install -e '.\[fuzz\]'"):
        run.main([])


@pytest.mark.slow
def test_a_short_campaign_executes_its_inputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("atheris")
    assert run.main(["--inputs", "3000", "--jobs", "1", "--out", str(tmp_path)]) == 0
    rows = dict(line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines()[1:-1])
    assert int(rows["inputs executed"].replace(",", "")) >= 3000
    assert rows["failures"] == "0"
    assert int(rows["branches covered"].replace(",", "")) > 100
    (counted,) = tmp_path.glob("*/job-0/counted.json")
    assert 0 < json.loads(counted.read_text())["read"] < 3000


@pytest.mark.slow
def test_memory_of_the_one_who_starts_it_is_not_counted(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    ballast = b"x" * 1_500_000_000
    (job,) = run.campaign(tmp_path, 100, 1, 1)
    assert job.status == 0
    assert 0 < job.peak < len(ballast)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("data.reading.keys.without_keys", lambda record, dropped: "{}"),
        ("data.reading.labels.Labels._first", lambda labels, word, key: 1),
        ("data.reading.formats.load_record", lambda record: {"a": 1, "label": 1}),
    ],
)
def test_the_book_notices_a_wrong_reader(
    name: str, wrong: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = [b'ap-|{"a":2}|,0\n', b'jp-{"a":2,"label":0}\n']
    for data in inputs:
        assert check(data, tmp_path).was_read
    monkeypatch.setattr(name, wrong)
    with pytest.raises(Failure, match="not those of the book"):
        for data in inputs:
            check(data, tmp_path)
