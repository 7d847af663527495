"""A bag of hashed character n-grams, wherever they stand."""

from dataclasses import dataclass
from typing import Any

from spaces import choices, layers


@dataclass(frozen=True)
class Bag:
    """A drawn bag."""

    embedding: choices.Embedding  # the n-grams' vectors
    longest: int  # characters of the longest n-grams; all shorter ones are in the bag too
    buckets: int  # how many hashes there are
    pooling: str  # "max", "mean" or "attention"


def declare(hp: Any) -> Bag:
    """Declare the family's hyperparameters."""
    return Bag(
        embedding=choices.embedding(hp),
        longest=hp.Int("longest", 1, 4, default=3),
        buckets=choices.power_of_two(hp, "buckets", 2**11, 2**15, default=2**14),
        # The greatest of thousands of vectors is rarely that of the telling n-gram at first.
        pooling=choices.pooling(hp, default="attention"),
    )


def build(ids: Any, drawn: Bag, num_words: int) -> Any:
    """Build the layers of a draw: int32 [batch, length] -> [batch, the vectors' width]."""
    x = layers.ngrams(ids, drawn.longest, drawn.buckets, name="ngrams")
    x = layers.embed(x, drawn.embedding, drawn.buckets)
    return layers.pool_steps(x, drawn.pooling)
