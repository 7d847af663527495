"""What Model 3 may be: every hyperparameter, its range, and when it applies.

The skeleton (embedding, spatial dropout, recurrence, dropout, sigmoid) has five layers and one
type that Models 1 and 2 lack, so every draw keeps the brief; all other choices only add to it.
"""

from dataclasses import dataclass
from typing import Any

RELATIVES_OF_ADAM = ["rmsprop", "nadam", "adamw"]
DECAYING = ["adamw", "lion"]


@dataclass(frozen=True)
class Front:
    """Convolutions before the recurrence, each followed by max pooling.

    Attributes:
        layers: How many convolutions, 1 or 2.
        filters: Filters of each.
        kernel: Characters (or pooled steps) that one filter spans.
        pool: How many steps become one after each convolution.
    """

    layers: int
    filters: int
    kernel: int
    pool: int


@dataclass(frozen=True)
class Recurrence:
    """The recurrent layers.

    Attributes:
        cell: "rnn", "gru" or "lstm".
        units: Units of each layer, in each direction, first layer first.
        bidirectional: Whether each layer reads both ways.
        dropout: Share of the recurrent state dropped at each step.
    """

    cell: str
    units: tuple[int, ...]
    bidirectional: bool
    dropout: float


@dataclass(frozen=True)
class Head:
    """What makes one probability of the sequence.

    Attributes:
        summary: "last", "max", "mean" or "attention".
        dropout: Share of the summary dropped.
        units: Units of each hidden dense layer; may be empty.
        activation: Activation of those layers; None where there are none.
    """

    summary: str
    dropout: float
    units: tuple[int, ...]
    activation: str | None


@dataclass(frozen=True)
class Training:
    """How the weights are moved.

    Attributes:
        optimizer: "rmsprop", "nadam", "adamw", "sgd", "lion", or "adam" outside the brief.
        learning_rate: The highest rate that the schedule reaches.
        weight_decay: Decoupled weight decay; None where the optimizer has none.
        schedule: "constant", "cosine" or "warmup-cosine".
        gradient_clip: Greatest norm of all gradients together; 0 means no clipping.
        batch_size: Records a step.
    """

    optimizer: str
    learning_rate: float
    weight_decay: float | None
    schedule: str
    gradient_clip: float
    batch_size: int


@dataclass(frozen=True)
class Choices:
    """One drawn Model 3.

    Attributes:
        embedding: Width of a character's vector.
        spatial_dropout: Share of the embedding's channels dropped.
        front: The convolutions; None where the recurrence reads the characters themselves.
        normalization: "none", "layer" or "batch", after each convolution and recurrent layer.
        recurrence: The recurrent layers.
        head: From the sequence to the probability.
        training: The optimizer and its settings.
    """

    embedding: int
    spatial_dropout: float
    front: Front | None
    normalization: str
    recurrence: Recurrence
    head: Head
    training: Training


def choose(hp: Any, *, brief: bool = True) -> Choices:
    """Declare the whole space on `hp` and read the current draw off it.

    Args:
        hp: A `keras_tuner.HyperParameters`, or anything with its interface.
        brief: Whether every draw keeps Model 3's rules. Without them adam may be drawn, and both
            dropouts may be left out.

    Returns:
        The draw; where `hp` has no value yet, the default.
    """
    least_dropout = 0.05 if brief else 0.0
    return Choices(
        embedding=_power_of_two(hp, "embedding", 16, 64, default=32),
        spatial_dropout=hp.Float("spatial_dropout", least_dropout, 0.3, step=0.05, default=0.1),
        front=_front(hp),
        normalization=hp.Choice("normalization", ["none", "layer", "batch"], default="none"),
        recurrence=_recurrence(hp),
        head=_head(hp, least_dropout),
        training=_training(hp, brief),
    )


def _power_of_two(hp: Any, name: str, least: int, most: int, default: int) -> Any:
    return hp.Int(name, least, most, step=2, sampling="log", default=default)


def _front(hp: Any) -> Front | None:
    layers = hp.Int("conv_layers", 0, 2, default=1)
    with hp.conditional_scope("conv_layers", [1, 2]):
        filters = _power_of_two(hp, "conv_filters", 32, 128, default=64)
        kernel = hp.Int("conv_kernel", 3, 7, default=5)
        pool = hp.Int("conv_pool", 2, 4, default=4)
    return Front(layers, filters, kernel, pool) if layers else None


def _recurrence(hp: Any) -> Recurrence:
    cell = hp.Choice("cell", ["rnn", "gru", "lstm"], default="gru")
    # Sampled on a logarithmic scale, so that half of all draws have one.
    layers = hp.Int("recurrent_layers", 1, 3, sampling="log", default=1)
    units = _stack(hp, "recurrent", layers, default=64)
    return Recurrence(
        cell=cell,
        units=units,
        bidirectional=hp.Boolean("bidirectional", default=True),
        dropout=_recurrent_dropout(hp),
    )


def _stack(hp: Any, prefix: str, layers: int, default: int) -> tuple[int, ...]:
    """Declare the units of up to three layers, each only where that many layers are drawn.

    The second and third are at most half as wide: deep and wide both is what two cores cannot pay.
    """
    units = []
    for layer in (1, 2, 3):
        with hp.conditional_scope(f"{prefix}_layers", list(range(layer, 4))):
            most = 128 if layer == 1 else 64
            units.append(_power_of_two(hp, f"{prefix}_units_{layer}", 16, most, default))
    return tuple(units[:layers])


def _recurrent_dropout(hp: Any) -> float:
    # It costs half as much again as the layer itself, so half of all draws go without.
    used = hp.Boolean("use_recurrent_dropout", default=False)
    with hp.conditional_scope("use_recurrent_dropout", [True]):
        rate = hp.Choice("recurrent_dropout", [0.2, 0.5], default=0.2)
    return float(rate) if used else 0.0


def _head(hp: Any, least_dropout: float) -> Head:
    summary = hp.Choice("summary", ["last", "max", "mean", "attention"], default="max")
    dropout = hp.Float("dropout", least_dropout, 0.5, step=0.05, default=0.2)
    layers = hp.Int("dense_layers", 0, 3, default=0)
    units = _stack(hp, "dense", layers, default=32)
    with hp.conditional_scope("dense_layers", [1, 2, 3]):
        activation = hp.Choice("dense_activation", ["relu", "gelu", "tanh"], default="relu")
    return Head(summary, dropout, units, activation)


def _training(hp: Any, brief: bool) -> Training:
    adaptive = RELATIVES_OF_ADAM if brief else [*RELATIVES_OF_ADAM, "adam"]
    optimizer = hp.Choice("optimizer", [*adaptive, "sgd", "lion"], default="nadam")
    rates = [
        _rate(hp, adaptive, "learning_rate", 5e-4, 2e-2, default=3e-3),
        _rate(hp, ["sgd"], "sgd_learning_rate", 2e-2, 3e-1, default=1e-1),
        _rate(hp, ["lion"], "lion_learning_rate", 5e-4, 1e-2, default=3e-3),
    ]
    with hp.conditional_scope("optimizer", DECAYING):
        weight_decay = hp.Float("weight_decay", 1e-4, 1e-1, sampling="log", default=4e-3)
    schedules = ["constant", "cosine", "warmup-cosine"]
    return Training(
        optimizer=optimizer,
        learning_rate=next(rate for rate in rates if rate is not None),
        weight_decay=weight_decay,
        schedule=hp.Choice("schedule", schedules, default="cosine"),
        gradient_clip=hp.Choice("gradient_clip", [0.0, 1.0, 5.0], default=1.0),
        batch_size=_power_of_two(hp, "batch_size", 64, 256, default=128),
    )


def _rate(
    hp: Any, optimizers: list[str], name: str, least: float, most: float, default: float
) -> float | None:
    with hp.conditional_scope("optimizer", optimizers):
        rate: float | None = hp.Float(name, least, most, sampling="log", default=default)
    return rate
