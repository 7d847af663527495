"""The page: one HTML file that runs nothing but our two scripts and fetches nothing.

A part that cannot be made does not take the others with it: it becomes a sentence that says why.
"""

import base64
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import jinja2
from markupsafe import Markup

from data.common import UserError
from results.leaderboard import format_share
from results.report.plots.plot import Plot
from results.report.text import (
    format_duration,
    format_number,
    format_setting,
    visible,
)

ASSETS = Path(__file__).parent / "assets"
PLOTLY = "plotly-basic.min.js"
LONGEST_REASON = 300
_FILTERS = (visible, format_share, format_duration, format_number, format_setting)

# In JSON these stand within texts only, where their escapes mean the same. A browser looks for the
# end of a script in its characters, whatever language it is in.
_ESCAPES = {letter: f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Attempt(Generic[T]):
    """Something to show, or None and the reason why, a sentence without a full stop."""

    content: T | None
    reason: str = ""


@dataclass(frozen=True)
class Panel:
    """A plot, or why there is none, under its title."""

    title: str
    plot: Attempt[Plot]


def attempt(make: Callable[[], T]) -> Attempt[T]:
    """Make a part; the message of a `ValueError` or `UserError` says why it cannot be made."""
    try:
        return Attempt(make())
    except (ValueError, UserError) as error:
        return Attempt(None, visible(error, LONGEST_REASON))
    except Exception as error:  # Whatever a plot stumbles over, the leaderboard must be shown.
        log.warning("a part of the report is missing: %s: %s", type(error).__name__, error)
        return Attempt(None, visible(f"{type(error).__name__}: {error}", LONGEST_REASON))


def panel(title: str, make: Callable[[], Plot]) -> Panel:
    """Make one plot that the page can draw."""
    return panels(title, lambda: {title: make()})[0]


def panels(title: str, make: Callable[[], Mapping[str, Plot]]) -> list[Panel]:
    """Make plots by title; `title` is for the one sentence if they cannot be made."""
    made = attempt(make)
    if made.content is None:
        return [Panel(title, Attempt(None, made.reason))]
    found = []
    for name, plot in made.content.items():
        drawable = attempt(plot.as_json)
        found.append(Panel(name, Attempt(plot if drawable.content else None, drawable.reason)))
    return found


class Plots:
    """Numbers a page's plots, for the template, and keeps them for the script."""

    def __init__(self) -> None:
        self._made: dict[str, dict[str, Any]] = {}

    def add(self, plot: Plot) -> str:
        """Keep a plot, and return the id of its element."""
        name = f"plot-{len(self._made) + 1}"
        self._made[name] = plot.as_json()
        return name

    def island(self) -> Markup:
        """Return all plots added so far as JSON that can stand inside a script element."""
        return Markup(for_script(self._made))  # for_script escapes it  # nosec B704


def render(content: Mapping[str, Any]) -> str:
    """Write the page's HTML from what its template names.

    Its Content-Security-Policy lets a browser run the two scripts, known by their hashes, and open
    no connection at all.
    """
    scripts = [_asset(PLOTLY), _asset("report.js")]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {write.__name__: write for write in _FILTERS}
    return environment.get_template("report.html.j2").render(
        **content,
        plots=Plots(),
        policy=_policy(scripts),
        style=Markup(_asset("report.css")),  # a file of this package  # nosec B704
        scripts=[Markup(script) for script in scripts],  # files of this package  # nosec B704
    )


def for_script(value: object) -> str:
    """Write JSON without a character that HTML would act on."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def _policy(scripts: list[str]) -> str:
    """Allow these scripts, and the images that plotly.js makes of a plot for saving it."""
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
