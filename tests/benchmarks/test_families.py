"""The benchmark of families still runs: what it shows, never how long it takes."""

from dataclasses import replace
from pathlib import Path

import pytest

from data.common import UserError
from results.leaderboard import render_json
from tests.benchmarks import families
from tests.results.boards import board, everything, trial


def cells(text: str, first: str) -> dict[str, str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} ")]
    found = [cell.strip() for cell in line.strip("|").split("|")]
    return dict(zip(families.HEADS, found, strict=True))


def test_each_family_is_its_champion_and_counts_what_came_to_an_end() -> None:
    small = board({"linear": range(9), "model2": range(40), "trial 1": range(20)}, "trial 1")
    cut = board({"linear": range(9)}, None, trial(2, "failed"), trial(3, "pruned"))
    text = families.table({"open-conv": small.rows, "open-bag": cut.rows, "my.own:Space": ()})
    conv = cells(text, "conv")
    assert (conv["finished"], conv["of them pruned"]) == ("1", "0")
    assert conv["held-out"] == ".9800"
    assert conv["95 %"] == ".9693-.9870"
    assert conv["points vs Model 2"] == "+2.0"
    assert (conv["µs alone"], conv["parameters"]) == ("812", "12,345")
    bag = cells(text, "bag")
    assert (bag["finished"], bag["of them pruned"]) == ("1", "1")
    assert bag["held-out"] == "-"
    assert cells(text, "my.own:Space")["finished"] == "0"
    assert cells(text, "model2")["held-out"] == ".9600"
    assert cells(text, "linear")["points vs Model 2"] == "+3.1"
    assert "^" not in text


def test_searches_of_before_are_shown_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "open-conv").mkdir()
    shown = everything()
    (tmp_path / "open-conv" / "leaderboard.json").write_text(render_json(replace(shown, data={})))
    assert families.main(["--from", str(tmp_path), "--spaces", "open-conv"]) == 0
    assert capsys.readouterr().out.strip() == families.table({"open-conv": shown.rows})
    with pytest.raises(UserError, match=r"open-bag/leaderboard\.json is not there"):
        families.main(["--from", str(tmp_path), "--spaces", "open-bag"])


def test_a_wrong_name_is_told_before_anything_is_searched(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--space is 'open-bags', but must be model3, open, "):
        families.main(["--spaces", "open-conv,open-bags", "--out", str(tmp_path / "out")])
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.timeout(300)  # A whole search, in processes of its own.
def test_searches_are_run_and_one_that_fails_is_said(
    log_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", log_file, "--rows", 300, "--epochs", 1, "--budget", 1, "--workers", 1]
    given = [*map(str, words), "--out", str(tmp_path), "--padding", "real"]
    assert families.main([*given, "--spaces", "open-bag"]) == 0
    bag = cells(capsys.readouterr().out, "bag")
    assert (bag["finished"], bag["of them pruned"]) == ("1", "0")
    assert bag["parameters"] == f"{2**14 * 32 + 2 * 33 + 2**16:,}"
    (folder,) = tmp_path.glob("families-*/open-bag")
    (champion,) = [row for row in families.read(folder) if row.selected]
    assert not champion.meets_brief
    with pytest.raises(UserError, match="the search of open-bag ended with status 2; see "):
        families.main([*given, "--spaces", "open-bag", "--sampler", "none-such"])
