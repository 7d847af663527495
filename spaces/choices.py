"""What Model 3 may be: every hyperparameter, its range, and the condition under which it applies.

The skeleton (embedding, spatial dropout, convolution, pooling, recurrence, pooling over all steps,
dropout, sigmoid) has more than five layers, and types that Models 1 and 2 lack. So every draw keeps
the assignment's rules; all other choices only add to it.

Each function takes a `keras_tuner.HyperParameters`, or anything with its interface, declares
hyperparameters on it and returns their current values: the default if a hyperparameter has no value
yet, None if its condition does not hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RELATIVES_OF_ADAM = ["rmsprop", "nadam", "adamw"]
# Both dropouts are part of the skeleton above, which no draw may lack.
_LEAST_DROPOUT = 0.05


@dataclass(frozen=True)
class Embedding:
    """The vectors of what is read."""

    width: int  # numbers in a vector
    dropout: float  # share of the vectors' channels dropped


@dataclass(frozen=True)
class ConvStem:
    """Convolutions before the recurrence, each followed by max pooling."""

    layers: int  # how many convolutions, 1 or 2
    filters: int  # filters of each
    kernel: int  # characters (or pooled steps) that one filter spans
    pool: int  # how many steps become one after each convolution


@dataclass(frozen=True)
class Recurrence:
    """The recurrent layers."""

    cell: str  # "rnn", "gru" or "lstm"
    units: tuple[int, ...]  # units of each layer, in each direction, first layer first
    bidirectional: bool  # whether each layer reads both ways
    dropout: float  # share of the recurrent state dropped at each step


@dataclass(frozen=True)
class Encoder:
    """What turns a record into a vector: recurrent layers, with or without convolutions before."""

    embedding: Embedding  # the characters' vectors
    conv_stem: ConvStem | None  # the convolutions, if any
    normalization: str  # "layer" or "batch", after each convolution and recurrent layer
    recurrence: Recurrence  # the recurrent layers
    pooling: str  # "max", "mean" or "attention" over all steps, or the "last" step


@dataclass(frozen=True)
class Wide:
    """A linear model of hashed character n-grams whose logit is added to the network's.

    Cheng et al. 2016, https://arxiv.org/abs/1606.07792.
    """

    longest: int  # characters of the longest n-grams; all shorter ones count too
    # What the mean of the n-grams' weights is multiplied by. An optimizer of Adam's kind moves a
    # weight by about the learning rate, so the factor makes this branch faster.
    factor: int
    dropout: float  # share of the n-grams dropped


@dataclass(frozen=True)
class Head:
    """What turns the encoder's vector into one probability."""

    dropout: float  # share of the vector dropped
    units: tuple[int, ...]  # units of each hidden dense layer; may be empty
    activation: str | None  # activation of those layers; None if there are none
    wide: Wide | None  # what is added to the logit, if anything


@dataclass(frozen=True)
class Training:
    """How the weights are updated."""

    optimizer: str  # "rmsprop", "nadam", "adamw", or "adam" if the assignment's rules do not apply
    learning_rate: float  # the highest rate that the schedule reaches
    weight_decay: float | None  # decoupled weight decay; None if the optimizer has none
    schedule: str  # "constant", "cosine" or "warmup-cosine"
    gradient_clip: float  # greatest norm of all gradients together; 0 means no clipping
    batch_size: int  # records a step


@dataclass(frozen=True)
class Choices:
    """One drawn Model 3."""

    encoder: Encoder
    head: Head
    training: Training


def choose(hp: Any) -> Choices:
    """Declare the whole space; every draw keeps the assignment's rules."""
    return Choices(
        encoder=encoder(hp, least_dropout=_LEAST_DROPOUT),
        head=head(hp, _LEAST_DROPOUT),
        training=training(hp, keep_rules=True),
    )


def encoder(
    hp: Any,
    *,
    convolutions: bool = True,
    least_dropout: float = 0.0,
    more_cells: Sequence[str] = (),
    more_poolings: Sequence[str] = (),
) -> Encoder:
    """Declare the recurrent layers and what stands before and after them."""
    return Encoder(
        embedding=embedding(hp, least_dropout),
        conv_stem=conv_stem(hp) if convolutions else None,
        normalization=normalization(hp),
        recurrence=recurrence(hp, *more_cells),
        pooling=pooling(hp, *more_poolings),
    )


def power_of_two(hp: Any, name: str, least: int, most: int, default: int) -> Any:
    """Declare an integer that is drawn among the powers of two."""
    return hp.Int(name, least, most, step=2, sampling="log", default=default)


def embedding(hp: Any, least_dropout: float = 0.0) -> Embedding:
    """Declare the vectors of what is read."""
    return Embedding(
        width=power_of_two(hp, "embedding", 16, 64, default=32),
        dropout=hp.Float("spatial_dropout", least_dropout, 0.3, step=0.05, default=0.1),
    )


def conv_stem(hp: Any) -> ConvStem:
    """Declare the convolutions before a recurrence."""
    return ConvStem(
        layers=hp.Int("conv_layers", 1, 2, default=1),
        filters=power_of_two(hp, "conv_filters", 32, 128, default=64),
        kernel=hp.Int("conv_kernel", 3, 9, default=7),
        pool=hp.Int("conv_pool", 2, 4, default=4),
    )


def normalization(hp: Any) -> Any:
    """Declare what follows each layer."""
    return hp.Choice("normalization", ["layer", "batch"], default="layer")


def recurrence(hp: Any, *more_cells: str) -> Recurrence:
    """Declare the recurrent layers."""
    cell = hp.Choice("cell", [*more_cells, "gru", "lstm"], default="gru")
    layers = hp.Int("recurrent_layers", 1, 2, default=1)
    units = _stack(hp, "recurrent", layers, default=64)
    bidirectional = hp.Boolean("bidirectional", default=True)
    # It costs half as much again as the layer itself, so half of all draws go without.
    drops = hp.Boolean("use_recurrent_dropout", default=False)
    with hp.conditional_scope("use_recurrent_dropout", [True]):
        rate = hp.Choice("recurrent_dropout", [0.2, 0.5], default=0.2)
    return Recurrence(cell, units, bidirectional, float(rate) if drops else 0.0)


def _stack(hp: Any, prefix: str, layers: int, default: int) -> tuple[int, ...]:
    """Declare the units of up to two layers, the second at most half as wide as the first.

    A network both deep and wide is too slow for two cores.
    """
    units = []
    for layer in (1, 2):
        with hp.conditional_scope(f"{prefix}_layers", list(range(layer, 3))):
            most = 128 if layer == 1 else 64
            units.append(power_of_two(hp, f"{prefix}_units_{layer}", 16, most, default))
    return tuple(units[:layers])


def pooling(hp: Any, *more: str, default: str = "max") -> Any:
    """Declare how a sequence becomes one vector."""
    # The hyperparameter's name is older than the word used here; earlier studies have it.
    return hp.Choice("summary", ["max", "mean", "attention", *more], default=default)


def head(hp: Any, least_dropout: float = 0.0) -> Head:
    """Declare what stands between the encoder and the probability."""
    dropout = hp.Float("dropout", least_dropout, 0.5, step=0.05, default=0.2)
    layers = hp.Int("dense_layers", 0, 2, default=0)
    units = _stack(hp, "dense", layers, default=32)
    with hp.conditional_scope("dense_layers", [1, 2]):
        activation = hp.Choice("dense_activation", ["relu", "gelu", "tanh"], default="relu")
    return Head(dropout, units, activation, wide(hp))


def wide(hp: Any) -> Wide | None:
    """Declare the wide branch; None if it is not drawn."""
    used = hp.Boolean("wide", default=True)
    with hp.conditional_scope("wide", [True]):
        drawn = Wide(
            longest=hp.Int("wide_longest", 3, 5, default=4),
            factor=hp.Choice("wide_factor", [100, 300, 1000], default=300),
            dropout=hp.Float("wide_dropout", 0.0, 0.5, step=0.1, default=0.0),
        )
    return drawn if used else None


def training(hp: Any, keep_rules: bool) -> Training:
    """Declare the optimizer and its settings; the assignment's rules leave adam itself out."""
    optimizers = RELATIVES_OF_ADAM if keep_rules else [*RELATIVES_OF_ADAM, "adam"]
    optimizer = hp.Choice("optimizer", optimizers, default="nadam")
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
