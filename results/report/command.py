"""One HTML file that shows a run to a person: who won, why, and where it still goes wrong."""

from collections.abc import Sequence

from data.common import Parser
from results.leaderboard import add_run_argument
from results.serving import add_space, register_space


def main(argv: Sequence[str]) -> int:
    """Write a run's report."""
    parser = Parser(
        prog="python -m results.report",
        description=__doc__,
        epilog="example:\n  python -m results.report first",
    )
    add_run_argument(parser)
    add_space(parser)
    parser.add_argument(
        "--no-attribution",
        action="store_true",
        help="do not load the champion's model to see which characters misled it",
    )
    options = parser.parse_args(argv)
    # Loaded only now, so that --help and a wrong option answer at once.
    import optuna

    from results.leaderboard import build_leaderboard, open_run, verdict
    from results.report.report import write

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    register_space(options.space)
    store = open_run(options)
    board = build_leaderboard(store)
    print(verdict(board))
    print(write(store, board, attribute=not options.no_attribution))
    return 0
