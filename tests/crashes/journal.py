"""What a run's journal says of its trials, read as plain lines and not by the code under test."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

# States as Optuna writes them.
RUNNING, COMPLETE, PRUNED, FAILED, WAITING = range(5)
REPORTED = (COMPLETE, PRUNED)
# Nobody can tell whose fault a death was: a worker that is killed from outside counts.
_GIVEN_UP = re.compile(r"its worker died \d+ times")


class _Operation(IntEnum):
    """Operations as Optuna writes them."""

    STUDY_ATTRIBUTE = 2
    CREATE = 4
    PARAMETER = 5
    STATE = 6
    ATTRIBUTE = 8


@dataclass
class JournalTrial:
    """What the journal tells of one trial.

    Attributes:
        number: Its number.
        state: One of Optuna's.
        values: Its objectives' values.
        params: Its hyperparameters as they are stored.
        attributes: Its user attributes: "slot", its place in the budget, "result" and so on.
    """

    number: int
    state: int = RUNNING
    values: list[float] | None = None
    params: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def index(self) -> int:
        """Its place in the budget."""
        return int(self.attributes.get("slot", self.number))


def operations(content: bytes) -> Iterator[dict[str, Any]]:
    """Return the operations of a journal; a last one without its end is left out."""
    for line in content.split(b"\n")[:-1]:
        yield json.loads(line)


def read(path: Path) -> dict[int, JournalTrial]:
    """Replay a journal."""
    trials: dict[int, JournalTrial] = {}
    for operation in operations(path.read_bytes() if path.is_file() else b""):
        match operation["op_code"]:
            case _Operation.CREATE:
                number = len(trials)
                trials[number] = _created(number, operation)
            case _Operation.PARAMETER:
                trial = trials[operation["trial_id"]]
                trial.params[operation["param_name"]] = operation["param_value_internal"]
            case _Operation.STATE:
                trial = trials[operation["trial_id"]]
                # Claiming a taken trial and ending an ended one are refused.
                if trial.state in (RUNNING, WAITING):
                    trial.state = operation["state"]
                    trial.values = operation.get("values") or trial.values
            case _Operation.ATTRIBUTE:
                trials[operation["trial_id"]].attributes.update(operation["user_attr"])
    return trials


def _created(number: int, operation: Mapping[str, Any]) -> JournalTrial:
    return JournalTrial(
        number,
        operation.get("state", RUNNING),
        operation.get("values"),
        dict(operation.get("params", {})),
        dict(operation.get("user_attrs", {})),
    )


def reported(trials: Mapping[int, JournalTrial]) -> dict[int, JournalTrial]:
    """Return the trials that were reported as ended well: complete or pruned."""
    return {number: trial for number, trial in trials.items() if trial.state in REPORTED}


def given_up(trials: Mapping[int, JournalTrial]) -> dict[int, JournalTrial]:
    """Return the trials that failed for good, because so many workers had died of them."""
    return {
        number: trial
        for number, trial in trials.items()
        if trial.state == FAILED and _GIVEN_UP.match(trial.attributes.get("reason", ""))
    }


def in_order(trials: Mapping[int, JournalTrial]) -> bool:
    """Return whether the reported trials have the order of their places in the budget.

    A trial that repeats a lost one has a number behind all others.
    """
    indices = [trial.index for _, trial in sorted(reported(trials).items())]
    return indices == sorted(indices)


def has_claimed(content: bytes) -> bool:
    """Return whether a part of a journal tells of a trial that somebody took."""
    return any(
        operation["op_code"] in (_Operation.CREATE, _Operation.STATE)
        and operation.get("state", RUNNING) == RUNNING
        for operation in operations(content)
    )


def has_chosen(content: bytes) -> bool:
    """Return whether a part of a journal tells of a champion, i.e. the search is over."""
    return any(
        operation["op_code"] == _Operation.STUDY_ATTRIBUTE and "champion" in operation["user_attr"]
        for operation in operations(content)
    )
