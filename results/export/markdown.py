"""Pieces of markdown that show any text as it is: no markup and no HTML comes out of a value."""

from collections.abc import Sequence

from results.leaderboard import printable


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table.

    Args:
        head: Its column names.
        rows: Its rows, markdown already.
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def text(value: object) -> str:
    """Write a text such that markdown and HTML see nothing in it but letters.

    Args:
        value: Anything.
    """
    letters = printable(str(value))
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#&~$" else letter for letter in letters)


def code(value: object) -> str:
    """Write a value as code, whatever it holds.

    Args:
        value: Anything.
    """
    letters = printable(str(value)).replace("|", "\\|")
    longest = max((len(run) for run in _runs_of_ticks(letters)), default=0)
    fence = "`" * (longest + 1)
    space = " " if letters[:1] == "`" or letters[-1:] == "`" or not letters else ""
    return f"{fence}{space}{letters}{space}{fence}"


def _runs_of_ticks(letters: str) -> list[str]:
    return [
        run
        for run in "".join(letter if letter == "`" else " " for letter in letters).split()
        if run
    ]
