"""Prints what a run would do, without training: `python -m search.run --explain`."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.dataset import Dataset
from results.study import DATA_FOLDER
from search.cli.estimate import Estimate, estimate
from search.cli.load import load
from search.config import Options
from search.queue import SpaceSize, discover_space, space_size
from search.workers import Plan
from spaces import load_space

_MOST_DIGITS = 9


def explain(options: Options, make_plan: Callable[[Options], Plan]) -> None:
    """Print the plan of a run; nothing is trained, and nothing is left in its folder.

    Args:
        options: The command line.
        make_plan: Says what its workers would be told.
    """
    with tempfile.TemporaryDirectory() as folder:
        # A log that is generated is not to be left there either.
        dataset = load(replace(options, out=Path(folder)))
    options = options.settled(len(dataset.split.fit))
    plan = make_plan(options)
    space = load_space(
        plan.space,
        dataset.vocabulary.num_words,
        rows=len(dataset.split.fit),
        epochs=plan.epochs,
    )
    found = space_size(discover_space(space, plan.max_parameters))
    expected = estimate(
        plan,
        dataset,
        options.baselines,
        options.budget.seconds,
        options.repeats,
        options.refit,
    )
    lines = [*_data(options, dataset), *_search(options, plan, found), *_time(options, expected)]
    for name, text in lines:
        print(f"{name:<12}{text}")


def _data(options: Options, dataset: Dataset) -> Iterator[tuple[str, str]]:
    facts: dict[str, Any] = dataset.facts
    source = options.data or "a synthetic log"
    skipped = f", {facts['skipped']:,} bad ones skipped" if facts["skipped"] else ""
    yield "data", f"{source} ({facts['format']}): {facts['rows']:,} rows{skipped}"
    for name, rows in facts["slices"].items():
        share = facts["malicious_share"][name]
        yield "", f"{name}: {rows:,} rows, {share:.1%} malicious"
    which = {"train": "of the training part", "all": "of all rows, the held-out ones too"}
    yield "", f"split {facts['split']}; {facts['num_words']} ids, {which[facts['vocabulary']]}"


def _search(options: Options, plan: Plan, space: SpaceSize) -> Iterator[tuple[str, str]]:
    yield (
        "protocol",
        f"{_count(plan.epochs, 'epoch')}, batches of {plan.batch_size} where the space says "
        f"nothing else, {_count(plan.reports, 'report')} an epoch, seed {plan.seed}",
    )
    yield "", f"the champion and the baselines with {_count(options.repeats, 'seed')}"
    if options.refit:
        yield "", "the champion, model2 and linear once more on all training rows"
    yield "baselines", f"{', '.join(options.baselines) or 'none'}; padding {plan.padding}"
    yield "space", f"{plan.space}: {_size(space)}"
    yield "search", f"{_budget(options)}, for {', '.join(plan.objectives)}"
    yield "", f"sampler {plan.sampler}, pruner {plan.pruner}"
    if options.finalists:
        yield "", f"the best {options.finalists} are trained again, as a part of it"
    if options.ensemble:
        yield "", f"an ensemble of the best {options.ensemble}"
    yield "workers", f"{plan.workers}, each with {_count(plan.threads, 'thread')}"
    again = "; it is there already, and goes on" if (plan.folder / DATA_FOLDER).is_dir() else ""
    yield "study", f"{plan.study} in {plan.folder}{again}"


def _budget(options: Options) -> str:
    if options.budget.is_empty:
        return "no trial (no --budget)"
    trials = options.budget.trials
    return str(options.budget) if trials is None else _count(trials, "trial")


def _size(space: SpaceSize) -> str:
    points = f"{space.points:,}"
    if len(str(space.points)) > _MOST_DIGITS:
        points = f"about {float(space.points):.1e}"
    text = f"{_count(space.hyperparameters, 'hyperparameter')}, {points} points"
    if space.continuous:
        text += f" times {_count(space.continuous, 'continuous range')}"
    return text


def _time(options: Options, expected: Estimate) -> Iterator[tuple[str, str]]:
    yield "expected", f"about {_minutes(expected.total)} in all, by this rule of thumb:"
    for name in expected.kept:
        yield "", f"{name}: kept from an earlier run"
    for name, seconds in expected.baselines.items():
        yield "", f"{name}: {_minutes(seconds)}"
    like = "" if options.space == "model3" else ", were its models like those of model3"
    yield "", f"a trial: {_minutes(expected.trial)} on average{like}"
    if not options.budget.is_empty:
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
