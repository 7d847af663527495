"""A small real log in the brief's format, and a real model trained on it for a moment."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from data.reading import AccessLog, read_log
from data.records import DROPPED_KEYS, Encoded, Padding, Preprocessing, Vocabulary, encode
from results.drift import PROFILE, TrainingProfile
from results.export import Sample, write_export
from results.scoring import Threshold, probabilities, strict_json
from results.serving import MODEL, Predictor

ATTACKS = ("' OR 1=1 --", "<script>alert(1)</script>", "../../etc/passwd", "; cat /etc/shadow")
WORDS = ("shoes", "blue", "O'Brien", "R&D", "größe", "select a size", "a,b", 'say "hi"')

GIVEN: dict[str, Any] = {
    "format": "access-log",
    "dropped_keys": ["timestamp", "headers"],
    "padding": "real",
    "unknown": True,
}


@dataclass(frozen=True)
class Trained:
    """A log, its encoding, and a model that has seen it."""

    path: Path
    log: AccessLog
    vocabulary: Vocabulary
    encoded: Encoded
    model: Any


def record(number: int, malicious: bool, length: int) -> str:
    """Make one raw record whose cleaned text has about `length` characters more than its frame."""
    random = np.random.default_rng(number)
    value = " ".join(random.choice(WORDS, size=1 + length // 6))
    if malicious:
        value += random.choice(ATTACKS)
    return json.dumps(
        {
            "timestamp": 1502738402847 + number,
            "method": "GET",
            "query": {"q": value},
            "path": "/search",
            "statusCode": 200,
            "source": {"remoteAddress": "10.0.0.1"},
            "route": "/search",
            "headers": {"host": "localhost"},
            "requestPayload": None,
            "responsePayload": {"found": number},
        }
    )


def write_log(path: Path, rows: int) -> None:
    """Write rows as the brief has them: `|{...}|,0`; every 20th is longer than 1024."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            malicious = number % 5 < 2
            length = 1300 if number % 20 == 0 else number % 90
            file.write(f"|{record(number, malicious, length)}|,{int(malicious)}\n")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    path = tmp_path_factory.mktemp("log") / "access.csv"
    write_log(path, 280)
    log = read_log(str(path))
    vocabulary = Vocabulary.fit(log.texts, unknown=True)
    encoded = encode(log.texts, vocabulary)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(vocabulary.num_words, 8),
            keras.layers.Conv1D(8, 3, activation="relu", padding="same"),
            keras.layers.MaxPooling1D(4),
            keras.layers.BatchNormalization(),
            keras.layers.GRU(8, return_sequences=True),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), loss="binary_crossentropy")
    model.optimizer.build(model.trainable_variables)  # Or the step is traced twice.
    ids = encoded.padded(np.arange(len(encoded)), 96)
    model.fit(ids, log.labels.astype("float32"), batch_size=40, epochs=3, verbose=0)
    return Trained(path, log, vocabulary, encoded, model)


def export_again(exported: Path, trained: Trained, to: Path, **changed: Any) -> Path:
    """Export the trained model, kept in `artifacts` beside an export, to another folder."""
    preprocessing = Preprocessing.of(changed.pop("preprocessing", GIVEN))
    values: dict[str, Any] = {
        "model": {"name": "trial 3", "trained_on": "fit rows"},
        "vocabulary": trained.vocabulary,
        "protocol": {},
        "metrics": {"name": "trial 3"},
        "threshold": Threshold(0.5, "0.5"),
        "sample": sample(trained.model, trained, preprocessing.padding),
        "documents": lambda present, problems: {},
        **changed,
    }
    checkpoint = exported.parent / "artifacts" / MODEL
    return write_export(checkpoint, to, preprocessing=preprocessing, **values)


def sample(model: Any, trained: Trained, padding: Padding = "real") -> Sample:
    """Score the whole log."""
    rows = np.arange(len(trained.encoded))
    scores = probabilities(model, trained.encoded, rows, padding=padding)
    return Sample(trained.encoded, rows, scores, padding)


def profile(trained: Trained) -> TrainingProfile:
    """Remember the whole log, as what the model was trained on and as what it was not."""
    known = sample(trained.model, trained)
    made = TrainingProfile.of(
        trained.vocabulary, trained.encoded, known.rows, known.rows, known.scores
    )
    assert made is not None
    return made


@pytest.fixture(scope="session")
def kept(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the trained model's `artifacts` and its export `best`; not to be changed."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "artifacts").mkdir()
    trained.model.save(folder / "artifacts" / "model.keras")
    export_again(
        folder / "best",
        trained,
        folder / "best",
        preprocessing={**GIVEN, "dropped_keys": DROPPED_KEYS},
        protocol={"epochs": 3, "vocabulary": "all"},
        metrics={"name": "trial 3", "heldout_accuracy": 0.9, "heldout_loss": float("nan")},
        documents=lambda present, problems: {PROFILE: strict_json(profile(trained).as_json())},
    )
    return folder


@pytest.fixture(scope="session")
def predictor(kept: Path) -> Predictor:
    return Predictor.load(kept / "best")


@pytest.fixture
def exported(kept: Path, tmp_path: Path) -> Path:
    """A copy of the export, `artifacts` beside it, to do with as a test likes."""
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    return tmp_path / "best"
