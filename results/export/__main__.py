"""Lets `python -m results.export` run the command."""

from data.common import run
from results.export.command import main

if __name__ == "__main__":
    run(main)
