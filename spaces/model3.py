"""Model 3 as a KerasTuner hypermodel: every draw keeps the brief."""

from collections.abc import Mapping, Sequence
from typing import Any

from spaces import layers
from spaces.choices import Choices, choose
from spaces.protocol import BRIEF_EPOCHS, BRIEF_FIT_ROWS
from spaces.space import Space

_FAST: Mapping[str, Any] = {
    "embedding": 64,
    "spatial_dropout": 0.15,
    "conv_filters": 32,
    "conv_kernel": 4,
    "conv_pool": 3,
    "normalization": "layer",
    "cell": "lstm",
    "recurrent_units_1": 32,
    "bidirectional": False,
    "summary": "attention",
    "dropout": 0.4,
    "learning_rate": 0.005,
    "schedule": "warmup-cosine",
    "gradient_clip": 5.0,
}
# For logs of a few thousand rows, which a network learns by heart.
_STEADY: Mapping[str, Any] = {
    "spatial_dropout": 0.2,
    "dropout": 0.4,
    "wide_longest": 5,
    "wide_dropout": 0.3,
}
_LONGER: Mapping[str, Any] = {
    "embedding": 64,
    "dropout": 0.1,
    "learning_rate": 0.0013,
    "gradient_clip": 5.0,
    "batch_size": 16,
}
_ATTENTIVE: Mapping[str, Any] = {
    **_LONGER,
    "spatial_dropout": 0.05,
    "normalization": "layer",
    "summary": "attention",
}
_MANY_FILTERS: Mapping[str, Any] = {**_LONGER, "conv_filters": 128}


class Model3(Space):
    """The space that a search explores by default.

    Attributes:
        starting_points: What a search tries first, each with the wide branch: the defaults; a
            small and fast network as unlike them as good ones can be; the defaults with more
            dropout; and two slower ones with twice the steps, one that attends, one with twice the
            filters. What stands beside the branch was found on the synthetic log, the dropout on
            small logs of several kinds.
    """

    starting_points: Sequence[Mapping[str, Any]] = (
        {},
        _FAST,
        _STEADY,
        _ATTENTIVE,
        _MANY_FILTERS,
    )

    def __init__(
        self,
        num_words: int,
        *,
        rows: int = BRIEF_FIT_ROWS,
        epochs: int = BRIEF_EPOCHS,
        brief: bool = True,
    ) -> None:
        """Describe the data and the training that the models are for.

        Args:
            num_words: How many ids there are, padding included.
            rows: How many rows a training sees in one epoch.
            epochs: How many epochs a training lasts.
            brief: Whether every draw keeps Model 3's rules; without them adam may be drawn and
                both dropouts left out.
        """
        super().__init__(num_words, rows=rows, epochs=epochs)
        self.brief = brief

    def choose(self, hp: Any) -> Choices:
        """Declare the space and read the current draw off it, as `spaces.choices.choose` does."""
        return choose(hp, brief=self.brief)

    def assemble(self, choices: Choices) -> Any:
        """Build the model of one draw, as `spaces.layers.assemble` does."""
        return layers.assemble(choices, self.num_words)
