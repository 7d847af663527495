"""Model 3 as a KerasTuner hypermodel: every draw keeps the assignment's rules."""

from collections.abc import Mapping, Sequence
from typing import Any

from spaces import layers
from spaces.choices import Choices, choose
from spaces.space import Space

_FAST: Mapping[str, Any] = {
    "embedding": 64,
    "spatial_dropout": 0.15,
    "conv_filters": 32,
    "conv_kernel": 4,
    "conv_pool": 3,
    "cell": "lstm",
    "recurrent_units_1": 32,
    "bidirectional": False,
    "summary": "attention",
    "dropout": 0.4,
    "learning_rate": 0.005,
    "schedule": "warmup-cosine",
    "gradient_clip": 5.0,
}
# For logs of a few thousand rows, which a network overfits.
_STEADY: Mapping[str, Any] = {
    "spatial_dropout": 0.2,
    "normalization": "batch",
    "dropout": 0.4,
    "wide_longest": 5,
    "wide_dropout": 0.3,
}
_ATTENTIVE: Mapping[str, Any] = {
    "embedding": 64,
    "spatial_dropout": 0.05,
    "summary": "attention",
    "dropout": 0.1,
    "learning_rate": 0.0013,
    "gradient_clip": 5.0,
    "batch_size": 16,
}


class Model3(Space):
    """The space that a search explores by default.

    Attributes:
        starting_points: What a search tries first, each with the wide branch: the defaults; a
            small and fast network as different from them as good ones can be; one with batch
            normalization and more dropout; and a slower one with attention and twice the steps.
            What stands beside the branch was found on the synthetic log, the dropout on small logs
            of several kinds.
    """

    starting_points: Sequence[Mapping[str, Any]] = ({}, _FAST, _STEADY, _ATTENTIVE)

    def choose(self, hp: Any) -> Choices:
        """Declare the whole space on `hp` and return the draw."""
        return choose(hp)

    def assemble(self, choices: Choices) -> Any:
        """Build the model of one draw, not yet compiled."""
        return layers.assemble(choices, self.num_words)
