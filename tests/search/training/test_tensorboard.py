"""What TensorBoard finds of a search: event files read back as it reads them."""

from pathlib import Path
from typing import Any

import keras_tuner
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.util.tensor_util import make_ndarray

from data.dataset.dataset import Dataset
from results.study import Store
from search.training.callbacks import load_callbacks
from search.training.tensorboard import FINAL, FOLDER
from tests.search.small import Small
from tests.search.tuning import begin_with, open_store, search, words


class Broad(Small):
    """A small space with an entry of every kind."""

    def declare(self, hp: keras_tuner.HyperParameters) -> None:
        hp.Fixed("kind", "broad")
        hp.Boolean("flag")
        hp.Float("share", 0.0, 0.3, step=0.1)
        hp.Choice("size", [1, 2, 4], ordered=True)
        super().declare(hp)


@pytest.fixture(scope="module")
def store(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = open_store(tmp_path_factory.mktemp("tensorboard"))
    search(
        made,
        dataset,
        Broad(words(dataset)),
        2,
        callbacks=load_callbacks(["search.training.tensorboard:TensorBoard"]),
    )
    return made


def events(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def scalars(found: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(it.step, float(make_ndarray(it.tensor_proto))) for it in found.Tensors(tag)]


def start_of(found: EventAccumulator) -> Any:
    content = found.summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    return metadata.parse_session_start_info_plugin_data(content)


def end_of(found: EventAccumulator) -> Any:
    content = found.summary_metadata[metadata.SESSION_END_INFO_TAG].plugin_data.content
    return metadata.parse_session_end_info_plugin_data(content)


def test_each_trial_has_a_folder_with_its_curve(store: Store) -> None:
    results = store.trials()
    folders = {path.name for path in (store.folder / FOLDER).iterdir() if path.is_dir()}
    assert folders == {"trial-0", "trial-1"} == {f"trial-{result.number}" for result in results}
    for result in results:
        found = events(store.folder / FOLDER / f"trial-{result.number}")
        for tag, name in (
            ("accuracy/train", "accuracy"),
            ("accuracy/validation", "val_accuracy"),
            ("loss/train", "loss"),
            ("loss/validation", "val_loss"),
        ):
            wanted = [getattr(point, name) for point in result.curve]
            assert scalars(found, tag) == [
                (step, pytest.approx(value)) for step, value in enumerate(wanted, 1)
            ]
            assert len(wanted) == 2


def test_the_table_has_hyperparameters_and_the_last_value(store: Store) -> None:
    for result in store.trials():
        found = events(store.folder / FOLDER / f"trial-{result.number}")
        start, end = start_of(found), end_of(found)
        told = {
            name: getattr(value, str(value.WhichOneof("kind")))
            for name, value in start.hparams.items()
        }
        assert told == pytest.approx(result.hyperparameters)
        assert start.group_name == f"trial-{result.number}"
        assert end.status == api_pb2.STATUS_SUCCESS
        assert end.end_time_secs >= start.start_time_secs > 0
        for name in FINAL:
            assert scalars(found, f"final/{name}") == [(2, pytest.approx(getattr(result, name)))]


def test_the_domains_are_told_once(store: Store) -> None:
    (file,) = [path for path in (store.folder / FOLDER).iterdir() if "tfevents" in path.name]
    found = events(file)
    experiment = metadata.parse_experiment_plugin_data(
        found.summary_metadata[metadata.EXPERIMENT_TAG].plugin_data.content
    )
    assert [info.name.tag for info in experiment.metric_infos] == [f"final/{it}" for it in FINAL]
    domains: dict[str, Any] = {}
    for info in experiment.hparam_infos:
        discrete = [
            getattr(value, str(value.WhichOneof("kind"))) for value in info.domain_discrete.values
        ]
        interval = info.domain_interval
        domains[info.name] = discrete or (interval.min_value, interval.max_value)
    assert domains == {
        "kind": ["broad"],
        "flag": [False, True],
        "share": pytest.approx([0.0, 0.1, 0.2, 0.3]),
        "size": [1, 2, 4],
        "width": (4, 64),
        "optimizer": ["adam", "rmsprop"],
        "rate": (0.005, 0.05),
    }


class Scoped(Small):
    """One name in two scopes, of another kind in each."""

    def declare(self, hp: keras_tuner.HyperParameters) -> None:
        super().declare(hp)
        hp.Choice("kind", ["a", "b"])
        hp.Choice("size", ["s", "m"], parent_name="kind", parent_values=["a"])
        hp.Int("size", 50, 90, parent_name="kind", parent_values=["b"])


@pytest.mark.slow
def test_one_name_in_two_scopes_ends_no_trial(dataset: Dataset, tmp_path: Path) -> None:
    made = open_store(tmp_path)
    begin_with(made, {"kind": "b"}, {"kind": "a"})
    search(
        made,
        dataset,
        Scoped(words(dataset)),
        2,
        callbacks=load_callbacks(["search.training.tensorboard:TensorBoard"]),
    )
    told = []
    for result in made.trials():
        assert result.status == "complete", result.reason
        found = events(made.folder / FOLDER / f"trial-{result.number}")
        size = start_of(found).hparams["size"]
        told.append((result.hyperparameters["kind"], size.WhichOneof("kind")))
    assert sorted(told) == [("a", "string_value"), ("b", "number_value")]


@pytest.mark.slow
def test_a_failed_trial_is_said_to_have_failed(dataset: Dataset, tmp_path: Path) -> None:
    made = open_store(tmp_path)
    callbacks = load_callbacks(
        ["search.training.tensorboard:TensorBoard", "tests.search.own_callbacks:Failing"]
    )
    search(made, dataset, Small(words(dataset)), 1, callbacks=callbacks)
    found = events(made.folder / FOLDER / "trial-0")
    assert end_of(found).status == api_pb2.STATUS_FAILURE
    assert len(scalars(found, "loss/validation")) == 2


def test_tensorboard_fills_its_own_table(store: Store) -> None:
    """Ask the plugin itself, as the page does."""
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import backend_context, list_session_groups

    runs = plugin_event_multiplexer.EventMultiplexer()
    runs.AddRunsFromDirectory(str(store.folder / FOLDER))
    runs.Reload()
    provider = data_provider.MultiplexerDataProvider(runs, str(store.folder / FOLDER))
    context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    request = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=[api_pb2.STATUS_SUCCESS], slice_size=10, start_index=0
    )
    experiment = context.experiment_from_metadata(
        RequestContext(), "", True, context.hparams_metadata(RequestContext(), ""), []
    )
    handler = list_session_groups.Handler(RequestContext(), context, "", request)
    groups = handler.run().session_groups
    assert len(experiment.metric_infos) == len(FINAL)
    values = {group.name: {it.name.tag: it.value for it in group.metric_values} for group in groups}
    for result in store.trials():
        told = values[f"trial-{result.number}"]
        assert told["final/val_accuracy"] == pytest.approx(result.val_accuracy)
