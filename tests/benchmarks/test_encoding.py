"""The encoding benchmark runs and both sides give the same ids; no time is tested."""

from pathlib import Path

import pytest

from tests.benchmarks import encoding


@pytest.mark.slow
def test_both_sides_give_the_same_ids(log_file: Path) -> None:
    ours, notebook = encoding.measure("ours", log_file), encoding.measure("notebook", log_file)
    assert ours.ids == notebook.ids
    assert ours.rows == notebook.rows == 600
    assert ours.characters == notebook.characters
    assert notebook.encoded == 600 * 1024 * 4
    assert ours.encoded < notebook.encoded / 10
    assert ours.growth > 0


def test_it_grows_with_the_rows(tmp_path: Path) -> None:
    table = encoding.grow(tmp_path, [100, 200], 1)
    assert "| 100    |" in table
    assert "| 200    |" in table
    assert not list(tmp_path.iterdir())


def test_other_ids_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text('|{"a":1}|,0\n|{"b":2}|,1\n')
    other = tmp_path / "other.csv"
    other.write_text('|{"a":1}|,0\n|{"bb":2}|,1\n')
    run = encoding.measure
    monkeypatch.setattr(
        encoding, "measure", lambda side, path: run("ours", log if side == "ours" else other)
    )
    assert "identical ids: NO" in encoding.compare(log, 1)
