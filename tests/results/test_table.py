"""Every form of the leaderboard: readable, and inert whatever stands in it."""

import csv
import io
import json
from dataclasses import fields, replace
from typing import Any, NoReturn

import pytest

from results.leaderboard import Leaderboard, Row, verdict
from results.table import WIDTH, md, table, to_csv, to_json
from tests.results.boards import board, everything, trial


def strict(text: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def named(name: str) -> Leaderboard:
    found = everything()
    return replace(found, rows=(replace(found.rows[0], name=name), *found.rows[1:]))


def test_table_fits_160_columns_and_marks_one_champion() -> None:
    found = everything()
    text = table(found)
    lines = text.splitlines()
    assert lines[0] == verdict(found)
    grid = lines[5:13]
    assert max(len(line) for line in lines[1:]) <= WIDTH
    assert [line.split()[:4] for line in grid if " * " in line] == [["1", "trial", "17", "*"]]
    champion = next(line for line in grid if "trial 17" in line)
    assert ".9960" in champion and ".9898-.9984" in champion and "12,345" in champion
    assert " +1.6 " in champion and " 812" in champion
    pruned = next(line for line in grid if "trial 9" in line)
    assert "pruned" in pruned and ".8000" in pruned and pruned.count(" - ") >= 6
    assert not {"nan", "None"} & set(" ".join(grid).split())


def test_table_fits_with_the_longest_names_and_large_figures() -> None:
    found = everything()
    large = replace(
        found.rows[0], name="model3-notebook", parameters=1_234_567, latency_us=123_456.0
    )
    large = replace(large, train_seconds=12_345.6, heldout_loss=11.2345, epochs=2.75, rank=100)
    text = table(replace(found, rows=(large, *found.rows[1:])))
    assert max(len(line) for line in text.splitlines()[1:]) <= WIDTH


def test_table_says_what_it_rests_on_and_why_a_training_is_not_complete() -> None:
    text = table(everything())
    assert "data: rows 4000, split chronological" in text
    assert "protocol: epochs 3, vocabulary train" in text
    assert "model1-as-run diverged: loss is nan" in text
    assert "trial 4 failed: RuntimeError: no memory | <b>" in text


def test_table_lets_no_text_steer_the_terminal() -> None:
    text = table(named("trial \x1b[31m17\r\n\x07"))
    assert not set(text) & {"\x1b", "\r", "\x07"}
    assert len(text.splitlines()) == len(table(everything()).splitlines())


def test_csv_has_the_schema_and_empty_cells() -> None:
    found = everything()
    lines = list(csv.DictReader(io.StringIO(to_csv(found))))
    assert list(lines[0]) == [field.name for field in fields(Row)]
    assert [line["name"] for line in lines] == [row.name for row in found.rows]
    assert float(lines[0]["heldout_accuracy"]) == found.rows[0].heldout_accuracy
    assert lines[5]["heldout_accuracy"] == ""
    assert lines[0]["selected"] == "True"
    assert lines[-1]["reason"] == "RuntimeError: no memory | <b>"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r-"])
def test_csv_runs_no_formula(start: str) -> None:
    lines = list(csv.DictReader(io.StringIO(to_csv(named(start + "cmd|' /C calc'!A0")))))
    assert lines[0]["name"].startswith("'")


def test_json_is_strict_and_complete() -> None:
    found = everything()
    odd = replace(found, data={**found.data, "mean": float("nan"), "deep": [float("inf"), 1.5]})
    content = strict(to_json(odd))
    assert list(content) == ["data", "protocol", "selection", "rows"]
    assert content["data"]["mean"] is None and content["data"]["deep"] == [None, 1.5]
    assert [list(row) for row in content["rows"]] == [[f.name for f in fields(Row)]] * 8
    diverged = content["rows"][6]
    assert diverged["status"] == "diverged" and diverged["heldout_loss"] is None
    assert diverged["heldout_accuracy"] == 0.5


def test_markdown_has_the_verdict_first_and_stays_inert() -> None:
    text = md(named("trial <img src=x onerror=alert(1)> | `x`"))
    lines = text.splitlines()
    assert lines[0].startswith("**Model 3") and lines[0].endswith("**")
    assert "<img" not in text and "<b>" not in text
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 2 + 8
    assert {line.replace("\\|", "").count("|") for line in rows} == {19}


def test_an_empty_leaderboard_renders_in_every_form() -> None:
    empty = board({}, None)
    assert table(empty).startswith("No Model 3 was searched for\n")
    assert md(empty).startswith("**No Model 3 was searched for**\n")
    assert to_csv(empty).count("\n") == 1
    assert strict(to_json(empty))["rows"] == []


def test_a_board_of_failures_renders() -> None:
    failures = board({}, None, trial(1, "failed", reason="x" * 500), trial(2, "pruned"))
    assert "No Model 3 was chosen (1 failed, 1 pruned)" in table(failures)
    assert max(len(line) for line in table(failures).splitlines()) <= WIDTH
