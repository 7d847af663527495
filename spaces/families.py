"""What a network of the space `open` may be: a family of architectures, and that family's choices.

Model 3's rules do not hold here: a network need not be recurrent, adam may be drawn, and dropout
may be left out. What the families have in common (head, optimizer, schedule) is Model 3's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from spaces.choices import front, head, power_of_two, recurrence, summary, training
from spaces.parts import Front, Head, Recurrence, Training

CONV, ATTENTION, BAG = "conv", "attention", "bag"
RECURRENT, CONV_RECURRENT = "recurrent", "conv-recurrent"
FAMILIES = (CONV, ATTENTION, BAG, RECURRENT, CONV_RECURRENT)
_WITH_STATE = (RECURRENT, CONV_RECURRENT)
_POOLED = (CONV, ATTENTION)
_OF_CHARACTERS = tuple(family for family in FAMILIES if family != BAG)

T = TypeVar("T")


@dataclass(frozen=True)
class Convolutions:
    """A network of convolutions alone.

    Attributes:
        layers: How many, 1 to 3.
        filters: Filters of each.
        kernel: Steps that one filter spans.
        pool: How many steps become one after each but the last; None for a single layer.
        normalization: "none", "layer" or "batch", after each.
    """

    layers: int
    filters: int
    kernel: int
    pool: int | None
    normalization: str


@dataclass(frozen=True)
class Attention:
    """Blocks of self-attention over patches of characters.

    Attributes:
        patch: How many characters become one step; attention costs the square of the steps.
        kernel: Characters that the convolution before the patches spans.
        width: Numbers a step.
        blocks: How many blocks, 1 or 2.
        heads: Heads of each.
        dropout: Share of the attention's weights dropped.
    """

    patch: int
    kernel: int
    width: int
    blocks: int
    heads: int
    dropout: float


@dataclass(frozen=True)
class Bag:
    """A bag of hashed character n-grams, wherever they stand.

    Attributes:
        longest: Characters of the longest n-grams; all shorter ones are in the bag too.
        buckets: How many hashes there are.
    """

    longest: int
    buckets: int


@dataclass(frozen=True)
class Recurrent:
    """Recurrent layers, behind convolutions or without.

    Attributes:
        front: The convolutions; None in the family "recurrent".
        recurrence: The recurrent layers.
        normalization: "none", "layer" or "batch", after each layer of both.
    """

    front: Front | None
    recurrence: Recurrence
    normalization: str


@dataclass(frozen=True)
class OpenChoices:
    """One drawn network.

    Attributes:
        family: One of `FAMILIES`.
        embedding: Width of the vector of a character, or of an n-gram in a bag.
        spatial_dropout: Share of the embedding's channels dropped.
        body: What stands between the embedding and the summary.
        head: From the sequence to the probability.
        training: The optimizer and its settings.
    """

    family: str
    embedding: int
    spatial_dropout: float
    body: Convolutions | Attention | Bag | Recurrent
    head: Head
    training: Training


@dataclass(frozen=True)
class _Scopes:
    """Declares what belongs to some families only where one of them is searched."""

    hp: Any
    searched: Sequence[str]

    def only(self, families: Sequence[str], declare: Callable[[Any], T]) -> T | None:
        concerned = [family for family in self.searched if family in families]
        if not concerned:
            return None
        with self.hp.conditional_scope("family", concerned):
            return declare(self.hp)


def choose(hp: Any, searched: Sequence[str] = FAMILIES) -> OpenChoices:
    """Declare the space on `hp` and read the current draw off it.

    Args:
        hp: A `keras_tuner.HyperParameters`, or anything with its interface.
        searched: The families that may be drawn; the first one is the default.

    Returns:
        The draw; where `hp` has no value yet, the default.
    """
    scopes = _Scopes(hp, searched)
    family = hp.Choice("family", list(searched), default=searched[0])
    widths = scopes.only(_OF_CHARACTERS, _embedding), scopes.only([BAG], _ngram_width)
    spatial_dropout = hp.Float("spatial_dropout", 0.0, 0.3, step=0.05, default=0.1)
    body = _body(family, scopes)
    ends = (
        scopes.only(_WITH_STATE, lambda hp: summary(hp, "last")),
        scopes.only(_POOLED, _pooling),
        scopes.only([BAG], _ngram_pooling),
    )
    return OpenChoices(
        family=family,
        embedding=next(width for width in widths if width is not None),
        spatial_dropout=spatial_dropout,
        body=body,
        head=head(hp, next(end for end in ends if end is not None), least_dropout=0.0),
        training=training(hp, brief=False),
    )


def _body(family: str, scopes: _Scopes) -> Any:
    """Declare what every searched family has, and keep the drawn one's."""
    normalization = scopes.only((CONV, *_WITH_STATE), _normalization)
    drawn = {
        CONV: scopes.only([CONV], lambda hp: _convolutions(hp, normalization or "none")),
        ATTENTION: scopes.only([ATTENTION], _attention),
        BAG: scopes.only([BAG], _bag),
    }
    convolutions = scopes.only([CONV_RECURRENT], front)
    recurrent = scopes.only(_WITH_STATE, recurrence)
    if family in _WITH_STATE:
        assert recurrent is not None
        before = convolutions if family == CONV_RECURRENT else None
        return Recurrent(before, recurrent, normalization or "none")
    return drawn[family]


def _embedding(hp: Any) -> Any:
    return power_of_two(hp, "embedding", 16, 64, default=32)


def _ngram_width(hp: Any) -> Any:
    return power_of_two(hp, "ngram_width", 8, 64, default=32)


def _normalization(hp: Any) -> Any:
    return hp.Choice("normalization", ["none", "layer", "batch"], default="batch")


def _pooling(hp: Any) -> Any:
    return hp.Choice("pooling", ["max", "mean", "attention"], default="max")


def _convolutions(hp: Any, normalization: str) -> Convolutions:
    layers = hp.Int("stack_layers", 1, 3, default=1)
    filters = power_of_two(hp, "stack_filters", 32, 256, default=128)
    kernel = hp.Int("stack_kernel", 3, 9, default=5)
    with hp.conditional_scope("stack_layers", [2, 3]):
        pool = hp.Int("stack_pool", 1, 4, default=2)
    return Convolutions(layers, filters, kernel, pool, normalization)


def _attention(hp: Any) -> Attention:
    return Attention(
        # With 4, half as much time again and no better: the weights grow with the steps squared.
        patch=power_of_two(hp, "patch", 8, 16, default=8),
        kernel=hp.Int("patch_kernel", 3, 9, default=5),
        width=power_of_two(hp, "attention_width", 32, 128, default=64),
        blocks=hp.Int("attention_blocks", 1, 2, default=1),
        heads=power_of_two(hp, "attention_heads", 1, 4, default=2),
        dropout=hp.Choice("attention_dropout", [0.0, 0.1, 0.2], default=0.0),
    )


def _ngram_pooling(hp: Any) -> Any:
    # The greatest of thousands of vectors is rarely that of the telling n-gram at first.
    return hp.Choice("ngram_pooling", ["max", "mean", "attention"], default="attention")


def _bag(hp: Any) -> Bag:
    return Bag(
        longest=hp.Int("ngram_longest", 1, 4, default=3),
        buckets=power_of_two(hp, "ngram_buckets", 2**11, 2**15, default=2**14),
    )
