"""A log made ready: its facts, its folder, and what a damaged folder says."""

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.common import UserError
from data.dataset import Dataset, LabelOrder, prepare
from data.reading import AccessLog, read_log
from data.records import RowLayout

SLICES = ("fit", "validation", "held-out")


@pytest.fixture(scope="module")
def log(log_file: Path) -> AccessLog:
    return read_log(str(log_file))


@pytest.fixture
def saved(log: AccessLog, tmp_path: Path) -> Path:
    prepare(log, batch_size=32).save(tmp_path / "data")
    return tmp_path / "data"


def test_the_facts_say_what_the_leaderboard_needs(log: AccessLog, log_file: Path) -> None:
    dataset = prepare(log, batch_size=32, dropped_keys=("timestamp",))
    assert dataset.facts == {
        "source": str(log_file),
        "format": "access-log",
        "rows": 600,
        "skipped": 0,
        "dropped_keys": ["timestamp"],
        "fingerprint": log.sha256,
        "label_words": ["normal", "malicious"],
        "row_layout": RowLayout(quote="|").as_json(),
        "split": "chronological",
        "vocabulary": "train",
        "num_words": dataset.vocabulary.num_words,
        "slices": {"fit": 337, "validation": 113, "held-out": 150},
        "malicious_share": {
            name: round(float(np.mean(log.labels[rows])), 4)
            for name, rows in zip(
                SLICES, (range(337), range(337, 450), range(450, 600)), strict=True
            )
        },
        "heldout_repeated": len([text for text in log.texts[450:] if text in set(log.texts[:450])]),
    }
    json.dumps(dataset.facts, allow_nan=False)


def test_the_logs_own_words_for_its_labels_are_kept(log: AccessLog, tmp_path: Path) -> None:
    dataset = prepare(replace(log, label_words=("ham", "spam")), batch_size=32)
    dataset.save(tmp_path)
    assert Dataset.load(tmp_path).label_words == dataset.label_words == ("ham", "spam")


def test_a_folder_of_before_there_were_words_has_the_usual_ones(log: AccessLog) -> None:
    dataset = prepare(log, batch_size=32)
    del dataset.facts["label_words"]
    assert dataset.label_words == ("normal", "malicious")


def test_the_vocabulary_of_the_training_part_does_not_know_the_rest(log: AccessLog) -> None:
    texts = [*log.texts[:-1], log.texts[-1] + "☃"]
    changed = AccessLog(texts, log.labels, log.format, log.source, 0, log.sha256)
    train, every = (
        prepare(changed, batch_size=32),
        prepare(changed, vocabulary="all", batch_size=32),
    )
    assert train.vocabulary.unknown and not every.vocabulary.unknown
    assert "☃" not in train.vocabulary.characters
    assert "☃" in every.vocabulary.characters
    unknown = train.vocabulary.num_words - 1
    assert train.encoded.padded(np.array([599]), 32)[0, -1] == unknown
    assert set(train.vocabulary.characters) == set("".join(texts[:450]).lower())


@pytest.mark.parametrize("split", ["chronological", "shuffled"])
def test_it_reads_back_as_it_was(log: AccessLog, tmp_path: Path, split: str) -> None:
    dataset = prepare(log, split=split, batch_size=32)
    dataset.save(tmp_path / "data")
    again = Dataset.load(tmp_path / "data")
    assert again.facts == dataset.facts
    assert again.folder == tmp_path / "data"
    assert again.vocabulary == dataset.vocabulary
    assert list(again.texts) == log.texts
    np.testing.assert_array_equal(again.labels, log.labels)
    np.testing.assert_array_equal(again.encoded.ids, dataset.encoded.ids)
    assert isinstance(again.encoded.ids, np.memmap)  # Not read: processes share it.
    np.testing.assert_array_equal(again.encoded.offsets, dataset.encoded.offsets)
    for name in SLICES:
        np.testing.assert_array_equal(again.split.slices[name], dataset.split.slices[name])
    np.testing.assert_array_equal(
        again.labels[again.split.heldout], log.labels[dataset.split.heldout]
    )


def test_texts_of_any_characters_read_back(log: AccessLog, tmp_path: Path) -> None:
    odd = ["line\nbreak", "\u2028", "größe", "\ud800 alone", "", '"quoted"']
    texts = [*odd, *log.texts[len(odd) :]]
    changed = AccessLog(texts, log.labels, log.format, log.source, 0, log.sha256)
    prepare(changed, batch_size=32).save(tmp_path)
    assert list(Dataset.load(tmp_path).texts) == texts


def test_a_data_set_knows_where_it_is_saved(log: AccessLog, saved: Path, tmp_path: Path) -> None:
    dataset = prepare(log, batch_size=32)
    assert dataset.is_saved(saved)
    assert not prepare(log, batch_size=32, vocabulary="all").is_saved(saved)
    assert not dataset.is_saved(tmp_path / "absent")
    cut(saved / "texts.bin")
    assert not dataset.is_saved(saved)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    "name", ["facts.json", "split.npz", "labels.npy", "ids.npy", "offsets.npy", "vocabulary.json"]
)
@pytest.mark.parametrize(
    "spoil",
    [
        *(cut, Path.unlink, lambda path: path.write_bytes(b"")),
        *(lambda path: path.write_text("7"), lambda path: path.write_text("[" * 100_000)),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(
    saved: Path, name: str, spoil: Callable[[Path], object]
) -> None:
    spoil(saved / name)
    with pytest.raises(UserError) as error:
        Dataset.load(saved)
    assert str(saved) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["ids.npy", "offsets.npy"])
def test_ids_of_another_log_are_refused(saved: Path, name: str) -> None:
    np.save(saved / name, np.zeros(3, np.uint8))
    with pytest.raises(UserError, match="no prepared data can be read from it"):
        Dataset.load(saved)


class Payload:
    """Ends the test where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.exit, ("a pickle was loaded",)


def pickled(path: Path) -> None:
    objects = np.array([Payload()], dtype=object)
    with path.open("wb") as file:
        if path.suffix == ".npz":
            np.savez(file, **dict.fromkeys(SLICES, objects))
        else:
            np.save(file, objects)


@pytest.mark.parametrize("name", ["ids.npy", "offsets.npy", "labels.npy", "split.npz"])
@pytest.mark.parametrize("spoil", [pickled, lambda path: path.write_bytes(pickle.dumps(Payload()))])
def test_nothing_is_unpickled(saved: Path, name: str, spoil: Callable[[Path], object]) -> None:
    spoil(saved / name)
    with pytest.raises(UserError, match="can be read from it"):
        Dataset.load(saved)


@pytest.mark.parametrize("name", ["texts.bin", "texts.offsets"])
@pytest.mark.parametrize("spoil", [cut, Path.unlink])
def test_damaged_texts_are_refused_when_they_are_needed(
    saved: Path, spoil: Callable[[Path], object], name: str
) -> None:
    spoil(saved / name)
    dataset = Dataset.load(saved)
    with pytest.raises(UserError, match="its texts cannot be read"):
        _ = dataset.texts


def test_a_folder_that_cannot_be_written_is_refused(log: AccessLog, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        prepare(log, batch_size=32).save(tmp_path / "file" / "data")


def test_a_log_that_cannot_be_trained_on_is_refused(log: AccessLog) -> None:
    with pytest.raises(UserError, match="the fit part has 337 rows, fewer than a batch of 338"):
        prepare(log, batch_size=338)
    benign = AccessLog(log.texts, np.zeros(600, np.uint8), log.format, log.source, 0, log.sha256)
    with pytest.raises(UserError, match="no row of class 1"):
        prepare(benign, batch_size=32)
    with pytest.raises(UserError, match="--split"):
        prepare(log, split="random", batch_size=32)


def test_other_groups_of_the_same_texts_are_other_data(log: AccessLog, tmp_path: Path) -> None:
    rows = np.arange(len(log.texts))
    one, other = (
        prepare(replace(log, groups=groups, group_column="ip"), split="group", batch_size=32)
        for groups in (rows // 3, rows // 4)
    )
    one.save(tmp_path)
    assert one.is_saved(tmp_path) and not other.is_saved(tmp_path)
    assert one.facts["group_column"] == "ip"
    assert one.facts["group_fingerprint"] != other.facts["group_fingerprint"]


def log_of(numbers: list[int]) -> AccessLog:
    labels = np.array([n % 3 == 0 for n in range(len(numbers))], np.uint8)
    return AccessLog([f"text {n}" for n in numbers], labels, "text", "here", 0, "f" * 64)


# Every fifth text stands once more in the last quarter.
REPEATING = log_of([n % 5 if n >= 75 and n % 5 else n for n in range(100)])


def test_repeated_texts_are_counted_or_left_out(tmp_path: Path) -> None:
    dataset = prepare(REPEATING, batch_size=8)
    assert dataset.facts["heldout_repeated"] == 20
    assert "duplicates_left_out" not in dataset.facts
    dataset.save(tmp_path)
    assert int(Dataset.load(tmp_path).heldout_repeated.sum()) == 20
    dataset = prepare(REPEATING, batch_size=8, drop_duplicates=True)
    assert dataset.facts["rows"] == 100
    assert dataset.facts["slices"] == {"fit": 56, "validation": 19, "held-out": 5}
    assert dataset.facts["duplicates_left_out"] == {"fit": 0, "validation": 0, "held-out": 20}
    assert dataset.facts["heldout_repeated"] == 0
    dataset.save(tmp_path)
    assert Dataset.load(tmp_path).split.heldout.tolist() == [75, 80, 85, 90, 95]


def test_a_slice_that_loses_a_class_names_the_option() -> None:
    log = log_of([n % 75 for n in range(100)])
    with pytest.raises(UserError) as error:
        prepare(log, batch_size=8, drop_duplicates=True)
    assert str(error.value) == (
        "the held-out part has no row of class 0 (normal) among its 0, once --drop-duplicates has "
        "left out the rows whose text stands in an earlier part; give --no-drop-duplicates or a "
        "longer log"
    )
    assert LabelOrder.of(log.labels).is_mixed
