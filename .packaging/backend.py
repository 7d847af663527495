"""Builds the project as setuptools does, and tells a package index where it lies.

Only a clone knows that, by its remote `origin`; a source distribution keeps what its clone knew.
Without either, or elsewhere than on GitHub, no address is named and README stays as it is.
"""

import contextlib
import email
import re
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.build_meta import _BuildMetaBackend
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parents[1]
# Nothing but the name, since a remote's URL may hold a password.
_NAME = re.compile(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", re.MULTILINE)
_RELATIVE_LINK = re.compile(r"(!?)(\[[^\]]*\])\((?![a-z]+:|#)([^)\s]+)\)")


def repository() -> str | None:
    """Find this project's name on GitHub, OWNER/NAME."""
    told = ""
    if (ROOT / ".git").exists():
        asking = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
        with contextlib.suppress(OSError):  # There is no git.
            told = subprocess.run(asking, capture_output=True, text=True, check=False).stdout
    elif (ROOT / "PKG-INFO").is_file():
        kept = email.message_from_bytes((ROOT / "PKG-INFO").read_bytes())
        told = (kept["Project-URL"] or "").rpartition(" ")[2]
    found = _NAME.search(told)
    return found and found[1]


def description(name: str | None) -> str:
    """Return README with links that work on another page than the repository's own."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    if name is None:
        return text

    def absolute(link: re.Match[str]) -> str:
        is_picture, label, path = link.groups()
        place = "raw" if is_picture else "blob"
        return f"{is_picture}{label}(https://github.com/{name}/{place}/HEAD/{path})"

    return _RELATIVE_LINK.sub(absolute, text)


class _SourceDistribution(sdist):
    """Takes this file along, which the distribution is built with."""

    def make_distribution(self) -> None:
        self.filelist.append(str(Path(__file__).resolve().relative_to(ROOT)))
        super().make_distribution()


class _Backend(_BuildMetaBackend):
    """As in "Dynamic build dependencies and other build_meta tweaks" of setuptools' own guide."""

    def run_setup(self, setup_script: str = "setup.py") -> None:
        name = repository()
        setup(
            long_description=description(name),
            long_description_content_type="text/markdown",
            project_urls={"Repository": f"https://github.com/{name}"} if name else {},
            cmdclass={"sdist": _SourceDistribution},
        )


_backend = _Backend()
get_requires_for_build_wheel = _backend.get_requires_for_build_wheel
get_requires_for_build_sdist = _backend.get_requires_for_build_sdist
get_requires_for_build_editable = _backend.get_requires_for_build_editable
prepare_metadata_for_build_wheel = _backend.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = _backend.prepare_metadata_for_build_editable
build_wheel = _backend.build_wheel
build_sdist = _backend.build_sdist
build_editable = _backend.build_editable
