"""Trains the fixed baselines: once per data set, protocol, source code, library and machine."""

import hashlib
import json
import os
import pickle  # measures a size, loads nothing  # nosec B403
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from data.common import UserError, count_cores, installed_version, sync_all, write_text
from data.dataset import Dataset
from results.scoring import (
    SCORES,
    Rows,
    accuracy,
    constant_predictions,
    cross_entropy,
    load_scores,
    measure_latency,
    save_scores,
)
from results.study import CHECKPOINT, Result, objective_values
from search.common import derive_seed
from search.training.evaluation import (
    add_latency,
    save_probabilities,
    summarize_training,
    with_latency,
)
from search.training.fit import OnReport, Stop, TrainingConfig, fit, reset_session
from spaces import BASELINES, KerasBaseline, TextBaseline

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("data", "spaces", "results", "search")
_DISTRIBUTIONS = (
    "model3-search", "tensorflow", "keras", "scikit-learn", "numpy", "scipy", "numba", "onnx",
    "onnxruntime",
)  # fmt: skip
_RESULT = "result.json"


def hash_sources(root: Path) -> str:
    """Hash this project's source files, names and contents: each may change a baseline's scores."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


# Read once in a process: it goes on with what it has imported, whatever is edited meanwhile.
@cache
def _sources() -> str:
    return hash_sources(_ROOT)


@cache
def _versions() -> Mapping[str, str]:
    installed = {name: installed_version(name) for name in _DISTRIBUTIONS}
    return {"python": platform.python_version(), **installed}


@cache
def _machine() -> Mapping[str, Any]:
    gpus = tf.config.list_physical_devices("GPU")
    return {
        "processor": _processor(),
        "cores": count_cores(),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "gpus": [tf.config.experimental.get_device_details(gpu) for gpu in gpus],
        # It decides how sums are rounded.
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # Elsewhere than on Linux.
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


@dataclass(frozen=True)
class Cache:
    """Where finished baselines are kept, by everything that determines them.

    That includes the machine, since latencies are kept as well.
    """

    folder: Path
    dataset: Dataset
    config: TrainingConfig
    seed: int
    sources: str = field(default_factory=_sources)
    versions: Mapping[str, str] = field(default_factory=_versions)
    machine: Mapping[str, Any] = field(default_factory=_machine)

    @cached_property
    def _split(self) -> str:
        digest = hashlib.sha256()
        for rows in self.dataset.split.slices.values():
            digest.update(np.ascontiguousarray(rows, np.int64).tobytes())
        return digest.hexdigest()

    def place(self, name: str) -> Path:
        """Return a baseline's folder; its name holds the hash of all that determines the result."""
        facts = self.dataset.facts
        keys = ("fingerprint", "split", "vocabulary", "num_words", "rows")
        determined_by = {
            "name": name,
            "data": {key: facts[key] for key in keys},
            "split": self._split,
            # A refit has more of the same rows.
            "fit_rows": len(self.dataset.split.fit),
            "epochs": self.config.epochs,
            "batch_size": self.config.batch_size,
            "padding": self.config.padding,
            "seed": self.seed,
            "sources": self.sources,
            "versions": self.versions,
            "machine": self.machine,
        }
        text = json.dumps(determined_by, sort_keys=True, default=str)
        return self.folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def find(self, name: str) -> Result | None:
        """Return a baseline's result; None if it was not trained, or what was kept is damaged."""
        place = self.place(name)
        split = self.dataset.split
        try:
            stored = Result.from_json(json.loads((place / _RESULT).read_text(encoding="utf-8")))
            scores = load_scores(place / SCORES)
        except (OSError, ValueError, KeyError, TypeError, UserError):
            return None
        lengths = len(scores["validation"]), len(scores["heldout"])
        if lengths != (len(split.validation), len(split.heldout)):
            return None
        return replace(stored, artifacts=str(place))

    def train(
        self, name: str, on_report: OnReport = lambda point: None, stop: Stop = lambda: None
    ) -> Result:
        """Train a baseline and keep it, unless the training was stopped."""
        self.folder.mkdir(parents=True, exist_ok=True)
        baseline = BASELINES[name]
        with tempfile.TemporaryDirectory(
            dir=self.folder, prefix=f".{name}-", ignore_cleanup_errors=True
        ) as beside:
            if isinstance(baseline, KerasBaseline):
                result = self._train_network(baseline, Path(beside), on_report, stop)
            else:
                result = self._fit_texts(baseline, Path(beside))
            if result.status == "pruned":
                return result
            write_text(Path(beside) / _RESULT, json.dumps(result.to_json()))
            return self._keep(result, Path(beside))

    def _keep(self, result: Result, folder: Path) -> Result:
        """Move a finished folder to its place, unless another process was there first."""
        place = self.place(result.name)
        sync_all(folder)
        if self.find(result.name) is None:
            shutil.rmtree(place, ignore_errors=True)
        try:
            folder.replace(place)
        except OSError:
            found = self.find(result.name)
            if found is None:
                raise
            return found
        return replace(result, artifacts=str(place))

    def _train_network(
        self, baseline: KerasBaseline, folder: Path, on_report: OnReport, stop: Stop
    ) -> Result:
        dataset, seed = self.dataset, derive_seed(self.seed, 0)
        reset_session(seed)
        model = baseline.build(dataset.vocabulary.num_words)

        # The notebook trained on after its loss was lost, and its scores are to be met.
        config = replace(self.config, seed=seed, stop_when_diverged=False, reports=1)
        outcome = fit(model, dataset, config, on_report=on_report, stop=stop)
        result = summarize_training(model, outcome, name=baseline.name, kind="baseline", seed=seed)
        if outcome.status == "pruned":
            return result
        model.save(folder / CHECKPOINT)
        save_probabilities(outcome, dataset, config.padding, folder)
        return add_latency(result, model, outcome, dataset, config.padding)

    def _fit_texts(self, baseline: TextBaseline, folder: Path) -> Result:
        dataset, split = self.dataset, self.dataset.split
        started = time.monotonic()
        predict = baseline.fit(dataset.texts.at(split.fit), dataset.labels[split.fit])
        seconds = time.monotonic() - started
        heldout = list(dataset.texts.at(split.heldout))
        validation = np.float32(predict(dataset.texts.at(split.validation)))
        save_scores(folder, validation, np.float32(predict(heldout)))
        labels = dataset.labels[split.validation]

        def answer(requests: Rows) -> Callable[[], object]:
            return partial(predict, [heldout[request] for request in requests])

        result = Result(
            name=baseline.name,
            kind="baseline",
            status="complete",
            reason=constant_predictions(validation),
            seed=self.seed,
            epochs=1.0,
            val_accuracy=accuracy(labels, validation),
            val_loss=cross_entropy(labels, validation),
            **objective_values(labels, validation),
            val_rows=len(labels),
            train_seconds=seconds,
            size_bytes=len(pickle.dumps(predict)),
        )
        taken = measure_latency(answer, np.arange(len(heldout)))
        return with_latency(result, taken, "python")
