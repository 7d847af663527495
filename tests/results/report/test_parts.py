"""The parts of a report, one by one: layers, slices, mistakes, text, scripts, the card."""

import json
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from data.dataset.card import card
from data.dataset.dataset import prepare
from data.reading.access_log import read
from results.report.architecture import NotReadable, read_layers
from results.report.board import columns, lines
from results.report.card import describe, drift
from results.report.mistakes import (
    Attribution,
    Attributions,
    mistake,
    read as read_attributions,
    worst,
    write as write_attributions,
)
from results.report.page import for_script
from results.report.parts import attempt, figure
from results.report.plots.plot import Plot
from results.report.slices import NO_PATH, by_endpoint, by_length, confusion, path_of
from results.report.text import duration, short, size, visible, written
from spaces import Model3, Open
from tests.results.boards import everything
from tests.results.reported import write_log
from tests.spaces.draws import chosen


def test_text_shows_what_steers() -> None:
    assert visible("a\nb\x1b[2J\u202e\ud800é") == "a\\nb\\x1b[2J\\u202e\\ud800é"
    assert visible("abcdef", 4) == "abc…"


def test_figures_are_brief() -> None:
    assert [short(value) for value in (1234.5, 0.001234, 16.0, float("nan"))] == [
        "1,234", "0.00123", "16", "-",
    ]  # fmt: skip
    spoken = [duration(seconds).replace("\u202f", " ") for seconds in (3.83, 65, 7800)]
    assert spoken == ["3.83 s", "1 min 5 s", "2 h 10 min"]
    assert [size(count) for count in (999, 55752, 3.2e9)] == ["999 B", "55.8 kB", "3.2 GB"]
    assert [written(value) for value in (True, 0.1500000002, "\n")] == ["yes", "0.15", "\\n"]


def test_json_cannot_leave_its_script() -> None:
    value = {"</script><!--": "\u2028&<b>"}
    text = for_script(value)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == value


def test_a_part_that_fails_leaves_a_reason() -> None:
    def broken() -> Plot:
        raise ZeroDivisionError("by\nnought")

    made = figure("Broken", broken)
    assert made.plot.content is None
    assert made.plot.reason == "ZeroDivisionError: by\\nnought"
    assert figure("Odd", lambda: Plot([{"type": "splom"}])).plot.reason.startswith("a plot of type")
    assert attempt(lambda: 3).content == 3


def test_layers_are_read_without_keras(kept: Path) -> None:
    layers = read_layers(kept / "artifacts" / "model.keras")
    assert [layer.type for layer in layers][1:6] == [
        "Embedding", "Conv1D", "MaxPooling1D", "BatchNormalization", "GRU",
    ]  # fmt: skip
    assert layers[2].settings == ("filters 8", "kernel size 3", "activation relu")
    assert layers[5].kind == "recurrent"
    assert all(layer.straight for layer in layers)


def test_branches_are_told(tmp_path: Path) -> None:
    import keras

    ids = keras.Input((None, 3), name="ids")
    left = keras.layers.Dense(2, name="left")(ids)
    right = keras.layers.Bidirectional(keras.layers.GRU(1, return_sequences=True), name="r")(ids)
    keras.Model(ids, keras.layers.Add(name="sum")([left, right])).save(tmp_path / "m.keras")
    by_name = {layer.name: layer for layer in read_layers(tmp_path / "m.keras")}
    assert set(by_name["sum"].inputs) == {"left", "r"}
    assert not by_name["sum"].straight
    assert by_name["r"].type == "Bidirectional GRU"
    assert by_name["left"].output == "length \N{MULTIPLICATION SIGN} 2"


def test_a_branch_is_told_in_one_piece_and_operations_with_what_they_are_for(
    tmp_path: Path,
) -> None:
    space = Model3(40)
    space.build(chosen(space, wide_longest=3)).save(tmp_path / "m.keras")
    layers = read_layers(tmp_path / "m.keras")
    branch = ["wide_ngrams", "wide_weights", "wide_mean", "wide_logit"]
    assert [layer.name for layer in layers][-7:] == [
        "logit", *branch, "both_logits", "probability",
    ]  # fmt: skip
    assert [layer.name for layer in layers if layer.beside] == branch
    by_name = {layer.name: layer for layer in layers}
    ngrams = by_name["wide_ngrams"]
    assert (ngrams.type, ngrams.inputs) == ("Hashed n-grams", ("ids",))
    assert ngrams.settings == ("characters 1 to 3",)
    assert by_name["wide_logit"].settings == ("scale 300",)
    assert by_name["both_logits"].inputs == ("logit", "wide_logit")
    assert [layer.name for layer in layers if not layer.straight] == ["wide_ngrams", "both_logits"]


def test_a_layer_that_is_used_twice_is_told_once(tmp_path: Path) -> None:
    import keras

    ids, twice = keras.Input((2,), name="ids"), keras.layers.Dense(2, name="twice")
    x = keras.layers.Dense(2, name="between")(twice(ids))
    keras.Model(ids, twice(x)).save(tmp_path / "m.keras")
    names = [layer.name for layer in read_layers(tmp_path / "m.keras")]
    assert sorted(names) == ["between", "ids", "twice"]


@pytest.mark.parametrize(
    ("family", "name", "kind", "settings"),
    [
        ("attention", "block_1_attention", "attention", ("num heads 2", "key dim 32")),
        ("bag", "embedding", "embedding", ("input dim 16384", "output dim 32")),
    ],
)
def test_networks_of_the_open_space_are_told(
    tmp_path: Path, family: str, name: str, kind: str, settings: tuple[str, ...]
) -> None:
    space = Open(40, families=(family,))
    space.build(chosen(space)).save(tmp_path / "m.keras")
    layers = read_layers(tmp_path / "m.keras")
    (layer,) = [layer for layer in layers if layer.name == name]
    assert (layer.kind, layer.settings) == (kind, settings)
    assert {source for layer in layers for source in layer.inputs} < {one.name for one in layers}


@pytest.mark.parametrize("content", ["", "[]", '{"config": {"layers": [3]}}', "{"])
def test_a_damaged_model_is_told(tmp_path: Path, content: str) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", content)
    with pytest.raises(NotReadable, match="cannot be read"):
        read_layers(tmp_path / "m.keras")


def test_confusion_counts_each_row_once() -> None:
    found = confusion("m", [1, 1, 0, 0, 0], [0.9, 0.1, 0.8, 0.2, np.nan])
    assert (found.hits, found.misses, found.alarms, found.passes) == (1, 1, 1, 2)


def test_rows_are_parted_by_endpoint_and_length() -> None:
    texts = ['{"path":"/a"}'] * 3 + [f'{{"path":"/{n}"}}' for n in range(20)] + ["x" * 1025]
    labels, scores = np.arange(24) % 2, {"m": np.where(np.arange(24) % 4 == 1, 0.9, 0.1)}
    paths = by_endpoint(texts, labels, scores)
    assert (paths[0].name, paths[0].rows, paths[0].malicious) == ("/a", 3, 1)
    assert paths[0].right["m"].accuracy == 1
    assert sum(part.rows for part in paths) == 24
    lengths = by_length(texts, labels, scores)
    assert [(part.name, part.rows) for part in lengths] == [
        ("1 to 64", 23), ("longer than 1,024, cut", 1),
    ]  # fmt: skip
    assert [path_of(text) for text in ("no", '{"path":"/\\n"}', "{}")] == [
        NO_PATH, "/\\n", NO_PATH,
    ]  # fmt: skip


def test_the_worst_mistakes_come_first() -> None:
    scores = [0.9, 0.6, 0.4, 0.1, np.nan, 0.99]
    assert worst([5, 6, 7, 8, 9, 10], [0, 0, 1, 1, 1, 1], scores) == [0, 3, 1, 2, 4]
    assert worst([5, 6], [0, 0], [0.9, 0.95], most=1) == [1]


def test_effects_shade_a_text() -> None:
    found = mistake(6, 1, 0.2, "ab<\n", Attribution(6, (2.0, 2.0, -1.0, 0.0)))
    assert found.explained and found.row == 7
    assert [(run.text, run.level) for run in found.runs] == [("ab", 5), ("<", -2), ("\\n", 0)]
    assert not mistake(6, 1, 0.2, "abc", Attribution(6, (1.0,))).explained


def test_attributions_are_kept_for_one_model(tmp_path: Path) -> None:
    made = Attributions("trial 3", "abc", (Attribution(4, (0.5, -0.5)),))
    write_attributions(made, tmp_path)
    again = read_attributions(tmp_path)
    assert again == made
    assert again.fits("trial 3", "abc", [4])
    assert not again.fits("trial 3", "other", [4])
    assert not again.fits("trial 3", "abc", [4, 5])
    (tmp_path / "attribution.json").write_text('{"records": 3}')
    assert read_attributions(tmp_path) is None


def test_the_card_is_that_of_the_log(tmp_path: Path) -> None:
    log = read(str(write_log(tmp_path / "log.csv", ("tee", "pot"))))
    dataset = prepare(log)
    assert asdict(describe(dataset)) == asdict(card(log, dataset.split))
    share, lengths = drift(dataset).values()
    assert np.mean(share.traces[0]["y"]) == pytest.approx(log.labels.mean(), abs=0.01)
    assert max(lengths.traces[0]["y"]) <= max(map(len, log.texts))
    assert [note["text"] for note in share.layout["annotations"]] == list(dataset.split.slices)


def test_the_table_shows_every_row_and_no_empty_column() -> None:
    board = everything()
    shown = columns(board)
    found = lines(board, shown)
    assert [line.status for line in found] == [row.status for row in board.rows]
    for number, column in enumerate(shown):
        assert any(line.cells[number].sort for line in found), column.key
    assert "repeats" not in {column.key for column in shown}
    (champion,) = [line for line in found if line.selected]
    keys = [column.key for column in shown]
    assert champion.cells[keys.index("heldout_accuracy")].text == ".9960"
    assert float(champion.cells[keys.index("heldout_accuracy")].sort) == 0.996
