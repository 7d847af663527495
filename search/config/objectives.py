"""The objectives of a search, as its command line names them."""

from data.common import UserError
from results.study import OBJECTIVES, Objective


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
