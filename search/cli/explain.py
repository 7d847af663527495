"""Prints what a run would do, without training: `python -m search.run --explain`."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.dataset import Dataset
from results.study import DATA_FOLDER
from search.cli.estimate import Estimate, estimate
from search.cli.load import load
from search.config import RunConfig
from search.queue import SpaceSize, discover_space, space_size
from spaces import load_space

_MOST_DIGITS = 9


def explain(config: RunConfig) -> None:
    """Print the plan of a run; nothing is trained, and nothing is left in its folder."""
    with tempfile.TemporaryDirectory() as folder:
        # A log that is generated is not to be left there either.
        dataset = load(replace(config, out=Path(folder)))
    config = config.settled(len(dataset.split.fit))
    rows, num_words = len(dataset.split.fit), dataset.vocabulary.num_words
    space = load_space(config.space, num_words, rows=rows, epochs=config.epochs)
    found = space_size(discover_space(space, config.max_parameters))
    expected = estimate(config, dataset)
    for name, text in (*_data(config, dataset), *_search(config, found), *_time(config, expected)):
        print(f"{name:<12}{text}")


def _data(config: RunConfig, dataset: Dataset) -> Iterator[tuple[str, str]]:
    facts: dict[str, Any] = dataset.facts
    source = config.data or "a synthetic log"
    skipped = f", {facts['skipped']:,} bad ones skipped" if facts["skipped"] else ""
    yield "data", f"{source} ({facts['format']}): {facts['rows']:,} rows{skipped}"
    for name, rows in facts["slices"].items():
        share = facts["malicious_share"][name]
        yield "", f"{name}: {rows:,} rows, {share:.1%} malicious"
    which = {"train": "of the training part", "all": "of all rows, the held-out ones too"}
    yield "", f"split {facts['split']}; {facts['num_words']} ids, {which[facts['vocabulary']]}"


def _search(config: RunConfig, space: SpaceSize) -> Iterator[tuple[str, str]]:
    yield (
        "protocol",
        f"{_count(config.epochs, 'epoch')}, batches of {config.batch_size} where the space says "
        f"nothing else, {_count(config.reports, 'report')} an epoch, seed {config.seed}",
    )
    yield "", f"the champion and the baselines with {_count(config.repeats, 'seed')}"
    if config.refit:
        yield "", "the champion, model2 and linear once more on all training rows"
    yield "baselines", f"{', '.join(config.baselines) or 'none'}; padding {config.padding}"
    yield "space", f"{config.space}: {_size(space)}"
    yield "search", f"{_budget(config)}, for {', '.join(config.objective)}"
    yield "", f"sampler {config.sampler}, pruner {config.pruner}"
    if config.finalists:
        yield "", f"the best {config.finalists} are trained again, as a part of it"
    if config.ensemble:
        yield "", f"an ensemble of the best {config.ensemble}"
    yield "workers", f"{config.workers}, each with {_count(config.threads, 'thread')}"
    again = "; it is there already, and goes on" if (config.folder / DATA_FOLDER).is_dir() else ""
    yield "study", f"{config.study} in {config.folder}{again}"


def _budget(config: RunConfig) -> str:
    if config.budget.is_empty:
        return "no trial (no --budget)"
    trials = config.budget.trials
    return str(config.budget) if trials is None else _count(trials, "trial")


def _size(space: SpaceSize) -> str:
    points = f"{space.points:,}"
    if len(str(space.points)) > _MOST_DIGITS:
        points = f"about {float(space.points):.1e}"
    text = f"{_count(space.hyperparameters, 'hyperparameter')}, {points} points"
    if space.continuous:
        text += f" times {_count(space.continuous, 'continuous range')}"
    return text


def _time(config: RunConfig, expected: Estimate) -> Iterator[tuple[str, str]]:
    yield "expected", f"about {_minutes(expected.total)} in all, by this rule of thumb:"
    for name in expected.kept:
        yield "", f"{name}: kept from an earlier run"
    for name, seconds in expected.baselines.items():
        yield "", f"{name}: {_minutes(seconds)}"
    like = "" if config.space == "model3" else ", were its models like those of model3"
    yield "", f"a trial: {_minutes(expected.trial)} on average{like}"
    if not config.budget.is_empty:
        yield "", f"the search: {_minutes(expected.search)}"
    if expected.refit:
        yield "", f"once more on all training rows: {_minutes(expected.refit)}"
    if expected.speed is None:
        told = "and no baseline is kept that tells of this machine"
    else:
        told = f"times {expected.speed:.2g}, which the kept baselines took of what it says"
    yield "", f"(seconds a padded character, measured on two cores, {told};"
    yield "", "it may take three times as long, or a third)"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:,.0f} min"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
