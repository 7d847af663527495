"""The pages about the API: all modules, what the docstrings say, and no dead reference in them."""

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT

PACKAGES = ("data", "spaces", "results", "search")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("pdoc", reason="pdoc comes with the extra 'dev'")
    folder = tmp_path_factory.mktemp("api")
    # A module that cannot be imported, or a name that cannot be looked at, is a warning of pdoc's.
    command = [sys.executable, "-W", "error", "-m", "pdoc", "-d", "google", "-o", folder, *PACKAGES]
    done = subprocess.run(
        command,
        cwd=ROOT,
        # A library asks `uname` for the processor while it is imported, which pdoc forbids.
        env={**os.environ, "PYTHONPATH": str(ROOT), "PDOC_ALLOW_EXEC": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    return folder


def modules() -> set[str]:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    names = {path.relative_to(ROOT).with_suffix("").as_posix() for path in paths}
    # What goes into an export stands there by itself, outside every package.
    names = {name for name in names if "/assets/" not in name and "__main__" not in name}
    return {name.removesuffix("/__init__") for name in names}


def test_every_module_has_its_page(pages: Path) -> None:
    found = {path.relative_to(pages).with_suffix("").as_posix() for path in pages.rglob("*.html")}
    assert found == modules() | {"index"}


def test_a_class_is_shown_with_its_arguments(pages: Path) -> None:
    page = (pages / "search" / "bridge" / "oracle.html").read_text(encoding="utf-8")
    _, found, rest = page.partition('<section id="OptunaOracle">')
    assert found
    docstring = rest[rest.index('<div class="docstring">') : rest.index("</section>")]
    assert "<h6" in docstring and "Arguments:</h6>" in docstring
    for name in ("study", "objective", "max_trials", "timeout", "starting_points"):
        assert f"<li><strong>{name}:</strong>" in docstring


def test_no_section_is_left_as_text_and_no_reference_leads_nowhere(pages: Path) -> None:
    for path in pages.rglob("*.html"):
        page = html.unescape(path.read_text(encoding="utf-8"))
        assert not re.findall(r"<p>(?:Args|Returns|Raises|Yields|Attributes):", page), path
        # pdoc turns the name of anything that it knows into a link.
        dead = re.findall(rf"<code>((?:{'|'.join(PACKAGES)})\.\w[\w.]*)</code>", page)
        assert not dead, f"{path}: {dead}"
