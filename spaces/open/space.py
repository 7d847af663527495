"""The space `open`: Model 3's without the brief's rules, over several families of architectures.

A network need not be recurrent, adam may be drawn, and dropout may be left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from spaces import BRIEF_EPOCHS, BRIEF_FIT_ROWS, Head, Space, Training, classify, head, training
from spaces.open.family import FAMILIES, family


@dataclass(frozen=True)
class OpenChoices:
    """One drawn network.

    Attributes:
        family: One of `FAMILIES`.
        drawn: What the family's `declare` gave.
        head: From the summary to the probability.
        training: The optimizer and its settings.
    """

    family: str
    drawn: Any
    head: Head
    training: Training


class Open(Space):
    """A space of convolutions, attention, bags of n-grams and recurrent networks.

    A family's hyperparameters stand under its name, as in `conv/filters`.

    Attributes:
        families: Which of `FAMILIES` may be drawn.
        starting_points: What a search tries first: the defaults of each family.
    """

    def __init__(
        self,
        num_words: int,
        *,
        rows: int = BRIEF_FIT_ROWS,
        epochs: int = BRIEF_EPOCHS,
        families: Sequence[str] = FAMILIES,
    ) -> None:
        """Describe the data, the training, and what is searched.

        Args:
            num_words: How many ids there are, padding included.
            rows: How many rows a training sees in one epoch.
            epochs: How many epochs a training lasts.
            families: Which of `FAMILIES` may be drawn; the first one is the default.

        Raises:
            ValueError: There is no such family, or none is given.
        """
        super().__init__(num_words, rows=rows, epochs=epochs)
        self.families = tuple(families)
        if not self.families or set(self.families) - set(FAMILIES):
            raise ValueError(f"families are {self.families}, but must be some of {FAMILIES}")
        self.starting_points: Sequence[Mapping[str, Any]] = tuple(
            {"family": name} for name in self.families
        )

    def choose(self, hp: Any) -> OpenChoices:
        """Declare the whole space on `hp` and read the current draw off it.

        Args:
            hp: A `keras_tuner.HyperParameters`.

        Returns:
            The draw; where `hp` has no value yet, the default.
        """
        chosen = hp.Choice("family", list(self.families), default=self.families[0])
        draws = {name: _declare(hp, name) for name in self.families}
        return OpenChoices(
            family=chosen,
            drawn=draws[chosen],
            head=head(hp, least_dropout=0.0),
            training=training(hp, brief=False),
        )

    def assemble(self, choices: OpenChoices) -> Any:
        """Build the model of one draw, not yet compiled.

        Args:
            choices: The draw.

        Returns:
            A functional Keras model: int32 [batch, length] in, probabilities [batch, 1] out, for
            any length from 32 on.
        """
        ids = keras.Input((None,), dtype="int32", name="ids")
        x = family(choices.family).build(ids, choices.drawn, self.num_words)
        return keras.Model(ids, classify(x, ids, choices.head), name="open")


def _declare(hp: Any, name: str) -> Any:
    with hp.conditional_scope("family", [name]), hp.name_scope(name):
        return family(name).declare(hp)
