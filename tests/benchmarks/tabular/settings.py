"""The searches that are compared, by name.

A name is the sampler, then the pruner behind a plus, then what differs from a default search: how
many reports an epoch the pruner sees, or which trials come first.
"""

from collections.abc import Mapping
from dataclasses import replace

from search.samplers import KERAS_TUNER
from search.starts import DEFAULTS
from spaces.model3 import Model3
from tests.benchmarks.tabular.replay import Setting

_SAMPLERS = ("random", "tpe", "cmaes", "nsga2")
_PRUNERS = ("none", "median", "asha", "hyperband")


def _settings() -> dict[str, Setting]:
    starts = tuple(Model3.starting_points)
    named = {}
    for sampler in _SAMPLERS:
        for pruner in _PRUNERS:
            name = sampler if pruner == "none" else f"{sampler}+{pruner}"
            named[name] = Setting(sampler, pruner, starts=starts)
    # Stock KerasTuner begins without the defaults.
    named |= {name: Setting(name, "none", starts=()) for name in KERAS_TUNER}
    for name in ("tpe", "tpe+median", "tpe+asha"):
        for reports in (1, 2):
            if named[name].pruner != "none":
                named[f"{name}/{reports}"] = replace(named[name], reports=reports)
        named[f"{name}/default-first"] = replace(named[name], starts=(DEFAULTS,))
        named[f"{name}/no-start"] = replace(named[name], starts=())
    return named


SETTINGS: Mapping[str, Setting] = _settings()
