"""A whole search by one call of a Python program or a notebook."""

import multiprocessing
import os
from typing import TYPE_CHECKING, Any

from data.common import UserError, prepare_gpu
from data.reading import IN_MEMORY, as_frame
from results import Run
from results.study import quiet_optuna
from search.config import in_python_words, make_config
from search.run import execute

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def run_search(
    data: "str | os.PathLike[str] | pd.DataFrame | tuple[Sequence[str], Sequence[Any]] | None",
    *,
    budget: int | str | None = None,
    **options: Any,
) -> Run:
    """Train the baselines, search for Model 3, rank all on the held-out part, export the winner.

    What `python -m search.run` does, with the same options, defaults and files. It trains in
    processes of its own, which do not import the calling program, so a script needs no `if __name__
    == "__main__"`. A notebook shows how it goes below the cell, a terminal on stderr.

    Ctrl-C, or a notebook's stop button, ends the search in order: the run is returned with what was
    found until then, and says `interrupted`. The second time it raises `KeyboardInterrupt` at once.
    Outside the main thread, which alone gets signals, it cannot be interrupted.

    Args:
        data: The labeled texts: a file or URL as for `--data`; a DataFrame, whose columns
            `text_column` (one, or a list of those to join) and `label_column` name if it has others
            than the two; or n texts and their n labels as `(texts, labels)`. None for the synthetic
            log, or if `negative_file` and `positive_file` are given.
        budget: Trials (20), or the search's wall-clock time ("10m").
        **options: Options of the command line by their names with underscores, such as
            `objective="val_loss"`, `baselines=["linear"]`, `refit=False`, `study="first"`;
            `RunConfig` has them all. Besides a text each takes the number, bool, path or
            list that it stands for; `space` and `callback` also a class or function of a module.

    Returns:
        The run.

    Raises:
        data.UserError: If an option or the data cannot be used, the search cannot go on, or nothing
            can be written. What was found until then is left in the run's folder.
    """
    with in_python_words(), quiet_optuna():
        _refuse_daemon()
        in_memory = data is not None and not isinstance(data, str | os.PathLike)
        frame = as_frame(data) if in_memory else None
        place = IN_MEMORY if in_memory else data
        config = make_config({"data": place, "budget": budget, **options})
        prepare_gpu()
        ended = execute(config, frame)
        if ended.problem is not None:
            raise UserError(f"{ended.problem} (what was found is in '{config.folder}')")
        return Run(ended.store, interrupted=ended.interrupted)


def _refuse_daemon() -> None:
    if multiprocessing.current_process().daemon:
        raise UserError(
            "a search starts processes, which a worker of multiprocessing.Pool must not; call it "
            "from the main process, or from a worker of concurrent.futures.ProcessPoolExecutor"
        )
