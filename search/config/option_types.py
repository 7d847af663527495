"""The argparse types of the options: each reads one text, or says in a line what is allowed."""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Collection

from data.common import count_cores, integer
from spaces import BASELINE_NAMES

_THOUSANDS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}
# Folders beside the runs: the finished baselines, and the logs that the project generates.
_OTHER_FOLDERS = ("baselines", "synthetic")


def auto_or(low: int, high: Callable[[], int] | None = None) -> Callable[[str], int]:
    """Make the type of `auto`, which is 0, or a whole number from `low` to what `high` returns."""

    def parse(text: str) -> int:
        if text == "auto":
            return 0
        try:
            return integer(low, high and high())(text)
        except ArgumentTypeError as error:
            raise ArgumentTypeError(str(error).replace(" is not ", " is not auto or ")) from None

    return parse


def most_workers() -> int:
    """Return the largest number of workers that makes any sense on this machine."""
    return 8 * count_cores()


def names(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """Make the type of known names with commas between, each at most once."""

    def parse(text: str) -> tuple[str, ...]:
        found = tuple(name.strip() for name in text.split(","))
        for name in found:
            if name not in known:
                raise ArgumentTypeError(f"'{name}' is not known; known are {', '.join(known)}")
        if len(set(found)) < len(found):
            raise ArgumentTypeError(f"'{text}' names one twice")
        return found

    return parse


def baselines(text: str) -> tuple[str, ...]:
    """Read names of baselines, `all` or `none`; return them in the table's order."""
    if text in ("all", "none"):
        return BASELINE_NAMES if text == "all" else ()
    found = [name.strip() for name in text.split(",")]
    for name in found:
        if name not in BASELINE_NAMES:
            known = ", ".join(BASELINE_NAMES)
            raise ArgumentTypeError(f"'{name}' is not known; known are {known}, all, none")
    return tuple(name for name in BASELINE_NAMES if name in found)


def weights(text: str) -> int:
    """Read a number of weights, such as 500k or 1.5M."""
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,9})?)([kKmMgGbB]?)", text, re.ASCII)
    count = float(match[1]) * _THOUSANDS[match[2].lower()] if match else 0.0
    if count < 1 or count != int(count):
        raise ArgumentTypeError(
            f"'{text}' is not a whole number of 1 or more, e.g. 500000, 500k or 1.5M"
        )
    return int(count)


def study(text: str) -> str:
    """Read the name of a study, which is that of its folder as well."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
        raise ArgumentTypeError(
            f"'{text}' is not a folder's name of letters, digits, '.', '_', '-'"
        )
    if text in _OTHER_FOLDERS:
        raise ArgumentTypeError(f"'{text}' is what --out uses otherwise; take another name")
    return text


def checked(check: Callable[[str], object]) -> Callable[[str], str]:
    """Make the type of a text that a function does not refuse."""

    def parse(text: str) -> str:
        check(text)
        return text

    return parse


def artifacts_url(text: str) -> str:
    """Read an fsspec URL whose library is installed."""
    from results.study import check_artifacts_url

    check_artifacts_url(text)
    return text


def callback(text: str) -> str:
    """Read the place of a callback, or of a factory of callbacks."""
    if not re.fullmatch(r"[\w.]+:\w+", text):
        raise ArgumentTypeError(f"'{text}' is not MODULE:NAME")
    return text
