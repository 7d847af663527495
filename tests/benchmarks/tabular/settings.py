"""The searches that are compared, by name.

A name is the sampler, then the pruner behind a plus, then what differs from a default search: which
reports the pruner sees, which trials come first, that the space is as it was recorded, or that the
sampler does not see the order of choices.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from optuna.pruners import BasePruner, MedianPruner, SuccessiveHalvingPruner

from search.sampling.samplers import KERAS_TUNER, PRUNERS
from search.sampling.starting_points import DEFAULTS
from spaces import Model3
from tests.benchmarks.tabular.replay import Setting

_SAMPLERS = ("random", "tpe", "cmaes", "nsga2")
_PRUNERS: Mapping[str, Callable[[int], BasePruner]] = {
    **PRUNERS,
    # From the first report on, and from the end of the first epoch on.
    "median-early": lambda reports: MedianPruner(n_startup_trials=5),
    "median-late": lambda reports: MedianPruner(n_startup_trials=5, n_warmup_steps=4),
    # As Optuna has it by default, but for its factor of 4: from the first report on.
    "asha-early": lambda reports: SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
}


def _settings() -> dict[str, Setting]:
    starts = tuple(Model3.starting_points)
    named = {}
    for sampler in _SAMPLERS:
        for name, pruner in _PRUNERS.items():
            whole = sampler if name == "none" else f"{sampler}+{name}"
            named[whole] = Setting(sampler, pruner, starts=starts)
    # Stock KerasTuner begins without the defaults.
    named |= {name: Setting(name, PRUNERS["none"], starts=()) for name in KERAS_TUNER}
    for name in ("random", "tpe", "tpe+median", "tpe+asha", "tpe+asha-early"):
        for every in (2, 4):
            if "+" in name:
                named[f"{name}/every-{every}"] = replace(named[name], every=every)
        named[f"{name}/recorded"] = replace(named[name], recorded=True)
        named[f"{name}/default-first"] = replace(named[name], starts=(DEFAULTS,))
        named[f"{name}/no-start"] = replace(named[name], starts=())
        named[f"{name}/unordered"] = replace(named[name], ordered=False)
        named[f"{name}/no-start-unordered"] = replace(named[name], starts=(), ordered=False)
    return named


SETTINGS: Mapping[str, Setting] = _settings()
# A search with default options.
DEFAULT = "tpe+median"
# What is compared unless it is chosen; all settings together take hours.
COMPARED = (
    DEFAULT, "tpe+median-early", "tpe+median-late", "tpe+median/every-2",
    "tpe", "tpe+asha", "tpe+hyperband",
    "random", "random+median", "cmaes+median", "nsga2+median", *KERAS_TUNER,
    "tpe+median/no-start", "tpe+median/default-first", "tpe+median/recorded",
)  # fmt: skip
