"""Starting points: what a space's author knows to be good is tried first."""

from pathlib import Path
from typing import Any

import keras_tuner
import optuna
import pytest
from keras_tuner.engine.hyperparameters import Float, Int

from data.common.errors import UserError
from search.bridge.oracle import OptunaOracle
from search.sampling.distributions import to_value
from search.sampling.search_space import identity
from search.sampling.starting_points import check_start, internal_point, starting_points_of
from spaces import Model3
from tests.commands import call
from tests.search.asking import Scorer
from tests.search.bridge.test_oracle import search


def space() -> keras_tuner.HyperParameters:
    hp = keras_tuner.HyperParameters()
    declare(hp)
    return hp


def declare(hp: Any) -> float:
    kind = hp.Choice("kind", ["gru", "lstm"], default="lstm")
    hp.Int("units", 16, 64, step=2, sampling="log", default=32)
    with hp.conditional_scope("kind", ["lstm"]):
        hp.Float("rate", 0.1, 1.0, default=0.5)
    hp.Fixed("epochs", 3)
    return float(kind == "gru")


def test_what_a_point_does_not_name_takes_its_default() -> None:
    assert internal_point(space(), {}) == {"kind": "lstm", "units": 32, "rate [kind=lstm]": 0.5}
    assert internal_point(space(), {"kind": "gru", "units": 64}) == {"kind": "gru", "units": 64}


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ({"kind": "rnn"}, "kind cannot be 'rnn'"),
        ({"units": 128}, "units cannot be 128"),
        ({"rate": "high"}, "rate cannot be 'high'"),
        ({"epochs": 4}, "epochs cannot be 4"),
    ],
)
def test_a_point_outside_the_space_is_refused(start: dict[str, Any], told: str) -> None:
    for kind in (UserError, ValueError):  # What the command and what a program catch.
        with pytest.raises(kind, match=told):
            check_start(space(), start)


@pytest.mark.parametrize(
    ("entry", "nearest"),
    [
        (Int("x", 4, 16, default=32), 16),
        (Int("x", 4, 16, step=4, default=7), 8),
        (Int("x", 2, 64, step=2, sampling="log", default=1), 2),
        (Float("x", 0.1, 0.5, default=0.7), 0.5),
        (Float("x", 0.1, 0.5, sampling="reverse_log", default=0.01), 0.1),
    ],
)
def test_a_default_out_of_its_range_counts_as_the_nearest_with_a_warning(
    entry: Any, nearest: float
) -> None:
    """KerasTuner accepts such a default."""
    hp = keras_tuner.HyperParameters()
    hp.merge([entry])
    with pytest.warns(UserWarning, match=f"'x': its default {entry.default} "):
        point = internal_point(hp, {})
    assert to_value(entry, point["x"]) == nearest


class Late(keras_tuner.HyperModel):  # type: ignore[misc]
    """Asks for most of its entries only when its trial runs, in a branch or after the build."""

    def declare(self, hp: Any) -> None:
        hp.Int("width", 4, 8, default=8)

    def build(self, hp: Any) -> float:
        self.declare(hp)
        if hp.get("width") < 6:
            hp.Choice("batch", [16, 32, 64])
            hp.Choice("loss", ["hinge", "log"])
            hp.Int("steps", 1, 9, parent_name="loss", parent_values=["log"])
        return float(hp.get("width"))


def late_search(folder: Path, start: dict[str, Any]) -> Any:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    oracle = OptunaOracle(study, max_trials=1, starting_points=[start])
    oracle.verbose = 0
    tuner = Scorer(oracle, Late(), directory=str(folder))
    assert [entry.name for entry in oracle.get_space().space] == ["width"]
    tuner.search(verbose=0)
    (trial,) = oracle.get_best_trials()
    return trial.hyperparameters.values


@pytest.mark.filterwarnings("ignore:hyperparameter 'steps'")
@pytest.mark.parametrize(("steps", "nearest"), [(7, 7), (12, 9)])
def test_what_a_point_names_is_taken_when_it_is_first_met(
    steps: int, nearest: int, tmp_path: Path
) -> None:
    start = {"width": 4, "batch": 32, "loss": "log", "steps": steps}
    assert late_search(tmp_path, start) == {**start, "steps": nearest}


def test_what_a_point_names_and_nothing_meets_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert late_search(tmp_path, {"width": 8, "wdth": 8, "batch": 16}) == {"width": 8}
    (record,) = [record for record in caplog.records if record.name == "search.queue.trial_queue"]
    assert "'wdth', 'batch'" in record.getMessage()


def test_points_that_differ_in_late_values_are_both_tried(tmp_path: Path) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    starts = [{"width": 4, "batch": batch, "loss": "hinge"} for batch in (16, 64)]
    oracles = [OptunaOracle(study, max_trials=2, starting_points=starts) for _ in starts]
    values = []
    for oracle in oracles:  # Each as in a process of its own, which has not seen the other's trial.
        oracle.verbose = 0
        tuner = Scorer(oracle, Late(), directory=str(tmp_path / str(len(values))))
        trial = oracle.create_trial("tuner")
        tuner.hypermodel.build(trial.hyperparameters)
        values.append(trial.hyperparameters.values)
    assert values == starts


def test_a_hypermodel_names_its_starting_points_or_none() -> None:
    class Knowing(keras_tuner.HyperModel):  # type: ignore[misc]
        starting_points = ({"units": 64}, {})

    assert starting_points_of(Knowing()) == ({"units": 64}, {})
    assert starting_points_of(keras_tuner.HyperModel()) == ({},)


@pytest.mark.parametrize("trials", [2, 4])
def test_starting_points_are_tried_first_and_once(tmp_path: Path, trials: int) -> None:
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=0))
    starts = [{"kind": "gru", "units": 64}, {}, {"units": 32}]
    oracle = OptunaOracle(study, max_trials=trials, starting_points=starts)
    found = [trial.params for trial in search(oracle, declare, tmp_path)]
    assert len(found) == trials
    assert found[:2] == [
        {"kind": "gru", "units": 64},
        {"kind": "lstm", "units": 32, "rate [kind=lstm]": 0.5},
    ]
    # The third is the second in other words.
    assert len({tuple(params.items()) for params in found}) == trials


@pytest.mark.slow
def test_a_search_with_a_wrong_starting_point_says_so_in_one_line(tmp_path: Path) -> None:
    done = call(
        "search.run", "--rows", "700", "--budget", "2", "--epochs", "1", "--workers", "1",
        "--baselines", "none", "--space", "tests.search.small:Misled", "--out", tmp_path,
    )  # fmt: skip
    assert done.status == 2
    assert done.err.splitlines()[-1] == ("error: starting points: width cannot be 128, only 4..64")
    assert "Traceback" not in done.err


def test_the_starting_points_lie_in_the_space_and_differ() -> None:
    known = keras_tuner.HyperParameters()
    Model3(70).declare(known)
    points = [internal_point(known, start) for start in Model3.starting_points]
    assert len({identity(point) for point in points}) == len(points) > 1
    assert Model3.starting_points[0] == {}
