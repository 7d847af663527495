"""A study holds one set of choices and one kind of range a name: the rest is refused."""

from typing import Any

import keras_tuner
import optuna
import pytest
from keras_tuner.engine.hyperparameters import HyperParameter

from search.sampling.distributions import to_coded
from search.sampling.hyperparameters import SuggestedHyperParameters
from search.sampling.study_space import ChangedSpace, StudySpace, recorded_entries

HP = keras_tuner.HyperParameters


def entry(kind: str, *args: Any, **kwargs: Any) -> HyperParameter:
    """Declare an entry called `n` in a space of its own."""
    space = HP()
    getattr(space, kind)("n", *args, **kwargs)
    return space.space[0]


def asked(before: HyperParameter) -> optuna.Study:
    """Make a study whose one trial was asked for an entry."""
    study = optuna.create_study()
    StudySpace(study).admit([before])
    SuggestedHyperParameters(study.ask(), lambda _: True).merge([before])
    return study


WORDS = entry("Choice", ["tanh", "relu"])
SIZES = entry("Choice", [32, 64])
WIDTH = entry("Int", 1, 5)
DOUBLED = entry("Int", 2, 16, step=2, sampling="log")
RATE = entry("Float", 0.1, 1, sampling="log")
MIRRORED = entry("Float", 0.1, 1, sampling="reverse_log")

CHANGED = [
    (WORDS, entry("Choice", ["elu", "relu"])),
    (WORDS, entry("Choice", ["tanh", "relu", "elu"])),
    (WORDS, entry("Choice", ["relu", "tanh"])),
    (WORDS, entry("Boolean")),
    (SIZES, entry("Choice", [16, 32])),
    (SIZES, entry("Choice", [32, 64, 128])),
    (SIZES, entry("Choice", [32])),
    (SIZES, WIDTH),
    (WIDTH, SIZES),
    (WIDTH, entry("Int", 1, 5, sampling="log")),
    (WIDTH, entry("Float", 1, 5)),
    (DOUBLED, entry("Int", 2, 16, step=4, sampling="log")),
    (DOUBLED, entry("Int", 1, 8, step=2, sampling="log")),
    (RATE, MIRRORED),
    (MIRRORED, entry("Float", 0.1, 10, sampling="reverse_log")),
]


@pytest.mark.parametrize(("before", "now"), CHANGED)
def test_what_cannot_be_held_under_one_name_is_refused(
    before: HyperParameter, now: HyperParameter
) -> None:
    study = asked(before)
    recorded = recorded_entries(study)
    with pytest.raises(ChangedSpace, match="project_name") as error:
        StudySpace(study).admit([now])
    assert isinstance(error.value, ValueError)
    assert recorded_entries(study) == recorded
    StudySpace(study).admit([before])


MOVED = [
    (WIDTH, entry("Int", 10, 20)),
    (WIDTH, entry("Int", 0, 20, step=5)),
    (entry("Float", 0, 1, step=0.25), entry("Float", -1, 1, step=0.1)),
    (RATE, entry("Float", 1e-4, 1e-2, sampling="log")),
    (WORDS, entry("Choice", ["tanh", "relu"], default="relu")),
    (SIZES, entry("Choice", [32, 64], ordered=False)),
    (WORDS, entry("Fixed", "tanh")),
]


@pytest.mark.parametrize(("before", "now"), MOVED)
def test_a_range_may_move(before: HyperParameter, now: HyperParameter) -> None:
    study = asked(before)
    StudySpace(study).admit([now])
    SuggestedHyperParameters(study.ask(), lambda _: True).merge([now])


def test_the_refusal_names_the_entry_with_what_it_was_and_is() -> None:
    study = asked(WORDS)
    with pytest.raises(ChangedSpace) as error:
        StudySpace(study).admit([entry("Choice", ["elu", "selu"])])
    told = str(error.value)
    assert f"'{study.study_name}'" in told
    assert "n as Choice ['tanh', 'relu']" in told
    assert "Choice ['elu', 'selu']" in told
    assert "\n" not in told


@pytest.mark.parametrize(("before", "now"), [(WORDS, SIZES), (WIDTH, RATE)])
def test_what_no_trial_was_asked_may_change(before: HyperParameter, now: HyperParameter) -> None:
    study = optuna.create_study()
    study.enqueue_trial({})
    StudySpace(study).admit([before])
    StudySpace(study).admit([now])
    SuggestedHyperParameters(study.ask(), lambda _: True).merge([now])


@pytest.mark.parametrize(
    "now", [SIZES, DOUBLED, MIRRORED, entry("Float", 1e-4, 0.1, step=10, sampling="log")]
)
@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_study_that_holds_codes_is_refused(now: HyperParameter, is_recorded: bool) -> None:
    study = optuna.create_study(study_name="old")
    if is_recorded:
        StudySpace(study).admit([now])
    target = to_coded(now)
    assert target is not None
    study.ask({"n": target})
    with pytest.raises(ChangedSpace) as error:
        StudySpace(study).admit([now])
    assert str(error.value) == (
        "study 'old' is of an earlier version, which held codes in place of the values of n; begin "
        "another study (project_name, or --study)"
    )


def test_a_study_without_a_record_opens_if_its_values_are_the_same() -> None:
    study = optuna.create_study()
    SuggestedHyperParameters(study.ask(), lambda _: True).merge([SIZES])
    assert recorded_entries(study) == {}
    with pytest.raises(ChangedSpace, match=r"Choice \[16, 32\]"):
        StudySpace(study).admit([entry("Choice", [16, 32])])
    StudySpace(study).admit([SIZES])


def test_one_name_in_two_scopes_is_two_entries() -> None:
    space = HP()
    space.Choice("kind", ["a", "b"])
    space.Int("n", 1, 4, parent_name="kind", parent_values=["a"])
    space.Choice("n", ["x", "y"], parent_name="kind", parent_values=["b"])
    study = optuna.create_study()
    for _ in range(2):
        StudySpace(study).admit(space.space)
        for kind in ("a", "b"):
            study.enqueue_trial({"kind": kind})
            SuggestedHyperParameters(study.ask(), lambda _: True).merge(space.space)
    assert list(recorded_entries(study)) == ["kind", "n [kind=a]", "n [kind=b]"]


def test_what_the_program_does_not_know_of_a_trial_is_read_from_the_study() -> None:
    study = asked(SIZES)
    (forgotten,) = StudySpace(study).forgotten(HP(), study.trials[0])
    assert forgotten.get_config() == SIZES.get_config()
    known = HP()
    known.merge([SIZES])
    assert StudySpace(study).forgotten(known, study.trials[0]) == []


def test_workers_that_meet_entries_at_once_lose_none(monkeypatch: pytest.MonkeyPatch) -> None:
    study, own = optuna.create_study(), entry("Choice", [1, 2])
    other = HP()
    other.Choice("m", [3, 4])
    held = StudySpace._held

    def meanwhile(space: StudySpace, names: Any) -> Any:
        monkeypatch.setattr(StudySpace, "_held", held)
        StudySpace(study).admit(other.space)
        return held(space, names)

    # After one has read what is recorded, and before it writes.
    monkeypatch.setattr(StudySpace, "_held", meanwhile)
    StudySpace(study).admit([own])
    assert sorted(recorded_entries(study)) == ["m", "n"]
    assert StudySpace(study).find("m") is not None


def test_what_an_earlier_version_recorded_is_known() -> None:
    study = asked(WIDTH)
    study.set_user_attr("space", {"m": recorded_entries(study)["n"]})
    assert sorted(recorded_entries(study)) == ["m", "n"]
