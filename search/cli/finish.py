"""The end of a search: the leaderboard, the report and the exported winner."""

import logging
from collections.abc import Callable

from results.export import export_trial
from results.leaderboard import build_leaderboard, render_table, save_leaderboard
from results.report import write as write_report
from results.serving import register_space
from results.study import BEST, Result, Store, describe_starts, result_to_export

log = logging.getLogger(__name__)


def finish_run(
    store: Store, champion: Result | None, show: Callable[[str], None] | None = None
) -> None:
    """Rank on the held-out part, write the report and export the champion's model.

    `show` takes the table.

    Raises:
        UserError: If the winner's file, loaded again, does not give the search's scores, or nothing
            can be written.
    """
    # The user has named it for this search. From now on its models are loaded.
    # A built-in space registers nothing, and to import it is to wait for TensorFlow.
    if ":" in (space := store.protocol["space"]):
        register_space(space)
    leaderboard = build_leaderboard(store)
    save_leaderboard(leaderboard, store.folder)
    if show is not None:
        show(render_table(leaderboard).rstrip("\n"))
        if len(store.study.directions) > 1:
            front = ", ".join(f"trial {trial.number}" for trial in store.study.best_trials)
            show(f"Pareto front of {', '.join(store.protocol['objective'])}: {front}")
        if (starts := describe_starts(store)) is not None:
            show(starts)
    log.info("the report is %s", write_report(store, leaderboard))
    # Last: a winner whose file gives other scores than the search is refused, the rest stays.
    if champion is None:
        log.warning("no trial is complete, so there is nothing to export")
    else:
        winner = result_to_export(store, champion)
        export_trial(store, leaderboard, winner, store.folder / BEST)
        log.info("the winner, %s, is in %s", winner.name, store.folder / BEST)
