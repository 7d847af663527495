"""Models that train in a moment, and spaces of them."""

from typing import Any

import keras
import keras_tuner


def small_model(num_words: int, *, width: int = 16, optimizer: Any = None, **compiled: Any) -> Any:
    """Build a model that looks for telling runs of three characters, wherever they stand."""
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(num_words, 16),
            keras.layers.Conv1D(width, 3, activation="relu", padding="same"),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    optimizer = optimizer or keras.optimizers.SGD(1.0)
    model.compile(optimizer, loss="binary_crossentropy", metrics=["accuracy"], **compiled)
    return model


class Doubled(keras.layers.Layer):
    """A layer of a user's own."""

    def call(self, x: Any) -> Any:
        return x * 2


class Noting(keras.callbacks.Callback):
    """Notes its own beginning and end, and may fail at either."""

    def __init__(self, calls: list[str] | None = None, fails: str = "") -> None:
        super().__init__()
        self.calls = [] if calls is None else calls
        self.fails = fails

    def on_train_begin(self, logs: Any = None) -> None:
        self._note("begin")

    def on_train_end(self, logs: Any = None) -> None:
        self._note("end")

    def _note(self, what: str) -> None:
        self.calls.append(what)
        if what == self.fails:
            raise ValueError(f"at its {what}")


class Small(keras_tuner.HyperModel):
    """Two hyperparameters, one of them conditional, declared without building."""

    def __init__(self, num_words: int) -> None:
        super().__init__()
        self.num_words = num_words

    def declare(self, hp: keras_tuner.HyperParameters) -> None:
        hp.Int("width", 4, 64)
        if hp.Choice("optimizer", ["adam", "rmsprop"]) == "adam":
            hp.Float(
                "rate", 0.005, 0.05, sampling="log", parent_name="optimizer", parent_values=["adam"]
            )

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        self.declare(hp)
        optimizer = hp.get("optimizer")
        if optimizer == "adam":
            optimizer = keras.optimizers.Adam(hp.get("rate"))
        return small_model(self.num_words, width=hp.get("width"), optimizer=optimizer)


class Scheduled(Small):
    """Decays the rate over a training, and so asks how many rows it has."""

    def __init__(self, num_words: int, rows: int, epochs: int) -> None:
        super().__init__(num_words)
        self.steps = rows * epochs

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        self.declare(hp)
        rate = keras.optimizers.schedules.CosineDecay(0.02, self.steps)
        optimizer = keras.optimizers.RMSprop(rate)
        return small_model(self.num_words, width=hp.get("width"), optimizer=optimizer)


class Stepped(Small):
    """Hyperparameters of the kinds that have an order which Optuna cannot hold."""

    def declare(self, hp: keras_tuner.HyperParameters) -> None:
        hp.Int("width", 8, 64, step=2, sampling="log")
        hp.Choice("optimizer", ["adam"])
        hp.Choice("rate", [0.005, 0.01, 0.05], parent_name="optimizer", parent_values=["adam"])
        hp.Float("unused", 0.1, 0.9, sampling="reverse_log")


class Misled(Small):
    """Names a starting point with a value that it cannot have."""

    starting_points = ({"width": 128},)
