"""The command lines as a user meets them: each a process of its own, on real files."""

import csv
import gzip
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data import synthetic
from results.study import Store
from tests.commands import ROOT, Done, Warm, call

ROWS = 900
HELDOUT = 225
COMMANDS = (
    "data.synthetic",
    "data.inspect",
    "data.download",
    "results.leaderboard",
    "results.export",
    "results.predict",
    "results.report",
    "results.serve",
    "search.run",
)
# On a busy machine an import of TensorFlow alone can take half a minute.
pytestmark = pytest.mark.timeout(300)

LOG_LINE = re.compile(r"\d\d:\d\d:\d\d \S.*")


def assert_only_log_lines(err: str) -> None:
    assert [line for line in err.splitlines() if not LOG_LINE.fullmatch(line)] == []


# --help


@pytest.mark.parametrize("module", COMMANDS)
def test_help_is_shown(commands: Warm, module: str) -> None:
    done = commands.call(module, "--help")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"usage: python -m {module} ")


def test_every_command_is_listed_here() -> None:
    found = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for package in ("data", "results", "search", "spaces")
        for path in (ROOT / package).rglob("*.py")
        if 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")
        if path.parent.name != "assets"  # What goes into an export stands there by itself.
    }
    assert found == set(COMMANDS)


# What bad input gets

RECORD = '{"method":"GET","query":{"q":"shoes"},"path":"/search","statusCode":200}'
Make = Callable[[Path], list[str | Path]]


def log_of(*lines: str) -> Make:
    def make(folder: Path) -> list[str | Path]:
        path = folder / "log.csv"
        path.write_text("".join(f"{line}\n" for line in lines))
        return ["--data", path]

    return make


def without_class(part: range) -> Make:
    """Make a log of 400 rows in which some have no malicious one."""
    return log_of(*(f"|{RECORD}|,{int(row % 2 and row not in part)}" for row in range(400)))


def below_a_file(folder: Path) -> list[str | Path]:
    (folder / "file").write_text("")
    return ["--rows", "600", "--out", folder / "file" / "runs"]


def bomb(folder: Path) -> list[str | Path]:
    path = folder / "log.csv.gz"
    path.write_bytes(gzip.compress(f"{GOOD}\n".encode() * 40_000))
    return ["--data", path]


GOOD = f"|{RECORD}|,0"
BAD: dict[str, tuple[Make, str]] = {
    "missing file": (lambda f: ["--data", f / "nowhere.csv"], "nowhere.csv: there is no such file"),
    "empty file": (log_of(), "log.csv: is empty"),
    "a folder": (lambda f: ["--data", f], "is a folder; give a file"),
    "wrong column count": (log_of(GOOD, f"|{RECORD}|,0,1"), "log.csv, row 2: has 3 columns"),
    "no JSON": (log_of(GOOD, GOOD, "|{oops}|,1"), "log.csv, row 3: the record is not JSON"),
    "label no 0 or 1": (log_of(GOOD, f"|{RECORD}|,2"), "log.csv, row 2: the label is '2'"),
    "class missing": (without_class(range(300, 400)), "the held-out part has no row of class 1"),
    "fewer rows than a batch": (lambda f: ["--rows", "100"], "fewer than a batch of 128"),
    "skipped, and then too few": (
        lambda f: [*log_of(GOOD, "|{oops}|,1", GOOD)(f), "--skip-bad-rows"],
        "fewer than a batch of 128",
    ),
    "a bomb": (
        lambda f: [*bomb(f), "--max-bytes", "1M"],
        "holds more than 1,048,576 bytes (after line",
    ),
    "a device": (lambda f: ["--data", "/dev/zero"], "/dev/zero: is a device; give a file or"),
    "no size": (lambda f: ["--max-bytes", "much"], "argument --max-bytes: 'much' is not a size"),
    "unwritable --out": (below_a_file, "--out: '"),
    "--out in /proc": (lambda f: ["--out", "/proc/runs"], "--out: '/proc/runs' cannot be made"),
    "unknown value": (lambda f: ["--split", "random"], "argument --split: invalid choice"),
    "negative budget": (lambda f: ["--budget", "-1"], "argument --budget: '-1' is not"),
}


def options_of(case: str, folder: Path) -> list[str | Path]:
    runs = folder / "runs"
    made = BAD[case][0](folder)
    return ["--budget", "0", "--baselines", "none", "--out", runs, "--study", "s", *made]


def assert_refused(done: Done, said: str) -> None:
    assert done.status == 2, done
    *before, last = done.err.splitlines()
    assert last.startswith("error: ")
    assert said in last
    assert_only_log_lines("\n".join(before))
    assert done.out == ""


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_line_and_leaves_no_run(
    commands: Warm, tmp_path: Path, case: str
) -> None:
    done = commands.call("search.run", *options_of(case, tmp_path))
    assert_refused(done, BAD[case][1])
    assert not (tmp_path / "runs" / "s").exists()
    if "--skip-bad-rows" in options_of(case, tmp_path):
        assert "1 bad row was skipped: " in done.err


def test_a_process_of_its_own_says_the_same(tmp_path: Path) -> None:
    options = options_of("missing file", tmp_path)
    assert_refused(call("search.run", *options), BAD["missing file"][1])


# A run of each kind: baselines alone, and a small search


@dataclass(frozen=True)
class Runs:
    """Two runs that share their baselines."""

    out: Path
    raw: list[str]
    floors: Done
    search: Done
    kept_before: dict[str, int]
    kept_after: dict[str, int]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, commands: Warm) -> Runs:
    out = tmp_path_factory.mktemp("runs")
    path = out / "log.csv"
    synthetic.write(path, ROWS)
    raw = path.read_text().splitlines()
    # The same rows with two bad ones among them.
    spoilt = out / "spoilt.csv"
    spoilt.write_text("\n".join([raw[0], "|{oops}|,1", *raw[1:], f"|{RECORD}|,9", ""]))
    common = ["--out", out, "--epochs", "1", "--workers", "1"]
    floors = commands.call(
        "search.run", "--budget", "0", "--baselines", "linear,majority", "--study", "floors",
        "--data", spoilt, "--skip-bad-rows", *common,
    )  # fmt: skip
    before = times(out / "baselines")
    search = commands.call(
        "search.run", "--budget", "2", "--baselines", "linear", "--study", "small",
        "--rows", str(ROWS), "--space", "tests.search.small:Small", *common,
    )  # fmt: skip
    return Runs(out, raw, floors, search, before, times(out / "baselines"))


def times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def board(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "leaderboard.json").read_text())
    return found


def test_a_budget_of_zero_ranks_the_baselines_alone(runs: Runs) -> None:
    done = runs.floors
    assert done.status == 0, done.err
    assert done.out.startswith("No Model 3 was searched for; best of the rest: the linear baseline")
    assert_only_log_lines(done.err)
    assert "2 bad rows were skipped" in done.err
    found = board(runs.out / "floors")
    rows = {row["name"]: row for row in found["rows"]}
    assert set(rows) == {"linear", "linear, refit", "majority"}
    assert found["data"]["skipped"] == 2
    assert found["data"]["rows"] == ROWS
    # The larger class of the fit part is not that of the held-out part.
    assert rows["majority"]["heldout_accuracy"] == pytest.approx(0.44, abs=0.005)
    assert rows["linear"]["heldout_accuracy"] > 0.8
    assert not (runs.out / "floors" / "best").exists()


def test_a_search_ranks_its_trials_and_exports_the_winner(runs: Runs) -> None:
    done = runs.search
    assert done.status == 0, done.err
    assert done.out.startswith("Model 3 (trial ")
    assert_only_log_lines(done.err)
    found = board(runs.out / "small")
    (champion,) = [row for row in found["rows"] if row["selected"]]
    assert {row["name"] for row in found["rows"]} == {
        *("linear", "trial 0", "trial 1"),
        *("linear, refit", f"{champion['name']}, refit"),
    }
    trials = [row for row in found["rows"] if row["kind"] == "trial"]
    assert champion["val_accuracy"] == max(row["val_accuracy"] or 0 for row in trials)
    assert (runs.out / "small" / "best" / "model.keras").is_file()


def test_baselines_are_trained_once_for_both(runs: Runs) -> None:
    assert runs.kept_before
    assert runs.kept_after == runs.kept_before
    rows = [board(runs.out / name)["rows"] for name in ("floors", "small")]
    first, again = ([row for row in found if row["name"] == "linear"] for found in rows)
    assert first[0]["heldout_accuracy"] == again[0]["heldout_accuracy"]
    assert first[0]["train_seconds"] == again[0]["train_seconds"]


@pytest.fixture(scope="module")
def boards(runs: Runs, commands: Warm) -> dict[str, Done]:
    return {
        name: commands.call("results.leaderboard", runs.out / "small", "--format", name)
        for name in ("table", "csv", "json", "md")
    }


def test_the_leaderboard_is_printed_as_it_was_written(runs: Runs, boards: dict[str, Done]) -> None:
    assert {done.status for done in boards.values()} == {0}
    assert runs.search.out.startswith(boards["table"].out)
    for name in ("csv", "json", "md"):
        written = runs.out / "small" / f"leaderboard.{name}"
        assert boards[name].out.encode() == written.read_bytes()


def test_a_run_is_found_by_its_name(runs: Runs, boards: dict[str, Done], commands: Warm) -> None:
    named = commands.call("results.leaderboard", "small", "--out", runs.out)
    assert named == boards["table"]


def test_programs_read_the_leaderboard(runs: Runs, boards: dict[str, Done]) -> None:
    rows = json.loads(boards["json"].out)["rows"]
    lines = list(csv.DictReader(io.StringIO(boards["csv"].out)))
    assert [line["name"] for line in lines] == [row["name"] for row in rows]
    verdict = boards["table"].out.splitlines()[0]
    assert boards["csv"].err == boards["json"].err == f"{verdict}\n"
    assert boards["table"].err == boards["md"].err == ""


def test_the_winner_scores_raw_lines_as_the_search_did(runs: Runs, commands: Warm) -> None:
    store = Store.open(runs.out / "small")
    (winner,) = [result for result in store.results() if result.name == store.champion]
    scores = store.scores(winner)
    assert scores is not None

    to = runs.out / "exported"
    exported = commands.call("results.export", runs.out / "small", "--to", to)
    assert exported.status == 0, exported.err
    best = runs.out / "small" / "best"
    assert (to / "model.keras").read_bytes() == (best / "model.keras").read_bytes()

    raw = runs.raw[-HELDOUT:]
    done = call("results.predict", to, stdin="\n".join(raw).encode())
    assert (done.status, done.err) == (0, "")
    answers = [json.loads(line) for line in done.out.splitlines()]
    found = np.array([answer["score"] for answer in answers])
    assert len(set(found.tolist())) > HELDOUT / 2
    np.testing.assert_allclose(found, scores["heldout"], rtol=0, atol=1e-5)
    assert [answer["label"] for answer in answers] == (scores["heldout"] > 0.5).astype(int).tolist()


def test_a_study_of_other_data_is_refused_and_stays(runs: Runs, commands: Warm) -> None:
    before = Store.open(runs.out / "floors")
    done = commands.call(
        "search.run", "--budget", "0", "--baselines", "none", "--out", runs.out,
        "--study", "floors", "--rows", "600", "--epochs", "1",
    )  # fmt: skip
    assert_refused(done, "study 'floors' was made with fingerprint = ")
    assert done.err.endswith("use the same, or another --study\n")
    after = Store.open(runs.out / "floors")
    assert (after.data, after.protocol) == (before.data, before.protocol)
    assert after.results() == before.results() != []
