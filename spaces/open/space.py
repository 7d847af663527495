"""The space `open`: Model 3's without the assignment's rules, over several families.

A network need not be recurrent, adam may be drawn, and dropout may be left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from spaces import choices, layers
from spaces.open.families import FAMILIES, family
from spaces.protocol import ASSIGNMENT_EPOCHS, ASSIGNMENT_FIT_ROWS
from spaces.space import Space


@dataclass(frozen=True)
class OpenChoices:
    """One drawn network."""

    family: str  # one of `FAMILIES`
    drawn: Any  # what the family's `declare` returned
    head: choices.Head  # from the family's vector to the probability
    training: choices.Training  # the optimizer and its settings


class Open(Space):
    """A space of convolutions, attention, bags of n-grams and recurrent networks.

    A family's hyperparameters have its name before theirs, as in `conv/filters`.

    Attributes:
        families: Which of `FAMILIES` may be drawn.
        starting_points: What a search tries first: the defaults of each family.
    """

    def __init__(
        self,
        num_words: int,
        *,
        rows: int = ASSIGNMENT_FIT_ROWS,
        epochs: int = ASSIGNMENT_EPOCHS,
        families: Sequence[str] = FAMILIES,
    ) -> None:
        """Describe the data, the training, and what is searched.

        Args:
            num_words: Number of ids, padding included.
            rows: Rows of one epoch.
            epochs: Epochs of a training.
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
        """Declare the whole space on `hp` and return the draw."""
        chosen = hp.Choice("family", list(self.families), default=self.families[0])
        draws = {name: _declare(hp, name) for name in self.families}
        return OpenChoices(
            family=chosen,
            drawn=draws[chosen],
            head=choices.head(hp),
            training=choices.training(hp, keep_rules=False),
        )

    def assemble(self, choices: OpenChoices) -> Any:
        """Build the model of one draw, not yet compiled."""
        ids = keras.Input((None,), dtype="int32", name="ids")
        x = family(choices.family).build(ids, choices.drawn, self.num_words)
        return keras.Model(ids, layers.classify(x, ids, choices.head), name="open")


def _declare(hp: Any, name: str) -> Any:
    with hp.conditional_scope("family", [name]), hp.name_scope(name):
        return family(name).declare(hp)
