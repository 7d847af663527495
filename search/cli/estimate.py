"""How long a run may take, from what was kept of earlier runs and from rates measured before.

Seconds go with the characters that a training reads, padding included. The rates are those of the
shared log (README) on two cores, one worker each; another machine, or a space with other models,
may well take three times as long or a third of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from types import MappingProxyType

from data.dataset import Dataset, Padding, padded_lengths
from results.leaderboard import LINEAR, MODEL2
from search.config import RunConfig
from search.training import Cache, Recipe

# Seconds a million padded characters: 15,059 rows of 1,024, three epochs, took model1 53 s, model2
# 88 s and model1-as-run 85 s; model3-notebook took 4.4 times as long as model2. The linear one
# reads each character once, and the floors train nothing.
BASELINE_RATES: Mapping[str, float] = MappingProxyType(
    {
        "model1": 1.2,
        "model1-as-run": 1.8,
        "model2": 1.9,
        "model3-notebook": 8.4,
        "linear": 1.0,
        "regex": 0.0,
        "majority": 0.0,
    }
)
_READ_ONCE = ("linear", "regex", "majority")
# A trial: building, compiling and scoring, then seconds a million padded characters. Random trials
# of Model 3's space took a core 35 s each, the default one 38 s, on 7.2 million characters; with
# the median pruner, which left half of the epochs to train, two workers ended 50 trials in 600 s.
TRIAL_SECONDS = 5.0
TRIAL_RATE = 5.0
PRUNED_SHARE = 1 / 2
# Starting, and at the end the table, the report and the export.
AROUND_SECONDS = 15.0


@dataclass(frozen=True)
class Estimate:
    """How long the parts of a run may take, in seconds.

    Attributes:
        baselines: Each baseline that is still to be trained, by name.
        kept: Baselines that an earlier run has trained.
        speed: How this machine compares with the one of the rates: its seconds to theirs.
        trial: One trial, on one worker.
        refit: All refits, one after the other.
        search: All trials, on all workers.
        total: The run.
    """

    baselines: Mapping[str, float]
    kept: tuple[str, ...]
    speed: float | None
    trial: float
    refit: float
    search: float
    total: float


def estimate(config: RunConfig, dataset: Dataset) -> Estimate:
    """Estimate a run without training anything."""
    seconds = config.budget.seconds
    recipe = Recipe(config.epochs, config.batch_size, config.padding)
    cache = Cache(config.baseline_cache, dataset, recipe, config.seed)
    rule = {name: _baseline(name, config, dataset) for name in BASELINE_RATES}
    # Those of no use here tell of this machine all the same.
    kept = {name: result for name in rule if (result := cache.find(name)) is not None}
    told = [
        (result.train_seconds or 0.0) / rule[name]
        for name, result in kept.items()
        if name not in _READ_ONCE
    ]
    speed = median(told) if told else None
    factor = speed or 1.0
    new = {name: rule[name] * factor for name in config.baselines if name not in kept}
    trial = factor * _trial(config, dataset)
    whole = factor * _whole(config, dataset)
    search = (trial * (config.trials or 0) + whole * config.finalists) / config.workers
    search = search if seconds is None else seconds
    again = whole + sum(rule[name] for name in config.baselines if name not in _READ_ONCE) * factor
    refits = factor * _refits(config, dataset.refitting) if config.refit else 0.0
    trained = sum(new.values()) + (config.repeats - 1) * again + refits
    total = trained / config.workers + search + AROUND_SECONDS
    known = tuple(name for name in config.baselines if name in kept)
    return Estimate(MappingProxyType(new), known, speed, trial, refits, search, total)


def _baseline(name: str, config: RunConfig, dataset: Dataset) -> float:
    if name in _READ_ONCE:
        return BASELINE_RATES[name] * _characters(dataset, "real", 1)
    return BASELINE_RATES[name] * _characters(dataset, config.padding, config.epochs)


def _trial(config: RunConfig, dataset: Dataset) -> float:
    share = 1.0 if config.pruner == "none" or len(config.objectives) > 1 else PRUNED_SHARE
    return TRIAL_SECONDS + TRIAL_RATE * share * _characters(dataset, "real", config.epochs)


def _whole(config: RunConfig, dataset: Dataset) -> float:
    return TRIAL_SECONDS + TRIAL_RATE * _characters(dataset, "real", config.epochs)


def _refits(config: RunConfig, dataset: Dataset) -> float:
    has_champion = not config.budget.is_empty
    names = [name for name in (MODEL2, LINEAR) if name in config.baselines]
    champion = _whole(config, dataset) if has_champion else 0.0
    return champion + sum(_baseline(name, config, dataset) for name in names)


def _characters(dataset: Dataset, padding: Padding, epochs: int) -> float:
    """Give the characters of a training in millions, padding included."""
    lengths = padded_lengths(dataset.encoded.lengths, padding)[dataset.split.fit]
    return float(lengths.sum()) * epochs / 1e6
