"""Lets `python -m results.report` run the command."""

from data.common import run
from results.report.command import main

if __name__ == "__main__":
    run(main)
