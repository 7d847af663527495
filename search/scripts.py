"""The commands as scripts that pip installs; shells complete their options."""

import importlib
from collections.abc import Callable
from typing import NoReturn

from data.common import run, start


def _script(module: str) -> Callable[[], NoReturn]:
    def main() -> NoReturn:
        start()
        run(importlib.import_module(module).main)

    main.__doc__ = f"Be `python -m {module}`."
    return main


search = _script("search.run")
leaderboard = _script("results.leaderboard")
report = _script("results.report")
export = _script("results.export")
predict = _script("results.predict")
serve = _script("results.serve")
inspect = _script("data.inspect")
synthetic = _script("data.synthetic")
download = _script("data.download")
