"""Puts a report into one HTML file that runs nothing but our two scripts and fetches nothing."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from results.leaderboard import format_share
from results.report.plots.plot import Plot
from results.report.text import duration, short, size, visible, written

ASSETS = Path(__file__).parent / "assets"
PLOTLY = "plotly-basic.min.js"

# In JSON these stand within texts only, where their escapes mean the same. A browser looks for the
# end of a script in its characters, whatever language it is in.
_ESCAPES = {letter: f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


class Plots:
    """Numbers a page's plots, for the template, and keeps them for the script."""

    def __init__(self) -> None:
        self._made: dict[str, dict[str, Any]] = {}

    def add(self, plot: Plot) -> str:
        """Keep a plot.

        Args:
            plot: The plot.

        Returns:
            The id of its element.
        """
        name = f"plot-{len(self._made) + 1}"
        self._made[name] = plot.as_json()
        return name

    def island(self) -> Markup:
        """Give all plots added so far as JSON that can stand inside a script element."""
        return Markup(for_script(self._made))  # for_script escapes it  # nosec B704


def render(content: Mapping[str, Any]) -> str:
    """Write the page.

    Args:
        content: The names of the template.

    Returns:
        HTML. Its Content-Security-Policy lets a browser run the two scripts, known by their
        hashes, and open no connection at all.
    """
    scripts = [_asset(PLOTLY), _asset("report.js")]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "visible": visible,
        "share": format_share,
        "short": short,
        "duration": duration,
        "size": size,
        "written": written,
    }
    return environment.get_template("report.html.j2").render(
        **content,
        plots=Plots(),
        policy=policy(scripts),
        style=Markup(_asset("report.css")),  # a file of this package  # nosec B704
        scripts=[Markup(script) for script in scripts],  # files of this package  # nosec B704
    )


def policy(scripts: list[str]) -> str:
    """Give the Content-Security-Policy of a page.

    Args:
        scripts: What it may run.

    Returns:
        The policy; images are those that plotly.js makes of a plot for saving it.
    """
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def for_script(value: object) -> str:
    """Write JSON that can stand inside a script element.

    Args:
        value: Plain JSON values.

    Returns:
        JSON without a character that HTML would act on.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
