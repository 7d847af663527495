"""The end of a search: the leaderboard, the exported winner and the report."""

import logging

from results.export import export_trial
from results.leaderboard import from_store, write
from results.report import write as write_report
from results.result import Result
from results.store import Store
from results.table import table

log = logging.getLogger(__name__)


def finish(store: Store, champion: Result | None) -> None:
    """Rank on the held-out part, export the winner and write the report.

    Args:
        store: The run.
        champion: The trial that was chosen on validation rows; None where none is complete.
    """
    leaderboard = from_store(store)
    write(leaderboard, store.folder)
    print(table(leaderboard), end="")
    if len(store.study.directions) > 1:
        front = ", ".join(f"trial {trial.number}" for trial in store.study.best_trials)
        print(f"Pareto front of {', '.join(store.protocol['objective'])}: {front}")
    if champion is None:
        log.warning("no trial is complete, so there is nothing to export")
    else:
        export_trial(store, leaderboard, champion, store.folder / "best")
        log.info("the winner is in %s", store.folder / "best")
    log.info("the report is %s", write_report(store, leaderboard))
