"""Text for a page that shows attacks: what steers is made visible, figures are written briefly."""

import math

ELLIPSIS = "…"
THIN = "\N{NARROW NO-BREAK SPACE}"


def visible(text: object, limit: int | None = None) -> str:
    r"""Write every character that is not printable as its escape, e.g. a line feed as `\n`.

    Line feeds, control characters, bidirectional overrides and lone surrogates could otherwise
    hide a part of an attack, turn it round, or be no UTF-8.

    Args:
        text: Anything.
        limit: Most characters; what is longer ends with an ellipsis.

    Returns:
        Printable text. It is not escaped for HTML: the template does that.
    """
    shown = "".join(letter if letter.isprintable() else _escape(letter) for letter in str(text))
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + ELLIPSIS
    return shown


def short(value: float) -> str:
    """Write a number with three significant digits and separators.

    Args:
        value: Any number.

    Returns:
        E.g. "1,230", "0.00123" or "16".
    """
    if not math.isfinite(value):
        return "-"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def duration(seconds: float) -> str:
    """Write a duration.

    Args:
        seconds: How long.

    Returns:
        E.g. "14 s", "3 min 5 s" or "2 h 10 min", which no line breaks.
    """
    whole = round(seconds)
    if whole < 60:
        return f"{short(seconds) if seconds < 10 else whole}{THIN}s"
    if whole < 3600:
        return f"{whole // 60}{THIN}min {whole % 60}{THIN}s"
    return f"{whole // 3600}{THIN}h {whole % 3600 // 60}{THIN}min"


def written(value: object) -> str:
    """Write a setting as a person would: a float with four significant digits at most.

    Args:
        value: Anything.

    Returns:
        Printable text.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else visible(value, 200)


def size(count: float) -> str:
    """Write a number of bytes.

    Args:
        count: How many.

    Returns:
        E.g. "54 kB".
    """
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{short(round(count, 1))} {unit}"
        count /= 1000
    return f"{short(round(count, 1))} GB"


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
