"""Lets `python -m results.leaderboard` run the command."""

from data.common import run
from results.leaderboard.command import main

if __name__ == "__main__":
    run(main)
