"""Prints what a run would do and how long it may take: `python -m search.run --explain`.

The estimate goes by the characters that a training reads, padding included, and by what is kept of
earlier runs. The rates are those of HttpParamsDataset on two cores, one worker each; another
machine, or a space with other models, may well take three times as long or a third of it.
"""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

from data.common import UserError
from data.dataset import Dataset, LabelOrder
from data.records import Padding, padded_lengths
from results.leaderboard import LINEAR, MODEL2
from results.study import DATA_FOLDER
from search.cli.load import load_dataset
from search.cli.rates import BASELINE_RATES
from search.common import ModelTooLarge, describe_error
from search.config import RunConfig
from search.sampling import SpaceSize, discover_space, space_size
from search.training import Cache, TrainingConfig, load_hypermodel
from spaces import BASELINES, TextBaseline

# A trial: building, compiling and scoring, then seconds a million padded characters. Random trials
# of Model 3's space took a core 35 s each, the default one 38 s, on 7.2 million characters; with
# the median pruner, which left half of the epochs to train, two workers ended 50 trials in 600 s.
TRIAL_SECONDS = 5.0
TRIAL_RATE = 5.0
_PRUNED_SHARE = 1 / 2
# Starting, and at the end the table, the report and the export.
_AROUND_SECONDS = 15.0
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Estimate:
    """How long the parts of a run may take, in seconds."""

    baselines: Mapping[str, float]  # those still to be trained
    kept: tuple[str, ...]  # baselines that an earlier run has trained
    speed: float | None  # this machine's seconds to those of the rates, if a baseline is kept
    trial: float  # on one worker
    refit: float  # all of them, one after the other
    search: float  # all trials, on all workers
    total: float


def explain_run(config: RunConfig) -> None:
    """Print the plan of a run; nothing is trained, and nothing is left in its folder."""
    with tempfile.TemporaryDirectory() as folder:
        # A log that is generated is not to be left there either.
        dataset = load_dataset(replace(config, out=Path(folder)))
    config = config.settled(len(dataset.split.fit))
    space = load_hypermodel(config, dataset)
    try:
        entries = discover_space(space, config.max_parameters)
    except (Exception, ModelTooLarge) as error:
        raise UserError(
            f"--space {config.space}: its default model cannot be built ({describe_error(error)})"
        ) from error
    found = space_size(entries)
    expected = estimate(config, dataset)
    for name, text in (*_data(config, dataset), *_search(config, found), *_time(config, expected)):
        print(f"{name:<12}{text}")


def _data(config: RunConfig, dataset: Dataset) -> Iterator[tuple[str, str]]:
    facts: dict[str, Any] = dataset.facts
    source = facts["source"] if config.data or config.positive_file else "a synthetic log"
    skipped = f", {facts['skipped']:,} bad ones skipped" if facts["skipped"] else ""
    yield "data", f"{source} ({facts['format']}): {facts['rows']:,} rows{skipped}"
    malicious = dataset.label_words[1]
    for name, rows in facts["slices"].items():
        share = facts["malicious_share"][name]
        yield "", f"{name}: {rows:,} rows, {share:.1%} {malicious}"
    which = {"train": "of the training part", "all": "of all rows, the held-out ones too"}
    yield "", f"split {facts['split']}; {facts['num_words']} ids, {which[facts['vocabulary']]}"
    yield "", str(LabelOrder.of(dataset.labels))
    left_out = sum(facts.get("duplicates_left_out", {}).values())
    if left_out:
        yield "", f"{left_out:,} duplicates left out"
    if facts["heldout_repeated"]:
        yield "", f"{facts['heldout_repeated']:,} held-out texts stand in the training part too"


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
    pruner = config.pruner if _prunes(config) else "none"
    several = ", as there are several objectives" if pruner != config.pruner else ""
    yield "", f"sampler {config.sampler}, pruner {pruner}{several}"
    if config.finalists:
        yield "", f"the best {config.finalists} are trained again, as a part of it"
    if config.ensemble:
        yield "", f"an ensemble of the best {config.ensemble}"
    yield "workers", f"{config.workers}, each with {_count(config.threads, 'thread')}"
    again = "; it is there already, and goes on" if (config.folder / DATA_FOLDER).is_dir() else ""
    yield "study", f"{config.study} in {config.folder}{again}"


def _budget(config: RunConfig) -> str:
    if config.budget.is_empty:
        return "no trials (--budget is 0 or missing)"
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
        speed = "and no baseline was trained on this machine yet"
    else:
        speed = f"times {expected.speed:.2g}, by the baselines that were trained here"
    yield "", f"(seconds per padded character, measured on two cores, {speed};"
    yield "", "it may take three times as long, or a third)"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:,.0f} min"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def estimate(config: RunConfig, dataset: Dataset) -> Estimate:
    """Estimate a run without training anything."""
    training = TrainingConfig(config.epochs, config.batch_size, config.padding)
    cache = Cache(config.baseline_cache, dataset, training, config.seed)
    rule = {name: _baseline_seconds(name, config, dataset) for name in BASELINE_RATES}
    networks = [name for name in rule if not isinstance(BASELINES[name], TextBaseline)]
    # Kept baselines tell of this machine even if this run does not use them.
    kept = {name: result for name in rule if (result := cache.find(name)) is not None}
    ratios = [kept[name].train_seconds / rule[name] for name in networks if name in kept]
    speed = median(ratios) if ratios else None
    factor = speed or 1.0
    new = {name: rule[name] * factor for name in config.baselines if name not in kept}
    share = _PRUNED_SHARE if _prunes(config) else 1.0
    trial = factor * _trial_seconds(config, dataset, share)
    full = factor * _trial_seconds(config, dataset)
    search = config.budget.seconds
    if search is None:
        search = (trial * (config.trials or 0) + full * config.finalists) / config.workers
    champion = 0.0 if config.budget.is_empty else full
    repeated = champion + factor * sum(rule[name] for name in networks if name in config.baselines)
    refits = factor * _refit_seconds(config, dataset.refitting) if config.refit else 0.0
    again = (config.repeats - 1) * repeated + refits
    baselines = sum(new.values())
    if config.budget.seconds is not None and config.workers > 1:
        # One worker trains them while the others search; what is left then is shared.
        baselines = max(0.0, baselines - search)
    return Estimate(
        baselines=MappingProxyType(new),
        kept=tuple(name for name in config.baselines if name in kept),
        speed=speed,
        trial=trial,
        refit=refits,
        search=search,
        total=(baselines + again) / config.workers + search + _AROUND_SECONDS,
    )


def _prunes(config: RunConfig) -> bool:
    return config.pruner != "none" and len(config.objective) == 1


def _baseline_seconds(name: str, config: RunConfig, dataset: Dataset) -> float:
    if isinstance(BASELINES[name], TextBaseline):  # It reads each text once.
        return BASELINE_RATES[name] * _characters(dataset, "real", 1)
    return BASELINE_RATES[name] * _characters(dataset, config.padding, config.epochs)


def _trial_seconds(config: RunConfig, dataset: Dataset, share: float = 1.0) -> float:
    return TRIAL_SECONDS + TRIAL_RATE * share * _characters(dataset, "real", config.epochs)


def _refit_seconds(config: RunConfig, dataset: Dataset) -> float:
    names = [name for name in (MODEL2, LINEAR) if name in config.baselines]
    champion = 0.0 if config.budget.is_empty else _trial_seconds(config, dataset)
    return champion + sum(_baseline_seconds(name, config, dataset) for name in names)


def _characters(dataset: Dataset, padding: Padding, epochs: int) -> float:
    """Return how many million characters a training reads, padding included."""
    lengths = padded_lengths(dataset.encoded.lengths, padding)[dataset.split.fit]
    return float(lengths.sum()) * epochs / 1e6
