"""The searches that are compared, by name."""

from collections.abc import Mapping
from dataclasses import replace

from search.samplers import KERAS_TUNER
from tests.benchmarks.tabular.replay import Setting

_SAMPLERS = ("random", "tpe", "cmaes", "nsga2")
_PRUNERS = ("none", "median", "asha", "hyperband")
_TPE = Setting("tpe", "asha")


def _settings() -> dict[str, Setting]:
    named = {}
    for sampler in _SAMPLERS:
        for pruner in _PRUNERS:
            name = sampler if pruner == "none" else f"{sampler}+{pruner}"
            named[name] = Setting(sampler, pruner)
    # Stock KerasTuner begins without the defaults.
    named |= {name: Setting(name, "none", starts=()) for name in KERAS_TUNER}
    named |= {f"tpe+asha, {reports} an epoch": replace(_TPE, reports=reports) for reports in (1, 2)}
    named["tpe+asha, no start"] = replace(_TPE, starts=())
    return named


SETTINGS: Mapping[str, Setting] = _settings()
