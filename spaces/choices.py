"""What Model 3 may be: every hyperparameter, its range, and when it applies.

The skeleton (embedding, spatial dropout, convolution, pooling, recurrence, summary, dropout,
sigmoid) has more than five layers, and types that Models 1 and 2 lack, so every draw keeps the
brief; all other choices only add to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spaces.parts import Body, Embedding, Front, Head, Recurrence, Training, Wide

RELATIVES_OF_ADAM = ["rmsprop", "nadam", "adamw"]


@dataclass(frozen=True)
class Choices:
    """One drawn Model 3.

    Attributes:
        body: From the characters to the summary.
        head: From the summary to the probability.
        training: The optimizer and its settings.
    """

    body: Body
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
        body=body(hp, least_dropout=least_dropout),
        head=head(hp, least_dropout),
        training=training(hp, brief),
    )


def body(
    hp: Any,
    *,
    convolutions: bool = True,
    least_dropout: float = 0.0,
    more_cells: Sequence[str] = (),
    more_summaries: Sequence[str] = (),
) -> Body:
    """Declare what reads a record.

    Args:
        hp: A `keras_tuner.HyperParameters`.
        convolutions: Whether they stand before the recurrence.
        least_dropout: The lowest rate of the embedding's dropout.
        more_cells: Recurrent layers that may be drawn beside "gru" and "lstm".
        more_summaries: What a sequence may be summed up by beside "max", "mean" and "attention".

    Returns:
        The draw.
    """
    return Body(
        embedding=embedding(hp, least_dropout),
        front=front(hp) if convolutions else None,
        normalization=normalization(hp),
        recurrence=recurrence(hp, *more_cells),
        summary=summary(hp, *more_summaries),
    )


def power_of_two(hp: Any, name: str, least: int, most: int, default: int) -> Any:
    """Declare an integer that is drawn among the powers of two.

    Args:
        hp: A `keras_tuner.HyperParameters`.
        name: Its name.
        least: The lowest power.
        most: The highest.
        default: What the first trial takes.

    Returns:
        The value; None where its conditions do not hold.
    """
    return hp.Int(name, least, most, step=2, sampling="log", default=default)


def embedding(hp: Any, least_dropout: float = 0.0) -> Embedding:
    """Declare the vectors of what is read.

    Args:
        hp: A `keras_tuner.HyperParameters`.
        least_dropout: The lowest rate of their dropout.

    Returns:
        The draw.
    """
    return Embedding(
        width=power_of_two(hp, "embedding", 16, 64, default=32),
        dropout=hp.Float("spatial_dropout", least_dropout, 0.3, step=0.05, default=0.1),
    )


def front(hp: Any) -> Front:
    """Declare the convolutions before a recurrence.

    Args:
        hp: A `keras_tuner.HyperParameters`.

    Returns:
        The draw.
    """
    return Front(
        layers=hp.Int("conv_layers", 1, 2, default=1),
        filters=power_of_two(hp, "conv_filters", 32, 128, default=64),
        kernel=hp.Int("conv_kernel", 3, 9, default=7),
        pool=hp.Int("conv_pool", 2, 4, default=4),
    )


def normalization(hp: Any) -> Any:
    """Declare what follows each layer.

    Args:
        hp: A `keras_tuner.HyperParameters`.

    Returns:
        The draw.
    """
    return hp.Choice("normalization", ["layer", "batch"], default="batch")


def recurrence(hp: Any, *more_cells: str) -> Recurrence:
    """Declare the recurrent layers.

    Args:
        hp: A `keras_tuner.HyperParameters`.
        more_cells: What may be drawn beside "gru" and "lstm".

    Returns:
        The draw.
    """
    cell = hp.Choice("cell", [*more_cells, "gru", "lstm"], default="gru")
    layers = hp.Int("recurrent_layers", 1, 2, default=1)
    units = _stack(hp, "recurrent", layers, default=64)
    return Recurrence(
        cell=cell,
        units=units,
        bidirectional=hp.Boolean("bidirectional", default=True),
        dropout=_recurrent_dropout(hp),
    )


def _stack(hp: Any, prefix: str, layers: int, default: int) -> tuple[int, ...]:
    """Declare the units of up to two layers, each only where that many layers are drawn.

    The second is at most half as wide: deep and wide both is what two cores cannot pay.
    """
    units = []
    for layer in (1, 2):
        with hp.conditional_scope(f"{prefix}_layers", list(range(layer, 3))):
            most = 128 if layer == 1 else 64
            units.append(power_of_two(hp, f"{prefix}_units_{layer}", 16, most, default))
    return tuple(units[:layers])


def _recurrent_dropout(hp: Any) -> float:
    # It costs half as much again as the layer itself, so half of all draws go without.
    used = hp.Boolean("use_recurrent_dropout", default=False)
    with hp.conditional_scope("use_recurrent_dropout", [True]):
        rate = hp.Choice("recurrent_dropout", [0.2, 0.5], default=0.2)
    return float(rate) if used else 0.0


def summary(hp: Any, *more: str, default: str = "max") -> Any:
    """Declare what a sequence is summed up by.

    Args:
        hp: A `keras_tuner.HyperParameters`.
        more: What may be drawn beside "max", "mean" and "attention".
        default: What the first trial takes.

    Returns:
        The draw.
    """
    return hp.Choice("summary", ["max", "mean", "attention", *more], default=default)


def head(hp: Any, least_dropout: float) -> Head:
    """Declare what stands between the summary and the probability.

    Args:
        hp: A `keras_tuner.HyperParameters`.
        least_dropout: The lowest rate of the dropout.

    Returns:
        The draw.
    """
    dropout = hp.Float("dropout", least_dropout, 0.5, step=0.05, default=0.2)
    layers = hp.Int("dense_layers", 0, 2, default=0)
    units = _stack(hp, "dense", layers, default=32)
    with hp.conditional_scope("dense_layers", [1, 2]):
        activation = hp.Choice("dense_activation", ["relu", "gelu", "tanh"], default="relu")
    return Head(dropout, units, activation, wide(hp))


def wide(hp: Any) -> Wide | None:
    """Declare the wide branch.

    Args:
        hp: A `keras_tuner.HyperParameters`.

    Returns:
        The draw; None without the branch.
    """
    used = hp.Boolean("wide", default=True)
    with hp.conditional_scope("wide", [True]):
        drawn = Wide(
            longest=hp.Int("wide_longest", 3, 5, default=4),
            factor=hp.Choice("wide_factor", [100, 300, 1000], default=300),
            dropout=hp.Float("wide_dropout", 0.0, 0.5, step=0.1, default=0.0),
        )
    return drawn if used else None


def training(hp: Any, brief: bool) -> Training:
    """Declare the optimizer and its settings.

    Args:
        hp: A `keras_tuner.HyperParameters`.
        brief: Whether adam itself is left out.

    Returns:
        The draw.
    """
    adaptive = RELATIVES_OF_ADAM if brief else [*RELATIVES_OF_ADAM, "adam"]
    optimizer = hp.Choice("optimizer", adaptive, default="nadam")
    with hp.conditional_scope("optimizer", ["adamw"]):
        weight_decay = hp.Float("weight_decay", 1e-4, 3e-2, sampling="log", default=4e-3)
    schedules = ["constant", "cosine", "warmup-cosine"]
    return Training(
        optimizer=optimizer,
        learning_rate=hp.Float("learning_rate", 5e-4, 6e-3, sampling="log", default=3e-3),
        weight_decay=weight_decay,
        schedule=hp.Choice("schedule", schedules, default="cosine"),
        gradient_clip=hp.Choice("gradient_clip", [0.0, 1.0, 5.0], default=1.0),
        batch_size=power_of_two(hp, "batch_size", 16, 64, default=32),
    )
