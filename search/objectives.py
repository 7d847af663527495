"""What a search can be asked to optimise, and in which direction."""

from dataclasses import dataclass
from typing import Literal

from data.errors import UserError
from results.result import Result


@dataclass(frozen=True)
class Objective:
    """One figure of a result that the search makes large or small.

    Attributes:
        name: The attribute of `Result` that holds it.
        direction: "maximize" or "minimize".
    """

    name: str
    direction: Literal["maximize", "minimize"]

    def value(self, result: Result) -> float | None:
        """Read the figure.

        Args:
            result: A result.

        Returns:
            Its value; None where the result has none.
        """
        value = getattr(result, self.name)
        return None if value is None else float(value)


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("val_accuracy", "maximize"),
        Objective("val_loss", "minimize"),
        Objective("latency_us", "minimize"),
        Objective("latency_batch_us", "minimize"),
        Objective("parameters", "minimize"),
        Objective("train_seconds", "minimize"),
    )
}
# What a report inside a training can tell of: a pruner judges by the first of these.
REPORTED = ("val_accuracy", "val_loss")


def parse(text: str) -> tuple[Objective, ...]:
    """Read `val_accuracy` or several names with commas between.

    Args:
        text: What stood behind `--objective`.

    Returns:
        The objectives in their order.

    Raises:
        UserError: If one is not known, or named twice.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in OBJECTIVES:
            raise UserError(f"--objective '{name}' is not known; known are {', '.join(OBJECTIVES)}")
    if len(set(names)) < len(names):
        raise UserError(f"--objective '{text}' names one twice")
    return tuple(OBJECTIVES[name] for name in names)
