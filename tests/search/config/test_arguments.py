"""The options of a search as a Python program gives them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.common.errors import UserError
from search.config import Budget, in_python_words, make_config, parse
from tests.search.small import Small


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"budget": "10m"}, ["--budget", "10m"]),
        ({"budget": Budget(trials=3)}, ["--budget", "3"]),
        ({"budget": np.int64(3), "seed": np.uint8(7)}, ["--budget", "3", "--seed", "7"]),
        ({"objective": ("val_loss", "parameters")}, ["--objective", "val_loss,parameters"]),
        ({"objective": "val_loss"}, ["--objective", "val_loss"]),
        ({"baselines": []}, ["--baselines", "none"]),
        ({"dropped_keys": []}, ["--dropped-keys", ""]),
        ({"positive": ["a, b", 2]}, ["--positive", '"a, b",2']),
        ({"text_column": 2, "label_column": "kind"}, ["--text-column", "2", "--label-column=kind"]),
        ({"text_column": ["url", 3]}, ["--text-column", "url,3"]),
        ({"data": Path("log.csv"), "out": Path("there")}, ["--data", "log.csv", "--out", "there"]),
        ({"refit": False, "tensorboard": True}, ["--no-refit", "--tensorboard"]),
        ({"trial_timeout": "90s", "max_parameters": "500k"},
         ["--trial-timeout", "90s", "--max-parameters", "500k"]),
        ({"epochs": "auto", "workers": None, "storage": None}, []),
        ({"space": Small}, ["--space", "tests.search.small:Small"]),
        ({"callback": ["m:f", "m:g"]}, ["--callback", "m:f", "--callback", "m:g"]),
    ],
)  # fmt: skip
def test_they_are_those_of_the_command_line(arguments: dict[str, Any], words: list[str]) -> None:
    budget = [] if "--budget" in words else ["--budget", "1"]
    found = make_config({"budget": 1, "study": "s", **arguments})
    assert found == parse(["--study", "s", *budget, *words])


def test_a_file_goes_behind_them(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('budget = "10m"\nrows = 500\n')
    found = make_config({"config": file, "rows": 600, "budget": None})
    assert (found.rows, found.budget) == (600, Budget(seconds=600))


class _Inner:
    pass


def _local() -> type:
    class Local:
        pass

    return Local


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "budget is missing; give a number of trials"),
        ({"budget": "5x"}, "budget: '5x' is not a number of trials"),
        ({"budget": 1.5}, "budget is 1.5, but must be a whole number"),
        ({"budget": 1, "bugdet": 3}, "'bugdet' is not an option; did you mean budget?"),
        ({"budget": 1, "skip-bad-rows": True}, "did you mean skip_bad_rows?"),
        ({"budget": 1, "explain": True}, "'explain' is not an option"),
        ({"budget": 1, "batch_size": 3}, "'batch_size' is not an option"),
        ({"budget": 1, "refit": 1}, "refit is 1, but must be true or false"),
        ({"budget": 1, "skip_bad_rows": "yes"}, "skip_bad_rows is 'yes'"),
        ({"budget": 1, "objective": {"val_loss"}}, "but must be a text, or a list of texts"),
        ({"budget": 1, "split": "group"}, "give group_column NAME"),
        ({"budget": 1, "workers": 2, "sampler": "kt-random"}, "but sampler kt-random keeps"),
        ({"budget": 1, "space": _local()}, "space is _local.<locals>.Local of tests"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_in_pythons_words(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as raised, in_python_words():
        make_config(arguments)
    assert said in str(raised.value)
    assert "--" not in str(raised.value) and "\n" not in str(raised.value)


def test_what_a_notebook_defines_cannot_reach_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Inner, "__module__", "__main__")
    with pytest.raises(UserError, match=r"space is _Inner of __main__.* put it at the top of a"):
        make_config({"budget": 1, "space": _Inner})


def test_flags_are_told_with_their_value() -> None:
    with pytest.raises(UserError) as raised, in_python_words():
        raise UserError("fix it, give --skip-bad-rows or --no-drop-duplicates, not --unknown")
    assert str(raised.value) == (
        "fix it, give skip_bad_rows=True or drop_duplicates=False, not --unknown"
    )
