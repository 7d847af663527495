"""The stock side of `tests.benchmarks.worker_memory`: KerasTuner on rows padded to 1024.

Says "ready" when the padded rows are in memory and "done" after each trial, then waits for a line.
"""

import os
import sys
import tempfile
from pathlib import Path

# Before TensorFlow is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras_tuner
import numpy as np

from data.dataset.batching import MAX_LENGTH
from data.dataset.dataset import Dataset
from spaces import load_space

BATCH_SIZE = 128


def main(folder: Path, space: str, trials: int, steps: int) -> None:
    """Search as KerasTuner's documentation does.

    Args:
        folder: Prepared data.
        space: What `--space` of a search names.
        trials: How many trials.
        steps: Batches that each trial trains on.
    """
    dataset = Dataset.load(folder)
    fit, validation = dataset.split.fit, dataset.split.validation
    x = dataset.encoded.padded(np.arange(len(dataset.encoded)), MAX_LENGTH)
    y = dataset.labels.astype(np.float32)
    # Slices, not copies: the chronological split is contiguous.
    train = x[fit[0] : fit[-1] + 1], y[fit[0] : fit[-1] + 1]
    held = x[validation[0] : validation[-1] + 1], y[validation[0] : validation[-1] + 1]
    model = load_space(space, dataset.vocabulary.num_words, rows=len(fit), epochs=1)
    with tempfile.TemporaryDirectory() as place:
        tuner = keras_tuner.RandomSearch(
            model, objective="val_accuracy", max_trials=trials, seed=1, directory=place
        )
        end = tuner.on_trial_end

        def tell(trial: keras_tuner.engine.trial.Trial) -> None:
            end(trial)
            print("done", flush=True)

        tuner.on_trial_end = tell
        print("ready", flush=True)
        tuner.search(
            *train,
            validation_data=held,
            epochs=1,
            batch_size=BATCH_SIZE,
            steps_per_epoch=steps,
            validation_steps=steps,
            verbose=0,
        )
    sys.stdin.readline()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
