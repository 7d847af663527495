"""Every form of the leaderboard: readable, inert whatever stands in it, and JSON read back."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest

from data.common.errors import UserError
from results.leaderboard import (
    COLUMNS,
    SEED_COLUMNS,
    Leaderboard,
    Row,
    load_leaderboard,
    rank_results,
    render_csv,
    render_json,
    render_markdown,
    render_table,
    save_leaderboard,
    verdict,
)
from results.leaderboard.forms import WIDTH
from results.leaderboard.selection import Selection
from results.study import Result
from tests.results.boards import (
    DATA,
    LABELS,
    PROTOCOL,
    baseline,
    board,
    everything,
    right_in_all_but,
    trial,
)


def strict(text: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def named(name: str) -> Leaderboard:
    found = everything()
    return replace(found, rows=(replace(found.rows[0], name=name), *found.rows[1:]))


def test_table_fits_120_columns_and_marks_one_champion() -> None:
    found = everything()
    text = render_table(found)
    lines = text.splitlines()
    assert lines[0] == verdict(found)
    assert lines[3].split() == [
        "#", "name", "status", "val", "held", "95", "%", "vs", "M2", "p",
        "R@.1%", "R@1%", "ECE", "s", "µs",
    ]  # fmt: skip
    grid = lines[5:13]
    assert WIDTH == 120 and max(len(line) for line in lines[1:]) <= WIDTH
    assert [line.split()[:4] for line in grid if " * " in line] == [["1", "trial", "17", "*"]]
    champion = next(line for line in grid if "trial 17" in line)
    assert ".9960" in champion and ".9898-.9984" in champion and champion.endswith(" 812^")
    assert " +1.6 " in champion and " .9950 " in champion
    assert " .0031 " in champion  # Planned; the others are exploratory.
    assert all("(<.0001)" in line for line in grid if "trial 12" in line)
    pruned = next(line for line in grid if "trial 9" in line)
    assert "pruned" in pruned and ".8000" in pruned and pruned.count(" - ") >= 6
    assert not {"nan", "None"} & set(" ".join(grid).split())


def test_table_fits_with_the_longest_names_and_large_figures() -> None:
    found = everything()
    perfect = replace(
        found.rows[0], name="model3-notebook", val_accuracy=1.0, heldout_accuracy=1.0,
        heldout_high=1.0, delta_vs_model2=-0.985, p_vs_model2=1.0, recall_at_fpr_0_1=1.0,
        recall_at_fpr_1=1.0, latency_us=123_456.0, train_seconds=12_345.6, rank=100,
        status="diverged", pareto=True,
    )  # fmt: skip
    text = render_table(replace(found, rows=(perfect, *found.rows[1:])))
    assert "123,456^" in text and "1.0000" in text
    assert max(len(line) for line in text.splitlines()[1:]) <= WIDTH


def early() -> Leaderboard:
    found = everything()
    rows = [
        replace(row, val_rows=1004, val_partial=True) if row.name == "trial 9" else row
        for row in found.rows
    ]
    return replace(found, rows=tuple(rows))


def test_an_accuracy_on_a_part_of_the_validation_rows_is_marked() -> None:
    for form in (render_table, render_markdown):
        text = form(early())
        text = text.replace("\\~", "~")
        (marked,) = [line for line in text.splitlines() if "~" in line and " pruned " in line]
        assert "trial 9" in marked and " ~.8000 " in marked
        assert "~: on a part of them" in " ".join(text.split())
    lines = {line["name"]: line for line in csv.DictReader(io.StringIO(render_csv(early())))}
    assert (lines["trial 9"]["val_accuracy"], lines["trial 9"]["val_rows"]) == ("0.8", "1004")


def repeated() -> Leaderboard:
    scores = {"model2": [right_in_all_but(range(100, 100 + wrong)) for wrong in (40, 30)]}
    rivals = [trial(17), baseline("model2", layers=4), baseline("linear")]
    first = {row.name: right_in_all_but(range(20)) for row in rivals}
    return rank_results(rivals, LABELS, first, "trial 17", DATA, PROTOCOL, scores)


def test_seeds_are_shown_with_mean_and_spread_and_what_has_none_is_named() -> None:
    lines = render_table(repeated()).splitlines()
    at = next(index for index, line in enumerate(lines) if line.split()[1:2] == ["seeds"])
    assert lines[at].split() == ["name", "seeds", "mean", "std", "lowest", "highest"]
    # .98, .96 and .97.
    assert lines[at + 2].split() == ["model2", "3", ".9700", ".0100", ".9600", ".9800"]
    assert lines[at + 4] == ""
    assert lines[at + 5] == "no seed changes linear: not repeated"
    assert "| model2 | 3 | .9700 |" in " ".join(render_markdown(repeated()).split())
    assert "no seed changes linear" in render_markdown(repeated())
    assert "seeds" not in render_table(everything()) and "not repeated" not in render_table(
        everything()
    )


SELECTION = Selection(
    champion="trial 17",
    val_accuracy=0.9966,
    heldout_accuracy=0.996,
    expected_accuracy=0.9961,
    expected_low=0.9941,
    expected_high=0.9979,
    optimism=0.0005,
    chosen_again=0.41,
    candidates=20,
    resamples=1000,
    rows=5020,
)


@pytest.mark.parametrize("form", [render_table, render_markdown])
def test_every_page_says_by_what_the_champion_was_chosen(
    form: Callable[[Leaderboard], str],
) -> None:
    words = " ".join(form(everything()).replace("\\", "").split())
    assert "champion, chosen by the highest validation accuracy before the held-out rows" in words
    by_loss = replace(everything(), chosen_by="val_loss", selection=SELECTION)
    words = " ".join(form(by_loss).replace("\\", "").split())
    assert "Model 3 (trial 17, chosen by the lowest validation loss) beats" in words
    assert "champion, chosen by the lowest validation loss before" in words
    assert (
        "trial 17 was chosen by the lowest validation loss among 20 complete trials. Its" in words
    )
    quick = replace(everything(), chosen_by="latency_us")
    assert (
        "selection bias: not measured, since trial 17 was chosen by the lowest CPU time of "
        "one request, and only a choice by accuracy or loss is repeated on bootstrap samples."
    ) in " ".join(form(quick).replace("\\", "").split())


def test_no_optimism_has_no_sign() -> None:
    found = replace(everything(), selection=replace(SELECTION, optimism=-0.00001))
    assert "an optimism of 0.00 points" in " ".join(render_table(found).split())


def test_selection_bias_stands_below_in_words_and_in_json() -> None:
    found = replace(everything(), selection=SELECTION)
    words = " ".join(render_table(found).split())
    assert (
        "selection bias: trial 17 was chosen by the highest validation accuracy among 20 complete "
        "trials. Its accuracy is .9966 on the 5,020 validation rows, and .9960 on the held-out "
        "rows. The choice repeated on 1,000 bootstrap "
        "samples scores .9961 on the rows left out (95 % of them .9941 to .9979): an optimism of "
        "0.05 points. 41% of the samples choose the same trial."
    ) in words
    assert max(len(line) for line in render_table(found).splitlines()[1:]) <= WIDTH
    assert "an optimism of 0.05 points" in render_markdown(found)
    assert strict(render_json(found))["selection"] == asdict(SELECTION)
    assert strict(render_json(everything()))["selection"] is None


def test_table_says_what_it_rests_on_and_why_a_training_is_not_complete() -> None:
    text = render_table(everything())
    assert "data: rows 4000, split chronological" in text
    assert "protocol: epochs 3, vocabulary train" in text
    assert "model1-as-run diverged: loss is nan" in text
    assert "trial 4 failed: RuntimeError: no memory | <b>" in text


def test_table_lets_no_text_steer_the_terminal() -> None:
    text = render_table(named("trial \x1b[31m17\r\n\x07"))
    assert not set(text) & {"\x1b", "\r", "\x07"}
    assert len(text.splitlines()) == len(render_table(everything()).splitlines())


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (trial(1), "812"),
        (trial(1, latency_runtime="keras"), "812+"),
        (trial(1, latency_runtime=""), "812+"),  # An earlier version measured it in Keras.
        (baseline("linear", latency_us=600.0, latency_runtime="python"), "600"),
        (baseline("linear", latency_us=600.0), "600"),
        (trial(1, latency_us=None, latency_runtime=""), "-"),
    ],
)
def test_a_latency_that_was_measured_in_keras_is_marked(row: Result, text: str) -> None:
    (shown,) = rank_results([row], LABELS, {}, None, DATA, PROTOCOL).rows
    assert COLUMNS["latency_us"].text(shown) == text
    assert COLUMNS["latency_us"].text(replace(shown, pareto=True)) in (f"{text}^", "-")


def test_every_figure_of_a_row_is_shown_or_stands_beside_one_that_is() -> None:
    beside = {
        "kind", "selected", "val_loss", "heldout_high", "reason", "pareto", "val_rows",
        "val_partial", "val_auc", "val_f1", "val_recall_at_fpr_0_1", "val_recall_at_fpr_1",
        "champion_refit", "unrepeated_accuracy", "latency_runtime",
    }  # fmt: skip
    shown = {*COLUMNS, *SEED_COLUMNS}
    assert shown | beside == {field.name for field in fields(Row)} and not shown & beside


def test_a_frame_has_a_column_a_key_with_its_type() -> None:
    frame = everything().to_frame()
    assert list(frame) == [field.name for field in fields(Row)]
    assert frame["name"].tolist() == [row.name for row in everything().rows]
    assert [str(frame.dtypes[name]) for name in ("rank", "layers", "f1", "selected")] == [
        "int64", "Int64", "float64", "bool",
    ]  # fmt: skip
    assert frame["layers"].isna().tolist() == [row.layers is None for row in everything().rows]
    assert frame["heldout_accuracy"].max() == 0.996
    read = pd.read_csv(io.StringIO(render_csv(everything())))
    assert read["heldout_accuracy"].equals(frame["heldout_accuracy"])


def test_csv_has_the_schema_and_empty_cells() -> None:
    found = everything()
    lines = list(csv.DictReader(io.StringIO(render_csv(found))))
    assert list(lines[0]) == [field.name for field in fields(Row)]
    assert [line["name"] for line in lines] == [row.name for row in found.rows]
    assert float(lines[0]["heldout_accuracy"]) == found.rows[0].heldout_accuracy
    assert lines[5]["heldout_accuracy"] == ""
    assert lines[0]["selected"] == "True"
    assert lines[-1]["reason"] == "RuntimeError: no memory | <b>"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r-"])
def test_csv_runs_no_formula(start: str) -> None:
    lines = list(csv.DictReader(io.StringIO(render_csv(named(start + "cmd|' /C calc'!A0")))))
    assert lines[0]["name"].startswith("'")


def test_json_is_strict_and_complete() -> None:
    found = everything()
    odd = replace(found, data={**found.data, "mean": float("nan"), "deep": [float("inf"), 1.5]})
    content = strict(render_json(odd))
    assert list(content) == ["data", "protocol", "chosen_by", "selection", "rows"]
    assert content["data"]["mean"] is None and content["data"]["deep"] == [None, 1.5]
    assert [list(row) for row in content["rows"]] == [[f.name for f in fields(Row)]] * 8
    diverged = content["rows"][6]
    assert diverged["status"] == "diverged" and diverged["heldout_loss"] is None
    assert diverged["heldout_accuracy"] == 0.5


def test_markdown_has_the_verdict_first_and_stays_inert() -> None:
    text = render_markdown(named("trial <img src=x onerror=alert(1)> | `x`"))
    lines = text.splitlines()
    assert lines[0].startswith("**Model 3") and lines[0].endswith("**")
    assert "<img" not in text and "<b>" not in text
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 2 + 8
    assert {line.replace("\\|", "").count("|") for line in rows} == {len(COLUMNS) + 1}


def test_an_empty_leaderboard_renders_in_every_form() -> None:
    empty = board({}, None)
    assert render_table(empty).startswith("No Model 3 was searched for\n")
    assert render_markdown(empty).startswith("**No Model 3 was searched for**\n")
    assert render_csv(empty).count("\n") == 1
    assert strict(render_json(empty))["rows"] == []


def test_a_board_of_failures_renders() -> None:
    failures = board({}, None, trial(1, "failed", reason="x" * 500), trial(2, "pruned"))
    assert "No Model 3 was chosen (1 failed, 1 pruned)" in render_table(failures)
    assert max(len(line) for line in render_table(failures).splitlines()) <= WIDTH


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    found = everything()
    save_leaderboard(found, tmp_path / "run")
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == ["leaderboard.csv", "leaderboard.json", "leaderboard.md"]
    assert load_leaderboard(tmp_path / "run" / "leaderboard.json") == found


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.json"
    save_leaderboard(replace(everything(), chosen_by="val_loss"), tmp_path)
    assert load_leaderboard(path).choice.best == "the lowest validation loss"
    content = json.loads(path.read_text())
    del content["chosen_by"]  # Accuracy chose then, whatever the objective.
    for row in content["rows"]:
        del row["val_rows"], row["val_partial"]
    path.write_text(json.dumps(content))
    assert load_leaderboard(path) == everything()


def _set(name: str, value: object) -> Callable[[Any], None]:
    return lambda content: content["rows"][0].update({name: value})


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: content.pop("protocol"), "data, protocol and rows"),
        (lambda content: content.update(chosen_by="luck"), "chosen_by is 'luck'"),
        (lambda content: content.update(chosen_by=["luck"]), "chosen_by is"),
        (lambda content: content["rows"].insert(0, 3), r"rows\[0\] is no object"),
        (lambda content: content["rows"][1].pop("f1"), r"rows\[1\]: 'f1' is missing"),
        (_set("f2", 1.0), r"rows\[0\]: 'f2' is unknown"),
        (_set("rank", 1.5), r"rows\[0\]: rank is 1.5"),
        (_set("rank", True), r"rows\[0\]: rank is True"),
        (_set("rank", None), r"rows\[0\]: rank is None"),
        (_set("name", 7), r"rows\[0\]: name is 7"),
        (_set("status", "lost"), r"rows\[0\]: status is 'lost'"),
        (_set("status", ["pruned"]), r"rows\[0\]: status is"),
        (_set("selected", 1), r"rows\[0\]: selected is 1"),
        (_set("heldout_accuracy", "high"), r"rows\[0\]: heldout_accuracy is 'high'"),
        (_set("heldout_accuracy", float("nan")), "NaN is not JSON"),
        (_set("heldout_accuracy", 10**400), "int too large"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: Callable[[Any], None], says: str) -> None:
    path = tmp_path / "leaderboard.json"
    save_leaderboard(everything(), tmp_path)
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=says):
        load_leaderboard(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"data": 1}', "[" * 100_000, "1e999"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "leaderboard.json"
    path.write_text(text)
    with pytest.raises(UserError, match="is no leaderboard"):
        load_leaderboard(path)


def test_missing_or_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        load_leaderboard(tmp_path / "leaderboard.json")
    (tmp_path / "leaderboard.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="is no leaderboard"):
        load_leaderboard(tmp_path / "leaderboard.json")
