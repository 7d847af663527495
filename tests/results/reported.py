"""Small runs without a training: a real log, real scores of a real but untrained model, a study."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from optuna.trial import TrialState

from data.dataset.dataset import Dataset, prepare
from data.reading import LABEL_WORDS, read_log
from results.scoring import SCORES, probabilities
from results.study import (
    ACCURACY,
    CHECKPOINT,
    DATA_FOLDER,
    OBJECTIVES,
    Objective,
    Point,
    Result,
    Status,
    Store,
)

PROTOCOL = {"space": "model3", "epochs": 3, "objective": ["val_accuracy"], "padding": "real"}
FULL = ("complete", "complete", "complete", "complete", "complete", "pruned", "failed")

# Each of them calls pwned() where it is taken for HTML, an attribute, a script or a link.
PAYLOADS = (
    "<script>pwned('script')</script>",
    "</script><script>pwned('end')</script>",
    "<img src=x onerror=pwned('img')>",
    "\"><svg onload=pwned('svg')>",
    "' onmouseover=pwned('attribute') autofocus onfocus=pwned('focus') x='",
    "<a href=\"javascript:pwned('link')\" target=_blank>click</a>",
    "</style><script>pwned('style')</script><!--",
    "]]>--><iframe srcdoc=\"<script>parent.pwned('frame')</script>\">",
    "<img src=http://example.org/leak.png>",
    "{{ 7 * 7 }}{% raw %}",
    "%{x}<extra><b>bold</b></extra>&lt;i&gt;",
    "a\u202eb\u2028c\x00d\ne",
    "\ud800 alone",
)


def write_log(path: Path, words: Sequence[str], rows: int = 400) -> Path:
    """Write a log in the brief's format whose values, keys and paths are these words."""
    random = np.random.default_rng(3)
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            label = int(random.random() < 0.4)
            word = words[number % len(words)]
            record = {
                "method": "get",
                "query": {word: word * (1 + number % 3), "label": "x" * 9 * label},
                "path": f"/{word}" if number % 2 else "/search",
                "statusCode": 200,
            }
            quoted = json.dumps(record).replace("|", "||")
            file.write(f"|{quoted}|,{label}\n")
    return path


def make_run(
    folder: Path,
    *,
    logged: Sequence[str] = ("plain",),
    statuses: Sequence[Status] = FULL,
    words: Sequence[str] = ("plain",),
    objectives: Sequence[Objective] = (ACCURACY,),
    label_words: tuple[str, str] = LABEL_WORDS,
) -> Store:
    """Make a run whose trials ended so; hyperparameters, reasons and names are of these words."""
    folder.parent.mkdir(exist_ok=True)
    log = write_log(folder.with_name("log.csv"), logged)
    dataset = prepare(replace(read_log(str(log)), label_words=label_words))
    dataset.save(folder / DATA_FOLDER)
    store = Store.create(
        folder,
        objectives,
        name=folder.name,
        data={**dataset.facts, words[-1]: words[0]},
        protocol={**PROTOCOL, words[0]: words[-1]},
    )
    model = small_model(dataset)
    for name, noise in (("model2", 0.4), ("linear", 0.1), (words[0], 0.3)):
        scores = guess(dataset, noise)
        store.record_baseline(
            Result(name, "baseline", "complete", **common(store, f"baselines/{len(name)}", scores))
        )
    for number, status in enumerate(statuses):
        add_trial(store, dataset, model, number, status, words)
    if any(status == "complete" for status in statuses):
        store.choose_champion()
    return store


def small_model(dataset: Dataset) -> Any:
    """Build a model of the data's vocabulary."""
    keras.utils.set_random_seed(0)
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(dataset.vocabulary.num_words, 4, name="embedding")(ids)
    x = keras.layers.Conv1D(4, 3, padding="same", activation="relu", name="conv")(x)
    x = keras.layers.GlobalMaxPooling1D(name="max")(x)
    x = keras.layers.Dense(1, activation="sigmoid", kernel_initializer="random_normal")(x)
    return keras.Model(ids, x)


def guess(dataset: Dataset, noise: float) -> dict[str, Any]:
    """Give probabilities that are right but for noise."""
    random = np.random.default_rng(round(noise * 100))
    found = {}
    for name, rows in (
        ("validation", dataset.split.validation),
        ("heldout", dataset.split.heldout),
    ):
        truth = dataset.labels[rows].astype(float)
        found[name] = np.clip(truth + random.normal(0, noise, len(rows)), 0.01, 0.99)
    return {name: scores.astype(np.float32) for name, scores in found.items()}


def common(store: Store, place: str, scores: dict[str, Any]) -> dict[str, Any]:
    """Write a result's scores and give what all results have."""
    (store.folder / place).mkdir(parents=True, exist_ok=True)
    np.savez(store.folder / place / SCORES, **scores)
    curve = tuple(
        Point(part / 4, 0.9 - part / 30, 0.5 + part / 40, 0.8 - part / 30, 0.5 + part / 40)
        for part in range(1, 13)
    )
    return {
        "artifacts": place, "curve": curve, "epochs": 3.0, "latency_us": 500.0 + 90 * len(place),
        "latency_runtime": "onnx", "parameters": 1234, "layers": 4,
        "val_accuracy": 0.8, "val_loss": 0.4, "train_seconds": 12.5,
        "latency_p99_us": 900.0, "size_bytes": 4936,
    }  # fmt: skip


def add_trial(
    store: Store, dataset: Dataset, model: Any, number: int, status: Status, words: Sequence[str]
) -> None:
    """Add a trial as a worker does; trial 0 is scored by the model and becomes the champion."""
    trial = store.study.ask()
    values = {
        words[0]: trial.suggest_categorical(words[0], list(words)),
        f"rate {words[-1]}": trial.suggest_float(f"rate {words[-1]}", 1e-4, 1e-1, log=True),
        "units": 8 * 2 ** trial.suggest_int("units [cell=gru]", 0, 3),
    }
    own: dict[str, Any] = {}
    if status != "failed":
        scores = guess(dataset, 0.2 + number / 10)
        if not number:
            slices = dataset.split.validation, dataset.split.heldout
            found = [probabilities(model, dataset.encoded, rows, padding="real") for rows in slices]
            scores = dict(zip(("validation", "heldout"), found, strict=True))
        own = common(store, f"trials/{number}", scores)
        own["val_accuracy"] = 0.9 - number / 50
        model.save(store.folder / "trials" / str(number) / CHECKPOINT)
    reason = "" if status == "complete" else f"it ended: {words[0]}"
    result = Result(
        f"trial {number}", "trial", status, reason=reason, number=number, hyperparameters=values,
        **own,
    )  # fmt: skip
    store.record(trial, result)
    told = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
    if status == "complete":
        names = store.study.metric_names or ()
        store.study.tell(trial, [OBJECTIVES[name].value(result) for name in names])
    else:
        store.study.tell(trial, state=told.get(status, TrialState.FAIL))
