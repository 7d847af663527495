"""The store over a real journal: what is kept, what is hidden, what is refused."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from data.common.errors import UserError
from data.dataset.dataset import Dataset
from results.scoring import SCORES
from results.study import (
    ACCURACY,
    CHECKPOINT,
    DUPLICATE,
    JOURNAL,
    OBJECTIVES,
    REASON,
    RETRY_OF,
    WORKER,
    Objective,
    Point,
    Result,
    Store,
    close_storage,
    counted_trials,
    open_storage,
)
from results.study.artifacts import Artifacts

DATA = {"source": "log.csv", "fingerprint": "abc", "rows": 600, "slices": {"fit": 337}}
PROTOCOL = {"space": "model3", "epochs": 3, "objective": ["val_accuracy"]}


def create(
    folder: Path,
    data: dict[str, Any] | None = None,
    protocol: dict[str, Any] | None = None,
    objectives: Sequence[str] = (ACCURACY.name,),
) -> Store:
    return Store.create(
        folder,
        [OBJECTIVES[name] for name in objectives],
        name=folder.name,
        data=DATA if data is None else data,
        protocol=PROTOCOL if protocol is None else protocol,
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return create(tmp_path / "run")


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.filterwarnings("ignore:Heartbeat of storage:UserWarning")
def test_a_run_in_a_database_is_resumed_by_its_folder_alone(tmp_path: Path) -> None:
    folder, how = tmp_path / "run", {"name": "run", "data": DATA, "protocol": PROTOCOL}
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    first = Store.create(folder, [ACCURACY], url=url, **how)
    add(first, 0.5)
    again = Store.create(folder, [ACCURACY], **how)
    assert len(again.trials()) == 1
    assert not (folder / JOURNAL).exists()
    for store in (first, again):
        close_storage(store.study._storage)


def told(store: Store) -> list[Objective]:
    return [OBJECTIVES[name] for name in store.study.metric_names or ()]


def add(store: Store, accuracy: float, loss: float | None = 0.5, **values: Any) -> Result:
    """Run a trial as a worker does: ask, leave artifacts, record, tell."""
    trial = store.study.ask()
    folder = store.trial_folder(trial.number)
    folder.mkdir(parents=True)
    (folder / CHECKPOINT).write_text("a model")
    result = Result(
        f"trial {trial.number}",
        "trial",
        **{
            "status": "complete",
            "number": trial.number,
            "val_accuracy": accuracy,
            "val_loss": loss,
            "artifacts": str(folder.relative_to(store.folder)),
            **values,
        },
    )
    store.record(trial, result)
    pruned = result.status != "complete"
    state = TrialState.PRUNED if pruned else TrialState.COMPLETE
    values = [objective.value(result) for objective in told(store)]
    store.study.tell(trial, None if pruned else values, state=state)
    return result


def test_what_was_recorded_is_read_by_another_process(store: Store) -> None:
    lost = Point(1.0, math.nan, 0.5, math.nan, 0.34)
    trial = add(store, 0.34, None, status="diverged", curve=(lost,), reason="loss is nan")
    baseline = Result("model2", "baseline", "complete", val_accuracy=0.9, artifacts="../b/model2")
    store.record_baseline(baseline)
    again = Store.open(store.folder)
    assert [result.name for result in again.results()] == ["model2", "trial 0"]
    assert again.baselines() == [baseline]
    (read,) = again.trials()
    assert repr(read) == repr(trial)
    assert math.isnan(read.curve[0].val_loss)
    assert (again.data, again.protocol) == (DATA, PROTOCOL)


def test_a_baseline_recorded_again_replaces_itself(store: Store) -> None:
    for accuracy in (0.5, 0.6):
        store.record_baseline(Result("linear", "baseline", "complete", val_accuracy=accuracy))
    assert [result.val_accuracy for result in store.baselines()] == [0.6]


@pytest.mark.parametrize(
    ("data", "protocol", "said"),
    [
        ({"fingerprint": "def"}, {}, "fingerprint = 'abc', not 'def'"),
        ({"rows": 601}, {}, "rows = 600, not 601"),
        ({"slices": {"fit": 336}}, {}, "slices = {'fit': 337}, not {'fit': 336}"),
        ({"split": "shuffled"}, {}, "split = None, not 'shuffled'"),
        ({"group_fingerprint": "abc"}, {}, "group_fingerprint = None, not 'abc'"),
        ({"duplicates_left_out": {}}, {}, "duplicates_left_out = None, not {}"),
        ({}, {"space": "mine:Space"}, "space = 'model3', not 'mine:Space'"),
        ({}, {"epochs": 1}, "epochs = 3, not 1"),
        ({}, {"objective": ["val_loss"]}, "objective = ['val_accuracy'], not ['val_loss']"),
    ],
)
def test_other_data_or_another_protocol_is_refused(
    store: Store, data: dict[str, Any], protocol: dict[str, Any], said: str
) -> None:
    add(store, 0.5)
    with pytest.raises(UserError) as error:
        create(store.folder, {**DATA, **data}, {**PROTOCOL, **protocol})
    assert said in str(error.value)
    assert "study 'run'" in str(error.value)
    assert "--study" in str(error.value)
    assert "\n" not in str(error.value)
    assert Store.open(store.folder).data == DATA


@pytest.mark.parametrize(
    ("was", "then", "said"),
    [
        (["val_loss"], ["latency_us"], "the objective val_loss, not latency_us"),
        (["val_accuracy"], ["val_loss"], "the objective val_accuracy, not val_loss"),
        (["val_loss", "parameters"], ["parameters", "val_loss"], "not parameters, val_loss"),
        (["val_loss"], ["val_loss", "parameters"], "val_loss, not val_loss, parameters"),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
def test_other_objectives_are_refused_even_of_the_same_direction(
    tmp_path: Path, was: list[str], then: list[str], said: str, begun: bool
) -> None:
    store = create(tmp_path / "run", protocol={}, objectives=was)
    if begun:
        store.record_baseline(Result("linear", "baseline", "complete"))
    with pytest.raises(UserError) as error:
        create(tmp_path / "run", protocol={}, objectives=then)
    assert said in str(error.value)
    assert "study 'run'" in str(error.value) and "another --study" in str(error.value)
    assert "\n" not in str(error.value)
    assert create(tmp_path / "run", protocol={}, objectives=was).study.metric_names == was


def test_the_same_texts_are_the_same_data_however_they_were_written(store: Store) -> None:
    add(store, 0.5)
    written = {"dropped_keys": ["a"], "label_key": "kind", "skipped": 1, "group_column": "2"}
    again = create(store.folder, {**DATA, **written}, PROTOCOL)
    assert len(again.study.trials) == 1


def test_a_study_of_an_earlier_version_is_opened_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    storage = open_storage(folder, None, 15)
    study = optuna.create_study(study_name="run", storage=storage, direction="maximize")
    study.set_user_attr("champion", "trial 3")
    assert Store.open(folder).chosen_by == ACCURACY
    store = create(folder)
    assert store.study.metric_names == [ACCURACY.name] and store.champion == "trial 3"
    with pytest.raises(UserError, match="the objective val_accuracy, not val_loss"):
        create(folder, objectives=["val_loss"])


def test_a_study_that_nothing_was_trained_for_is_made_anew(store: Store) -> None:
    store.study.enqueue_trial({})
    again = create(store.folder, {**DATA, "rows": 700}, {**PROTOCOL, "space": "mine:Space"})
    assert again.data["rows"] == 700
    assert Store.open(store.folder).protocol["space"] == "mine:Space"


def test_damaged_scores_are_one_line(store: Store) -> None:
    result = add(store, 0.5)
    folder = store.folder / "trials" / "0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scores.npz").write_bytes(b"PK no archive")
    with pytest.raises(UserError, match=r"scores\.npz: it is damaged"):
        store.scores(replace(result, artifacts="trials/0"))


@pytest.mark.parametrize("line", [b"{no json\n", b'"\xff"\n', b"\xff\n"])
def test_a_damaged_line_in_the_middle_is_one_line(store: Store, line: bytes) -> None:
    add(store, 0.5)
    journal = store.folder / "journal.log"
    first, _, others = journal.read_bytes().partition(b"\n")
    journal.write_bytes(first + b"\n" + line + others)
    with pytest.raises(UserError, match="damaged"):
        Store.open(store.folder)


def test_the_same_is_resumed_wherever_the_rows_were_read_from(store: Store) -> None:
    add(store, 0.5)
    # A tuple is a list in JSON.
    resumed = create(
        store.folder,
        {**DATA, "source": "standard input"},
        {**PROTOCOL, "objective": ("val_accuracy",)},
    )
    assert len(resumed.trials()) == 1
    assert resumed.data["source"] == "log.csv"


@pytest.mark.parametrize(
    "added", [{"label_words": ["normal", "malicious"]}, {"heldout_repeated": 20}]
)
def test_a_run_of_before_a_fact_was_written_down_is_resumed(
    store: Store, added: dict[str, Any]
) -> None:
    add(store, 0.5)
    resumed = create(store.folder, {**DATA, **added}, PROTOCOL)
    assert len(resumed.trials()) == 1


def test_the_champion_has_the_best_accuracy_then_loss_then_number(store: Store) -> None:
    assert store.choose_champion() is None
    assert store.champion is None
    for accuracy, loss in ((0.8, 0.1), (0.9, 0.4), (0.9, None), (0.9, 0.3), (0.9, 0.3)):
        add(store, accuracy, loss)
    add(store, 0.99, 0.01, status="pruned")
    add(store, 0.99, None, status="diverged")
    champion = store.choose_champion()
    assert champion is not None
    assert champion.name == "trial 3" == store.champion == Store.open(store.folder).champion


@pytest.mark.parametrize(
    ("objectives", "best"),
    [
        (["val_accuracy", "latency_us"], "trial 0"),
        (["latency_us", "val_accuracy"], "trial 2"),
        (["val_loss"], "trial 1"),
        (["parameters"], "trial 2"),
    ],
)
def test_the_first_objective_chooses_the_champion_and_what_is_kept(
    tmp_path: Path, objectives: list[str], best: str
) -> None:
    store = create(tmp_path / "run", protocol={}, objectives=objectives)
    for accuracy, loss, weights in ((0.9, 0.4, 30), (0.8, 0.1, 20), (0.5, 0.7, 10)):
        add(store, accuracy, loss, parameters=weights, latency_us=float(weights))
    store.keep_best_checkpoints(1)
    there = [result.name for result in store.trials() if store.find(result, CHECKPOINT)]
    champion = store.choose_champion()
    assert champion is not None and [champion.name] == there == [best]
    assert Store.open(store.folder).chosen_by == OBJECTIVES[objectives[0]]


def test_a_baseline_is_never_champion(store: Store) -> None:
    store.record_baseline(Result("linear", "baseline", "complete", val_accuracy=0.99))
    assert store.choose_champion() is None


def test_lost_and_surplus_trials_are_hidden(store: Store) -> None:
    lost, surplus = store.study.ask(), store.study.ask()
    store.study.tell(lost, state=TrialState.FAIL)
    surplus.set_user_attr(DUPLICATE, True)
    store.study.tell(surplus, state=TrialState.FAIL)
    store.study.enqueue_trial({}, user_attrs={RETRY_OF: lost.number})
    assert [trial.number for trial in counted_trials(store.study)] == [2]
    # The replacement waits: nothing has finished.
    assert store.trials() == []
    repeated = add(store, 0.7)
    assert repeated.number == 2
    assert store.trials() == [repeated]


def test_a_trial_that_recorded_nothing_tells_what_is_known(store: Store) -> None:
    store.study.enqueue_trial({"units": 8})
    failed = store.study.ask()
    failed.suggest_int("units", 1, 9)
    failed.set_user_attr(REASON, "ValueError: no")
    failed.set_user_attr(WORKER, "here-1")
    store.study.tell(failed, state=TrialState.FAIL)
    store.study.tell(store.study.ask(), state=TrialState.PRUNED)
    store.study.ask()  # It runs, and is not shown.
    assert store.trials() == [
        Result(
            "trial 0",
            "trial",
            "failed",
            reason="ValueError: no",
            number=0,
            hyperparameters={"units": 8},
            worker="here-1",
        ),
        Result(
            "trial 1", "trial", "pruned", reason="it ended without recording a result", number=1
        ),
    ]


def test_only_the_best_checkpoints_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for accuracy in (0.5, 0.9, 0.7, 0.8):
        add(store, accuracy)
    add(store, 0.1, status="pruned")
    store.keep_best_checkpoints(2)
    there = [store.find(result, CHECKPOINT) is not None for result in store.trials()]
    assert there == [False, True, False, True, True]
    asked: list[str] = []
    monkeypatch.setattr(Artifacts, "delete", lambda self, path: asked.append(path))
    store.keep_best_checkpoints(2)  # Again, with nothing left to delete.
    assert asked == []
    add(store, 0.95)
    store.keep_best_checkpoints(2)
    assert len(asked) == 1


def test_a_checkpoint_elsewhere_is_never_touched(store: Store) -> None:
    (store.folder / CHECKPOINT).write_text("not a trial's")
    add(store, 0.9)
    trial = store.study.ask()
    store.record(trial, Result("trial 1", "trial", "complete", number=1, val_accuracy=0.1))
    store.study.tell(trial, 0.1)
    store.keep_best_checkpoints(1)
    assert (store.folder / CHECKPOINT).read_text() == "not a trial's"


def test_scores_are_read_where_they_are(store: Store, dataset: Dataset) -> None:
    dataset.save(store.folder / "data")
    kept, without = add(store, 0.5), add(store, 0.6)
    heldout = np.linspace(0, 1, len(dataset.split.heldout), dtype=np.float32)
    np.savez(store.folder / kept.artifacts / SCORES, validation=heldout[:3], heldout=heldout)
    read = store.scores(kept)
    assert read is not None
    np.testing.assert_array_equal(read["validation"], heldout[:3])
    assert store.scores(without) is None
    assert store.scores(replace(kept, artifacts="")) is None
    assert list(store.heldout_probabilities()) == [kept.name]
    np.testing.assert_array_equal(store.heldout_probabilities()[kept.name], heldout)
    np.testing.assert_array_equal(store.heldout_labels(), dataset.labels[dataset.split.heldout])


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run is here"):
        Store.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_renamed_run_is_refused(store: Store, tmp_path: Path) -> None:
    store.folder.rename(tmp_path / "renamed")
    with pytest.raises(UserError, match="there is no study 'renamed'"):
        Store.open(tmp_path / "renamed")


@pytest.mark.parametrize("torn", ['{"op_code": 4, "wor', "{", '{"op_code": 4}, {"x": 1}'])
def test_a_torn_last_line_costs_itself_alone(store: Store, torn: str) -> None:
    first = add(store, 0.5)
    with (store.folder / JOURNAL).open("a") as journal:
        journal.write(torn)
    again = Store.open(store.folder)
    assert again.trials() == [first]
    # What is written from now on is read by the next process.
    second = add(again, 0.6)
    assert Store.open(store.folder).trials() == [first, second]


def test_a_place_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written") as error:
        create(tmp_path / "file" / "run")
    assert "\n" not in str(error.value)
