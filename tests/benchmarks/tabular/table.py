"""The recorded trials of one log: what was drawn, how it learned, what it cost, what it was worth.

    python -m tests.benchmarks.tabular.table runs/NAME [runs/NAME ...] --to FILE.csv [--append]

writes the trials of finished runs of `search.run --sampler random --pruner none` as such a file, or
adds them to it: runs with other seeds draw other points, and train the starting points once more.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import numpy.typing as npt
import pandas as pd
from keras_tuner.engine.hyperparameters import HyperParameter

from data.common.command import Parser, run
from data.common.errors import UserError, first_line
from data.common.files import write_text
from results.leaderboard import Row, build_leaderboard
from results.study import Result, Store
from search.sampling.hyperparameters import ScopedHyperParameters
from spaces import load_space, reports_for

FOLDER = Path(__file__).parent
LOGS = ("sms", "payloads", "shared", "synthetic")

Floats = npt.NDArray[np.float64]

_DRAWN = "hp:"
_ACCURACY, _LOSS = "val_accuracy@", "val_loss@"
_HEADER = "# "


@dataclass(frozen=True)
class Table:
    """Trials of one space on one log, by rows that belong together.

    Attributes:
        facts: The log's facts and the protocol, as the leaderboard gives them; `linear`, the
            held-out accuracy of the linear baseline, or None.
        space: The space that the trials were drawn from, every hyperparameter declared.
        points: The values of the active hyperparameters of each trial.
        val_accuracy: At each report, [trials, reports]; nan from where a trial ended.
        val_loss: The same of the loss.
        seconds: Of processor time for a whole epoch, [trials]; nan where unknown.
        heldout_accuracy: [trials]; nan where a trial was not trained to its end.
    """

    facts: Mapping[str, Any]
    space: keras_tuner.HyperParameters
    points: Sequence[Mapping[str, Any]]
    val_accuracy: Floats
    val_loss: Floats
    seconds: Floats
    heldout_accuracy: Floats

    def __len__(self) -> int:
        """Count the trials."""
        return len(self.points)

    @property
    def epochs(self) -> int:
        """How many epochs a whole training has."""
        return int(self.facts["protocol"]["epochs"])

    @property
    def reports(self) -> int:
        """How many reports a whole training makes."""
        return self.val_accuracy.shape[1]

    @property
    def is_complete(self) -> npt.NDArray[np.bool_]:
        """Which trials were trained to their end, [trials]."""
        return ~np.isnan(self.heldout_accuracy)


def logs_parser(tool: str, description: str | None) -> Parser:
    """Make the command line of a tool that reads recorded tables: `logs` is a list of names."""
    parser = Parser(f"python -m {__package__}.{tool}", description=description)
    parser.add_argument(
        "--logs",
        type=lambda names: names.split(","),
        default=",".join(LOGS),
        metavar="NAME,...",
        help="default: %(default)s",
    )
    return parser


def recorded(log: str) -> Table:
    """Read the table of one of `LOGS`; raise `UserError` if there is none."""
    return load(FOLDER / f"{log}.csv")


def load(path: Path) -> Table:
    """Read a table.

    Args:
        path: What `main` wrote.

    Returns:
        The table.

    Raises:
        UserError: There is none.
    """
    facts, frame = _read(path)
    space = ScopedHyperParameters.from_config(facts.pop("space"))
    return Table(
        facts=facts,
        space=space,
        points=[_point(space, row) for row in frame.to_dict("records")],
        val_accuracy=_curves(frame, _ACCURACY),
        val_loss=_curves(frame, _LOSS),
        seconds=frame["seconds_an_epoch"].to_numpy(float),
        heldout_accuracy=frame["heldout_accuracy"].to_numpy(float),
    )


def _read(path: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    try:
        with path.open(encoding="utf-8") as file:
            facts = json.loads(file.readline().removeprefix(_HEADER))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: no table can be read there ({first_line(error)})") from None
    return facts, pd.read_csv(
        path, comment="#", dtype={"status": str}, keep_default_na=False, na_values=[""]
    )


def _point(space: keras_tuner.HyperParameters, row: Mapping[Any, Any]) -> dict[str, Any]:
    point: dict[str, Any] = {}
    for entry in space.space:
        value = row.get(f"{_DRAWN}{entry.name}")
        if value is not None and not (isinstance(value, float) and math.isnan(value)):
            point[entry.name] = type(entry.default)(value)
    return point


def _curves(frame: pd.DataFrame, kind: str) -> Floats:
    return frame[[name for name in frame.columns if name.startswith(kind)]].to_numpy(float)


def rows(store: Store, ranked: Mapping[str, Row]) -> Iterator[dict[str, Any]]:
    """Give a table's rows for the trials of a run that trained at all.

    Args:
        store: The run.
        ranked: Its leaderboard's rows, by name.

    Yields:
        Values by column; those of inactive hyperparameters and of reports never made are missing.
    """
    for trial in sorted(store.trials(), key=lambda trial: trial.number or 0):
        if trial.curve and trial.status != "failed":
            yield _row(trial, ranked[trial.name], reports_for(store.protocol["epochs"]))


def _row(trial: Result, ranked: Row, reports_an_epoch: int) -> dict[str, Any]:
    complete = trial.status == "complete"
    row: dict[str, Any] = {
        "status": trial.status,
        "seconds_an_epoch": _short(trial.cpu_seconds and trial.cpu_seconds / trial.epochs),
        "parameters": trial.parameters,
        "latency_us": trial.latency_us and round(trial.latency_us),
        "heldout_accuracy": _short(ranked.heldout_accuracy if complete else None),
        "heldout_loss": _short(ranked.heldout_loss if complete else None),
    }
    row |= {f"{_DRAWN}{name}": _short(value) for name, value in trial.hyperparameters.items()}
    for point in trial.curve:
        # A report comes after the batch in which its part of the epoch ended.
        report = round(point.epoch * reports_an_epoch)
        if abs(point.epoch * reports_an_epoch - report) < 0.1:
            row[f"{_ACCURACY}{report}"] = _short(point.val_accuracy)
            row[f"{_LOSS}{report}"] = _short(point.val_loss)
    return row


def _short(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def main(argv: Sequence[str]) -> int:
    """Write the trials of runs of one log as a table.

    Args:
        argv: The arguments.

    Returns:
        0.
    """
    parser = Parser("python -m tests.benchmarks.tabular.table", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of finished runs")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE.csv")
    parser.add_argument("--append", action="store_true", help="to the rows that FILE.csv has")
    options = parser.parse_args(argv)
    stores = [Store.open(folder) for folder in options.runs]
    space = declared_space(stores[0].protocol, stores[0].data)
    for store in stores:
        check_covers(space, store)
    # A leaderboard repeats the champion's choice a thousand times, so each is made once.
    boards = [{row.name: row for row in build_leaderboard(store).rows} for store in stores]
    facts = _facts(stores[0], boards[0], space)
    columns = ["status", "seconds_an_epoch", "parameters", "latency_us"]
    columns += ["heldout_accuracy", "heldout_loss"]
    names = dict.fromkeys(entry["config"]["name"] for entry in facts["space"]["space"])
    columns += [f"{_DRAWN}{name}" for name in names]
    epochs = facts["protocol"]["epochs"]
    reports = range(1, epochs * reports_for(epochs) + 1)
    columns += [f"{kind}{report}" for kind in (_ACCURACY, _LOSS) for report in reports]
    found = [row for store, board in zip(stores, boards, strict=True) for row in rows(store, board)]
    frame = pd.DataFrame(found).reindex(columns=columns)
    if options.append and options.to.exists():
        frame = pd.concat([_rows_before(options.to, facts), frame])
    # A run that is given twice is there once.
    text = frame.drop_duplicates().to_csv(index=False)
    write_text(options.to, f"{_HEADER}{json.dumps(facts, sort_keys=True)}\n{text}")
    print(f"{options.to}: {len(load(options.to))} trials")
    return 0


def _rows_before(path: Path, facts: Mapping[str, Any]) -> pd.DataFrame:
    """Read the rows that a table has; raise `UserError` if it is of another log or space."""
    known, frame = _read(path)
    if _behind(known) != _behind(facts):
        raise UserError(f"{path} is of another log, space or number of epochs; give another --to")
    return frame


def _behind(facts: Mapping[str, Any]) -> str:
    """Identify what a table's trials share: not the defaults, on which no random draw depends."""
    ranges = [
        {key: value for key, value in entry["config"].items() if key != "default"}
        for entry in facts["space"]["space"]
    ]
    behind = ranges, facts["data"]["fingerprint"], facts["protocol"]["epochs"]
    return json.dumps(behind, sort_keys=True)


def declared_space(
    protocol: Mapping[str, Any], data: Mapping[str, Any]
) -> keras_tuner.HyperParameters:
    """Declare a search's space as the code has it now, given the protocol and the log's facts."""
    space = ScopedHyperParameters()
    load_space(
        protocol["space"],
        data["num_words"],
        rows=data["slices"]["fit"],
        epochs=protocol["epochs"],
    ).declare(space)
    return space


def space_of_today(table: Table) -> keras_tuner.HyperParameters:
    """Declare a table's space as the code has it now."""
    return declared_space(table.facts["protocol"], table.facts["data"])


def check_covers(space: keras_tuner.HyperParameters, store: Store) -> None:
    """Refuse trials that were drawn from another space than today's.

    Args:
        space: The space as the code declares it, which the table is to name.
        store: A run.

    Raises:
        UserError: A trial of it has what the space does not.
    """
    known = {entry.name: entry for entry in space.space}
    for trial in store.trials():
        for name, value in trial.hyperparameters.items():
            if name not in known or not _is_within(known[name], value):
                raise UserError(
                    f"{store.folder}: {trial.name} has {name} = {value!r}, which the space of this "
                    "code cannot draw; write its table with the code that searched"
                )


def _is_within(entry: HyperParameter, value: Any) -> bool:
    if hasattr(entry, "min_value"):
        return bool(entry.min_value <= value <= entry.max_value)
    return value in entry.values


def _facts(
    store: Store, ranked: Mapping[str, Row], space: keras_tuner.HyperParameters
) -> dict[str, Any]:
    data = store.data
    data.pop("source", None)
    return {
        "data": data,
        "protocol": store.protocol,
        "linear": ranked["linear"].heldout_accuracy if "linear" in ranked else None,
        "space": space.get_config(),
    }


if __name__ == "__main__":
    run(main)
