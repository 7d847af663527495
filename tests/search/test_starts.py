"""Starting points: what a space's author knows to be good is tried first."""

from pathlib import Path
from typing import Any

import keras_tuner
import optuna
import pytest

from data.errors import UserError
from search.oracle import OptunaOracle
from search.points import identity
from search.starts import internal_point, starts_of
from spaces.model3 import Model3
from tests.commands import call
from tests.search.test_oracle import search


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
    assert internal_point(space(), {}) == {"kind": "lstm", "units": 1, "rate [kind=lstm]": 0.5}
    assert internal_point(space(), {"kind": "gru", "units": 64}) == {"kind": "gru", "units": 2}


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ({"kind": "rnn"}, "kind cannot be 'rnn'"),
        ({"units": 128}, "units cannot be 128"),
        ({"rate": "high"}, "rate cannot be 'high'"),
        ({"unit": 32}, "no hyperparameter 'unit'"),
        ({"kind": "gru", "rate": 0.5}, "no hyperparameter 'rate'"),
    ],
)
def test_a_point_outside_the_space_is_refused(start: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        internal_point(space(), start)


def test_a_hypermodel_names_its_starting_points_or_none() -> None:
    class Knowing(keras_tuner.HyperModel):  # type: ignore[misc]
        starting_points = ({"units": 64}, {})

    assert starts_of(Knowing()) == ({"units": 64}, {})
    assert starts_of(keras_tuner.HyperModel()) == ({},)


@pytest.mark.parametrize("trials", [2, 4])
def test_starting_points_are_tried_first_and_once(tmp_path: Path, trials: int) -> None:
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=0))
    starts = [{"kind": "gru", "units": 64}, {}, {"units": 32}]
    oracle = OptunaOracle(study, max_trials=trials, starting_points=starts)
    found = [trial.params for trial in search(oracle, declare, tmp_path)]
    assert len(found) == trials
    assert found[:2] == [
        {"kind": "gru", "units": 2},
        {"kind": "lstm", "units": 1, "rate [kind=lstm]": 0.5},
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
    assert done.err.splitlines()[-1] == (
        "error: starting point {'wdth': 8}: the space has no hyperparameter 'wdth' there"
    )
    assert "Traceback" not in done.err


def test_the_starting_points_lie_in_the_space_and_differ() -> None:
    known = keras_tuner.HyperParameters()
    Model3(70).declare(known)
    points = [internal_point(known, start) for start in Model3.starting_points]
    assert len({identity(point) for point in points}) == len(points) > 1
    assert Model3.starting_points[0] == {}
