"""A bag of hashed character n-grams, wherever they stand."""

from dataclasses import dataclass
from typing import Any

from spaces import Embedding, choices, embed, ngrams, summarize


@dataclass(frozen=True)
class Bag:
    """A drawn bag.

    Attributes:
        embedding: The n-grams' vectors.
        longest: Characters of the longest n-grams; all shorter ones are in the bag too.
        buckets: How many hashes there are.
        summary: "max", "mean" or "attention".
    """

    embedding: Embedding
    longest: int
    buckets: int
    summary: str


def declare(hp: Any) -> Bag:
    """Declare the family's hyperparameters.

    Args:
        hp: A `keras_tuner.HyperParameters`.

    Returns:
        The draw.
    """
    return Bag(
        embedding=choices.embedding(hp),
        longest=hp.Int("longest", 1, 4, default=3),
        buckets=choices.power_of_two(hp, "buckets", 2**11, 2**15, default=2**14),
        # The greatest of thousands of vectors is rarely that of the telling n-gram at first.
        summary=choices.summary(hp, default="attention"),
    )


def build(ids: Any, drawn: Bag, num_words: int) -> Any:
    """Add the layers of a draw.

    Args:
        ids: int32 [batch, length].
        drawn: The draw.
        num_words: How many ids there are; the buckets take their place.

    Returns:
        [batch, the vectors' width].
    """
    x = ngrams(ids, drawn.longest, drawn.buckets, name="ngrams")
    x = embed(x, drawn.embedding, drawn.buckets)
    return summarize(x, drawn.summary)
