"""What is said of a log that has been read for a search."""

import json
from pathlib import Path

import pytest

from data.common import UserError
from data.dataset import Dataset
from search.cli import load_dataset
from search.config import parse


@pytest.fixture
def rare(tmp_path: Path) -> Path:
    """A log of which one row in twenty is an attack."""
    path = tmp_path / "rare.jsonl"
    rows = [{"path": f"/{number}", "label": int(number % 20 == 0)} for number in range(400)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.mark.parametrize(("objective", "lines"), [("val_accuracy", 1), ("val_auc", 0)])
def test_a_rare_label_is_told_in_one_line_unless_the_objective_minds_it(
    rare: Path, caplog: pytest.LogCaptureFixture, objective: str, lines: int
) -> None:
    load_dataset(parse(["--budget", "1", "--data", str(rare), "--objective", objective]))
    advice = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(advice) == lines
    assert all("5.0 % of the rows" in line and "val_auc" in line for line in advice)


def test_a_log_of_both_labels_needs_no_advice(
    log_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_dataset(parse(["--budget", "1", "--data", str(log_file)]))
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def load(*words: str) -> Dataset:
    return load_dataset(parse(["--budget", "1", "--objective", "val_auc", *words]))


def blocks(folder: Path, size: int, count: int) -> str:
    """Write blocks of so many rows, of label 0 and 1 in turn, and return the path."""
    path = folder / "blocks.csv"
    rows = [f"text {row},{row // size % 2}\n" for row in range(size * count)]
    path.write_text("".join(rows))
    return str(path)


def test_blocks_of_a_label_are_a_warning_unless_they_are_mixed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = blocks(tmp_path, 50, 20)
    said = (
        "the rows are grouped by label: 20 runs, about 501 if mixed; give --split shuffled, unless "
        "the log is in the order of time"
    )
    load("--data", path)
    assert [line.getMessage() for line in caplog.records if line.levelname == "WARNING"] == [said]
    caplog.clear()
    load("--data", path, "--split", "shuffled")
    assert not [line for line in caplog.records if line.levelname == "WARNING"]


def test_sorted_rows_are_refused_if_a_slice_would_lack_a_class(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        load("--data", blocks(tmp_path, 500, 2))
    assert str(error.value) == (
        "the validation part has no row of class 0 (normal) among its 188: the rows are sorted by "
        "label: 2 runs, about 501 if mixed; give --split shuffled"
    )


def test_rows_are_taken_from_the_front_only_if_the_split_is_by_time(tmp_path: Path) -> None:
    path = blocks(tmp_path, 500, 2)
    with pytest.raises(UserError) as error:
        load("--data", path, "--rows", "400")
    assert str(error.value) == (
        "the first 400 rows, which --rows 400 takes, have no row of class 1 (malicious); give more "
        "--rows, or --split shuffled to draw them from the whole log"
    )
    for split in ("shuffled", "stratified"):
        drawn = load("--data", path, "--rows", "400", "--split", split)
        assert len(drawn.labels) == 400 and 0.4 < drawn.labels.mean() < 0.6


def test_groups_stay_together_and_duplicates_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log.jsonl"
    records = [
        {"q": row % 397, "source": {"ip": row % 40}, "label": row % 3 // 2} for row in range(800)
    ]
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    caplog.set_level("INFO")
    words = ["--split", "group", "--group-column", "source.ip", "--drop-duplicates"]
    dataset = load("--data", str(path), *words)
    parts = [{row % 40 for row in rows.tolist()} for rows in dataset.split.slices.values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) > 30
    texts = [set(dataset.texts.at(rows)) for rows in dataset.split.slices.values()]
    assert len(set.union(*texts)) == sum(map(len, texts)) < 400
    assert dataset.facts["group_column"] == "source.ip"
    assert any("duplicates left out: " in line.getMessage() for line in caplog.records)


def test_a_table_with_the_logs_own_words(tmp_path: Path) -> None:
    path = tmp_path / "log.tsv"
    rows = [f"{n}\tx\t{['norm', 'anom', 'odd'][n % 3]}\ttext {n}\n" for n in range(600)]
    path.write_text("id\tnote\tkind\tpayload\n" + "".join(rows))
    words = ["--data", str(path), "--text-column", "payload", "--label-column", "kind"]
    dataset = load(*words, "--positive", "anom,odd")
    assert dataset.label_words == ("norm", "anom, odd")
    assert dataset.texts[1] == "text 1"
    assert dataset.labels[:4].tolist() == [0, 1, 1, 0]
    assert dataset.row_layout is not None and dataset.row_layout.text == (3,)
    same = load(*words, "--negative", "norm")
    assert same.label_words == ("norm", "not norm")
    assert same.labels.tolist() == dataset.labels.tolist()


def test_one_file_a_class_is_mixed(tmp_path: Path) -> None:
    for name in ("good", "bad"):
        (tmp_path / f"{name}.txt").write_text("".join(f"{name} {n}\n" for n in range(400)))
    paths = [str(tmp_path / f"{name}.txt") for name in ("good", "bad")]
    dataset = load("--negative-file", paths[0], "--positive-file", paths[1], "--rows", "600")
    assert dataset.label_words == ("good", "bad")
    assert (dataset.split.name, dataset.facts["rows"]) == ("shuffled", 600)
    assert 250 < dataset.labels.sum() < 350


def test_a_models_records_lack_the_label_under_any_name(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(f'{{"q":"{n}","bad":{n % 2}}}\n' for n in range(600)))
    dataset = load("--data", str(path), "--label-column", "bad")
    assert dataset.texts[0] == '{"q":"0"}'
    assert dataset.label_key == "bad"
