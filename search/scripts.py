"""The commands as scripts that pip installs: shells complete their options."""

import importlib
from typing import NoReturn

from data.common import run, start


def search() -> NoReturn:
    """Be `python -m search.run`."""
    _run("search.run")


def leaderboard() -> NoReturn:
    """Be `python -m results.leaderboard`."""
    _run("results.leaderboard")


def report() -> NoReturn:
    """Be `python -m results.report`."""
    _run("results.report")


def export() -> NoReturn:
    """Be `python -m results.export`."""
    _run("results.export")


def predict() -> NoReturn:
    """Be `python -m results.predict`."""
    _run("results.predict")


def serve() -> NoReturn:
    """Be `python -m results.serve`."""
    _run("results.serve")


def inspect() -> NoReturn:
    """Be `python -m data.inspect`."""
    _run("data.inspect")


def synthetic() -> NoReturn:
    """Be `python -m data.synthetic`."""
    _run("data.synthetic")


def download() -> NoReturn:
    """Be `python -m data.download`."""
    _run("data.download")


def _run(module: str) -> NoReturn:
    start()
    run(importlib.import_module(module).main)
