"""A run in a Python program or a notebook: its tables, its verdict, its report and its exports."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.leaderboard import (
    Leaderboard,
    find_run,
    latest_leaderboard,
    render_html,
    render_table,
    to_frame,
    verdict,
)
from results.study import BEST, Result, Store, quiet_optuna

if TYPE_CHECKING:
    import optuna
    import pandas as pd

    from results.serving import Predictor

# Of a result: these are tables of their own, or the same for all trials.
_NO_COLUMNS = ("kind", "name", "curve", "hyperparameters", "violations", "artifacts")


class Run:
    """What a search left, or has left so far: a folder and its Optuna study.

    Its tables are read anew at each call, so that they follow a search that is still going on. A
    notebook shows it as the leaderboard under the verdict; `print` and IPython's console as the
    command line does.

    Args:
        store: The run's study and folder; `Run.open` finds them.
        interrupted: Whether Ctrl-C ended the search that left it.

    Attributes:
        interrupted: The same.
    """

    def __init__(self, store: Store, *, interrupted: bool = False) -> None:
        self._store = store
        self.interrupted = interrupted

    @classmethod
    def open(
        cls, folder: "str | os.PathLike[str]", *, out: "str | os.PathLike[str]" = "runs"
    ) -> "Run":
        """Open a run that has ended or is still going on.

        Args:
            folder: The run's folder, or its name under `out`.
            out: Where runs lie.

        Returns:
            The run.

        Raises:
            data.UserError: If there is none, or it cannot be read.
        """
        return cls(Store.open(find_run(os.fspath(folder), Path(out))))

    @property
    def folder(self) -> Path:
        """The run's folder, as an absolute path."""
        return self._store.folder.resolve()

    @property
    def study(self) -> "optuna.Study":
        """The run's Optuna study, for `optuna.visualization` and whatever else takes one."""
        return self._store.study

    @property
    def verdict(self) -> str:
        """Who won and whether it is luck, in one line."""
        return verdict(self._board)

    @property
    def champion(self) -> Result | None:
        """The trial that was chosen on the validation rows; None if none is complete, or yet."""
        name = self._store.champion
        return next((trial for trial in self._store.trials() if trial.name == name), None)

    @property
    def best(self) -> "Predictor":
        """The exported winner, loaded: `predict_proba(texts)` and `predict(texts)`.

        Raises:
            data.UserError: If nothing was exported, or it needs Keras (`load` takes it).
        """
        from results.serving import load

        return load(self.folder / BEST)

    def leaderboard(self) -> "pd.DataFrame":
        """Return all trainings, best first by accuracy on the held-out rows.

        Returns:
            A row for each, with the columns of leaderboard.json; figures are float64, nan if
            unknown, and times in seconds or microseconds as their names say.
        """
        return self._board.to_frame()

    def trials(self) -> "pd.DataFrame":
        """Return the finished trials by number, those that failed or were pruned too.

        Returns:
            A row for each: what `Result` says of it, and its hyperparameters as `params_NAME`, as
            in Optuna's `trials_dataframe`; nan for one that a trial does not have.
        """
        import pandas as pd

        trials = self._store.trials()
        found = to_frame(Result, trials, without=_NO_COLUMNS)
        values = pd.DataFrame([trial.hyperparameters for trial in trials]).add_prefix("params_")
        return pd.concat([found, values], axis=1)

    def history(self) -> "pd.DataFrame":
        """Return the learning curves of all baselines and trials, as far as each came.

        Returns:
            A row a report, in order: `name`, `trial` (its number, Int64, absent for a baseline),
            `epoch` (how many were trained, .25 after the first quarter of the first), `loss` and
            `accuracy` since the epoch began, `val_loss` and `val_accuracy`, which within an epoch
            rest on a part of the validation rows.
        """
        import pandas as pd

        figures = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")
        rows = [
            (result.name, result.number, *(getattr(point, name) for name in figures))
            for result in self._store.results()
            for point in result.curve
        ]
        frame = pd.DataFrame(rows, columns=["name", "trial", *figures])
        return frame.astype({"trial": "Int64", **dict.fromkeys(figures, "float64")})

    def export(
        self,
        folder: "str | os.PathLike[str]",
        formats: str | Sequence[str] = (),
        *,
        trial: int | str = BEST,
        threshold: float | str = 0.5,
        space: str | None = None,
    ) -> Path:
        """Export the winner, or another trial, as a folder that needs neither study nor search.

        Args:
            folder: The folder to make. An export there is replaced; anything else is left alone.
            formats: One or several of "savedmodel", "litert" and what else `results.export
                --format` knows, beside Keras and ONNX, which are always written.
            trial: The number of a trial, or "best": the champion, trained again on all training
                rows if it was.
            threshold: The score above which a record gets label 1: a number, or "fpr=RATE" or
                "cost=FP:FN", chosen on the validation rows.
            space: For a model with layers of your own: the space whose module registers them, as
                "PKG.MOD:CLASS"; the run's own needs no mention after `run_search`.

        Returns:
            The folder.

        Raises:
            data.UserError: If the trial's model was not kept, or a format cannot be written.
        """
        from results.export import export_run, parse_formats
        from results.scoring import parse_threshold
        from results.serving import register_space

        rule = parse_threshold(str(threshold))
        listed = formats if isinstance(formats, str) else ",".join(formats)
        names = parse_formats(listed) if listed else ()
        register_space(space)
        export_run(self._store, Path(folder), trial=str(trial), formats=names, rule=rule)
        return Path(folder)

    def report(self) -> Path:
        """Write `report.html` anew: one file that fetches nothing.

        Returns:
            Its path.

        Raises:
            data.UserError: If it cannot be written.
        """
        from results.report import write

        with quiet_optuna():
            return write(self._store, self._board)

    @property
    def _board(self) -> Leaderboard:
        return latest_leaderboard(self._store)

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    def __str__(self) -> str:
        return render_table(self._board).rstrip("\n")

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # As IPython's console asks.
        printer.text(str(self))

    def _repr_html_(self) -> str:
        return render_html(self._board)

    def __reduce__(self) -> Any:
        return Run.open, (str(self.folder),)
