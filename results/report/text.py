"""Text for a page that shows attacks: unprintable characters as escapes, numbers briefly."""

import math
from collections.abc import Iterable
from typing import Any

ELLIPSIS = "…"
THIN = "\N{NARROW NO-BREAK SPACE}"


def visible(text: object, limit: int | None = None) -> str:
    r"""Write every character that is not printable as its escape, e.g. a line feed as `\n`.

    Line feeds, control characters, bidirectional overrides and lone surrogates could otherwise
    hide a part of an attack, reverse it, or be invalid UTF-8. The result is not escaped for HTML:
    the template does that. If it is longer than `limit`, it ends with an ellipsis.
    """
    shown = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in str(text)
    )
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + ELLIPSIS
    return shown


def short_labels(texts: Iterable[Any], most: int) -> dict[str, str]:
    """Shorten texts to what fits beside an axis, so that two that differ still do."""
    labels: dict[str, str] = {}
    for text in dict.fromkeys(map(str, texts)):
        short, number = visible(text, most), 2
        while short in labels.values():
            ending = f" {number}"
            short, number = visible(text, most - len(ending)) + ending, number + 1
        labels[text] = short
    return labels


def format_number(value: float) -> str:
    """Write a number with three significant digits and separators: "1,230", "0.00123", "16"."""
    if not math.isfinite(value):
        return "-"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def format_duration(seconds: float) -> str:
    """Write a duration that no line breaks: "14 s", "3 min 5 s", "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{format_number(seconds) if seconds < 10 else whole}{THIN}s"
    if whole < 3600:
        return f"{whole // 60}{THIN}min {whole % 60}{THIN}s"
    return f"{whole // 3600}{THIN}h {whole % 3600 // 60}{THIN}min"


def format_setting(value: object) -> str:
    """Write a setting as a person would: a float with at most four significant digits."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else visible(value, 200)
