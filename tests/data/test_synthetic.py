"""The embedded log: exact shares, determinism, drift, no leak, neither trivial nor noise."""

import collections
import csv
import hashlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from data import synthetic
from data.common import UserError
from data.reading import read_log
from data.records import clean
from data.synthesis import FAMILIES, normal_rows

ROOT = Path(__file__).parents[2]
KEYS = [
    *("timestamp", "method", "query", "path", "statusCode"),
    *("source", "route", "headers", "requestPayload", "responsePayload"),
]


@pytest.fixture(scope="module")
def log() -> list[synthetic.LabeledRow]:
    return list(synthetic.explained(5_000))


@pytest.fixture(scope="module")
def records(log: list[synthetic.LabeledRow]) -> list[dict[str, Any]]:
    return [json.loads(row.record) for row in log]


@pytest.fixture(scope="module")
def texts(log: list[synthetic.LabeledRow]) -> list[str]:
    return [clean(row.record) for row in log]


@pytest.fixture(scope="module")
def labels(log: list[synthetic.LabeledRow]) -> np.ndarray:
    return np.array([row.label for row in log])


def shares(labels: np.ndarray) -> list[int]:
    """Count the normal rows of the brief's three chronological parts."""
    train = int(len(labels) * 0.75)
    fit = int(train * 0.75)
    return [int((part == 0).sum()) for part in np.split(labels, [fit, train])]


def held_out_accuracy(model: Any, values: list[Any], labels: np.ndarray) -> float:
    train = int(len(values) * 0.75)
    model.fit(values[:train], labels[:train])
    return float(model.score(values[train:], labels[train:]))


def linear() -> Any:
    return make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3)),
        LogisticRegression(C=30, solver="liblinear"),
    )


def test_default_size_has_the_counts_of_the_original() -> None:
    assert normal_rows(synthetic.DEFAULT_ROWS) == ((15_059, 8_817), (5_020, 1_707), (6_694, 2_939))


@settings(max_examples=15, deadline=None)
@given(rows=st.integers(1, 500), seed=st.integers(0, 3))
def test_shares_are_exact_for_any_size(rows: int, seed: int) -> None:
    labels = np.array([label for _, label in synthetic.generate(rows, seed)])
    train = int(rows * 0.75)
    fit = int(train * 0.75)
    assert len(labels) == rows
    assert shares(labels) == [
        round(fit * 0.5855),
        round((train - fit) * 0.34),
        round((rows - train) * 0.439),
    ]


def test_same_seed_same_log_and_other_seed_other_log() -> None:
    first = list(synthetic.generate(300, 7))
    assert first == list(synthetic.generate(300, 7))
    assert first != list(synthetic.generate(300, 8))


def test_the_default_log_stays_what_it_was() -> None:
    """Figures of earlier runs were taken on it: its rules and words must not change."""
    digest = hashlib.sha256()
    for record, label in synthetic.generate(2000):
        digest.update(f"{label}{record}\n".encode())
    assert digest.hexdigest() == "993845afdc475d6d9cd2a170e7f484a7527cf6ab02a95b87902e839249af258d"


def test_generation_is_lazy() -> None:
    """A log of any length starts at once: nothing is built for all rows first."""
    assert len(list(itertools.islice(synthetic.generate(10**12), 5))) == 5


def test_records_have_the_briefs_keys_and_stay_on_one_line(
    log: list[synthetic.LabeledRow], records: list[dict[str, Any]]
) -> None:
    for row, record in zip(log, records, strict=True):
        assert list(record) == KEYS
        assert len(row.record.splitlines()) == 1
        assert record["source"]["remoteAddress"].count(".") == 3
        assert (record["requestPayload"] is None) == (record["method"] == "get")


def test_time_is_strictly_ordered_and_bursty(
    log: list[synthetic.LabeledRow], records: list[dict[str, Any]]
) -> None:
    times = np.array([record["timestamp"] for record in records])
    gaps = np.diff(times)
    assert gaps.min() >= 1
    assert gaps.std() > 1.5 * gaps.mean()  # 1.0 for arrivals at one even rate


def test_attacks_come_in_bursts(labels: np.ndarray) -> None:
    """An attack's neighbor is an attack more often than the shares alone explain."""
    held_out = labels[int(len(labels) * 0.75) :]
    after_attack = held_out[1:][held_out[:-1] == 1].mean()
    after_normal = held_out[1:][held_out[:-1] == 0].mean()
    assert after_attack > after_normal + 0.1


def test_campaigns_come_from_few_addresses_that_also_browse(
    log: list[synthetic.LabeledRow], records: list[dict[str, Any]]
) -> None:
    clients: dict[str, list[int]] = collections.defaultdict(list)
    for row, record in zip(log, records, strict=True):
        clients[record["source"]["remoteAddress"]].append(row.label)
    busy = [labels for labels in clients.values() if len(labels) >= 10]
    assert sum(map(len, busy)) > 0.15 * len(log)
    assert np.mean([0 < sum(labels) < len(labels) for labels in busy]) > 0.8


def test_every_family_is_there_and_the_rare_ones_grow(log: list[synthetic.LabeledRow]) -> None:
    train = int(len(log) * 0.75)
    fit, held_out = (
        collections.Counter(row.kind for row in part if row.label)
        for part in (log[: int(train * 0.75)], log[train:])
    )
    assert set(fit) == set(held_out) == set(FAMILIES)
    rare = [name for name, (_, first, _) in FAMILIES.items() if first < 0.05]
    before, after = (sum(part[name] for name in rare) / part.total() for part in (fit, held_out))
    assert after > 1.6 * before


def test_kinds_agree_with_labels(log: list[synthetic.LabeledRow]) -> None:
    kinds: dict[int, set[str]] = {0: set(), 1: set()}
    for row in log:
        kinds[row.label].add(row.kind)
    assert kinds == {0: {"plain", "hard"}, 1: set(FAMILIES)}


def test_no_text_has_both_labels(texts: list[str], labels: np.ndarray) -> None:
    of_text: dict[str, set[int]] = collections.defaultdict(set)
    for text, label in zip(texts, labels, strict=True):
        of_text[text.lower()].add(int(label))
    assert [text for text, both in of_text.items() if len(both) > 1] == []


def test_frame_of_a_request_does_not_tell_its_label(
    records: list[dict[str, Any]], labels: np.ndarray
) -> None:
    """Status, endpoint, key order and types leave a tree near the held-out majority of .56."""
    frames = []
    for record in records:
        fields = {**record["query"], **(record["requestPayload"] or {})}
        frames.append(
            {
                "status": str(record["statusCode"]),
                "endpoint": record["method"] + record["route"],
                "keys": ",".join(fields),
                "types": ",".join(type(value).__name__ for value in fields.values()),
                "source": ",".join(record["source"]),
                "headers": ",".join(record["headers"]),
                "agent": record["source"].get("userAgent", ""),
                "answer": json.dumps(record["responsePayload"]),
            }
        )
    tree = make_pipeline(
        DictVectorizer(), DecisionTreeClassifier(min_samples_leaf=20, random_state=0)
    )
    assert held_out_accuracy(tree, frames, labels) < 0.60


def test_length_alone_does_not_tell_the_label(texts: list[str], labels: np.ndarray) -> None:
    lengths = [[len(text)] for text in texts]
    tree = DecisionTreeClassifier(min_samples_leaf=50, random_state=0)
    assert held_out_accuracy(tree, lengths, labels) < 0.78


def test_neither_trivial_nor_noise(texts: list[str], labels: np.ndarray) -> None:
    """Single characters do not suffice; runs of three nearly do, and leave errors to remove."""
    single = make_pipeline(
        TfidfVectorizer(analyzer="char"), LogisticRegression(C=30, solver="liblinear")
    )
    assert 0.85 < held_out_accuracy(single, texts, labels) < 0.96
    assert 0.95 < held_out_accuracy(linear(), texts, labels) < 0.99


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_is_learned_here_holds_on_the_real_log(shared_log: Path) -> None:
    log = list(synthetic.generate(synthetic.DEFAULT_ROWS))
    model = linear().fit([clean(record) for record, _ in log], [y for _, y in log])
    real = read_log(str(shared_log))
    assert model.score(real.texts, real.labels) > 0.98


def test_written_file_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    synthetic.write(path, rows=600, seed=3)
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(record, int(label)) for record, label in csv.reader(file, quotechar="|")]
    assert rows == list(synthetic.generate(600, 3))
    assert any("|" in record for record, _ in rows)
    assert all(json.loads(record)["path"].startswith("/") for record, _ in rows)
    read = read_log(str(path))
    assert read.texts == [clean(record) for record, _ in rows]
    assert read.labels.tolist() == [label for _, label in rows]


def test_interrupted_write_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.csv"
    path.write_text("precious")
    whole = synthetic.generate

    def breaking(rows: int, seed: int) -> Any:
        yield from itertools.islice(whole(rows, seed), 50)
        raise KeyboardInterrupt

    monkeypatch.setattr(synthetic, "generate", breaking)
    with pytest.raises(KeyboardInterrupt):
        synthetic.write(path, rows=100)
    assert [entry.name for entry in tmp_path.iterdir()] == ["log.csv"]
    assert path.read_text() == "precious"


def test_unwritable_places_are_told_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for place in ("", tmp_path, tmp_path / "absent" / "log.csv", file / "log.csv", "/dev/null"):
        with pytest.raises(UserError, match=r"(file to write|create it first)$"):
            synthetic.write(place, rows=5)


@pytest.mark.parametrize(
    ("rows", "seed", "word"), [(0, 0, "--rows"), (-3, 0, "--rows"), (5, -1, "--seed")]
)
def test_numbers_out_of_range_are_refused(rows: int, seed: int, word: str) -> None:
    with pytest.raises(UserError, match=word):
        synthetic.generate(rows, seed)


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "data.synthetic", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_command_writes_a_log(tmp_path: Path) -> None:
    done = command("--rows", "40", "--seed", "5", "log.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "40 rows" in done.stderr
    assert read_log(str(tmp_path / "log.csv")).labels.size == 40


def test_command_tells_mistakes_in_one_line(tmp_path: Path) -> None:
    for arguments in (["--rows", "0", "x"], ["--rows", "many", "x"]):
        done = command(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert done.stderr.startswith("error: ")
        assert "--rows" in done.stderr
    assert list(tmp_path.iterdir()) == []
