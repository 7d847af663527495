"""The command line of a search: every default, and one line for every value it cannot have."""

import os
import re
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from data.common.errors import UserError
from data.reading.access_log import DROPPED_KEYS
from results.study import OBJECTIVES
from search.config.budget import Budget
from search.config.run_config import BATCH_SIZE, Options, parse
from search.workers.pool_size import cores
from spaces import BASELINE_NAMES

DEFAULTS = Options(
    budget=Budget(trials=20),
    explain=False,
    data=None,
    format=None,
    dropped_keys=DROPPED_KEYS,
    skip_bad_rows=False,
    rows=None,
    max_bytes=2**34,
    split="chronological",
    vocabulary="train",
    space="model3",
    sampler="tpe",
    pruner="median",
    objective=(OBJECTIVES["val_accuracy"],),
    baselines=("model1", "model2", "linear"),
    padding="full",
    epochs=None,
    repeats=1,
    refit=True,
    ensemble=0,
    finalists=0,
    workers=None,
    max_parameters=None,
    trial_timeout=None,
    max_failures=5,
    seed=0,
    study="now",
    storage=None,
    callback=(),
    tensorboard=False,
    heartbeat=15,
    artefacts=None,
    out=Path("runs"),
    given=Namespace(),
)


def options(*words: str) -> Options:
    return parse(["--budget", "20", "--study", "now", *words])


def test_the_defaults() -> None:
    assert options() == DEFAULTS


def test_epochs_are_settled_by_the_logs_size_unless_they_were_given() -> None:
    assert options().settled(1_500).epochs == 30
    assert options("--epochs", "2").settled(1_500).epochs == 2


def test_kerastuners_hyperband_prunes_by_itself() -> None:
    words = ["--budget", "1", "--sampler", "kt-hyperband"]
    assert parse(words).pruner == "none"
    assert parse([*words, "--pruner", "median"]).pruner == "median"


def test_a_study_without_a_name_is_called_by_the_time_and_the_process() -> None:
    assert re.fullmatch(rf"\d{{8}}-\d{{6}}-{os.getpid()}", parse(["--budget", "1"]).study)


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (["--data", "log.csv.xz"], {"data": "log.csv.xz"}),
        (["--data", "-"], {"data": "-"}),
        (["--format", "jsonl"], {"format": "jsonl"}),
        (["--dropped-keys", "a,b"], {"dropped_keys": ("a", "b")}),
        (["--dropped-keys", ""], {"dropped_keys": ()}),
        (["--skip-bad-rows"], {"skip_bad_rows": True}),
        (["--skip-bad-rows", "--no-skip-bad-rows"], {"skip_bad_rows": False}),
        (["--rows", "500"], {"rows": 500}),
        (["--max-bytes", "4G"], {"max_bytes": 4 * 2**30}),
        (["--split", "shuffled"], {"split": "shuffled"}),
        (["--vocabulary", "all"], {"vocabulary": "all"}),
        (["--space", "my.module:Space"], {"space": "my.module:Space"}),
        (["--sampler", "random"], {"sampler": "random"}),
        (["--sampler", "kt-random"], {"sampler": "kt-random", "workers": 1}),
        (
            ["--sampler", "optuna.samplers:RandomSampler"],
            {"sampler": "optuna.samplers:RandomSampler"},
        ),
        (["--pruner", "none"], {"pruner": "none"}),
        (
            ["--objective", "val_loss,parameters"],
            {"objective": (OBJECTIVES["val_loss"], OBJECTIVES["parameters"])},
        ),
        (["--baselines", "all"], {"baselines": BASELINE_NAMES}),
        (["--baselines", "none"], {"baselines": ()}),
        # In the table's order, whatever the order here, and each once.
        (["--baselines", "linear, model1,linear"], {"baselines": ("model1", "linear")}),
        (["--padding", "real"], {"padding": "real"}),
        (["--epochs", "10"], {"epochs": 10}),
        (["--epochs", "auto"], {"epochs": None}),
        (["--repeats", "5"], {"repeats": 5}),
        (["--no-refit"], {"refit": False}),
        (["--ensemble", "5"], {"ensemble": 5}),
        (["--ensemble", "0"], {"ensemble": 0}),
        (["--finalists", "10"], {"finalists": 10}),
        (["--workers", "3"], {"workers": 3}),
        (["--workers", "auto"], {"workers": None}),
        (["--max-parameters", "1"], {"max_parameters": 1}),
        (["--max-parameters", "500k"], {"max_parameters": 500_000}),
        (["--max-parameters", "1.5M"], {"max_parameters": 1_500_000}),
        (["--max-parameters", "0.3k"], {"max_parameters": 300}),
        (["--max-parameters", "2G"], {"max_parameters": 2 * 10**9}),
        (["--max-parameters", "2b"], {"max_parameters": 2 * 10**9}),
        (["--trial-timeout", "90s"], {"trial_timeout": 90.0}),
        (["--trial-timeout", "1h30m"], {"trial_timeout": 5400.0}),
        (["--max-failures", "20"], {"max_failures": 20}),
        (["--seed", "7"], {"seed": 7}),
        (["--study", "my-1.0_b"], {"study": "my-1.0_b"}),
        (["--storage", "postgresql://me@host/db"], {"storage": "postgresql://me@host/db"}),
        (["--callback", "a.b:c", "--callback", "d:E"], {"callback": ("a.b:c", "d:E")}),
        (["--tensorboard"], {"tensorboard": True}),
        (["--heartbeat", "60"], {"heartbeat": 60}),
        (["--out", "/tmp/somewhere"], {"out": Path("/tmp/somewhere")}),
        (["--budget", "1h30m"], {"budget": Budget(seconds=5400)}),
        (["--budget", "0"], {"budget": Budget(trials=0)}),
        (["--explain"], {"explain": True}),
    ],
)
def test_each_option_is_read(words: list[str], changed: dict[str, object]) -> None:
    assert options(*words) == replace(DEFAULTS, **changed)  # type: ignore[arg-type]


def test_a_plan_that_is_only_shown_needs_no_budget() -> None:
    assert parse(["--explain"]).budget == Budget(trials=0)


MOST_WORKERS = 8 * cores()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--budget", "-1", "--budget is '-1'"),
        ("--budget", "5x", "--budget is '5x'"),
        ("--budget", "", "--budget is ''"),
        ("--data", "", "--data is empty"),
        ("--data", " ", "--data is empty"),
        ("--format", "csv", "argument --format: invalid choice: 'csv'"),
        ("--rows", "0", "'0' is not a whole number of 1 or more"),
        ("--rows", "-5", "'-5' is not a whole number of 1 or more"),
        ("--rows", "1e3", "'1e3' is not a whole number of 1 or more"),
        ("--rows", "٣", "is not a whole number of 1 or more"),
        ("--split", "random", "argument --split: invalid choice: 'random'"),
        ("--vocabulary", "both", "argument --vocabulary: invalid choice: 'both'"),
        ("--sampler", "best", "--sampler 'best' is not known; known are tpe"),
        ("--sampler", "no.such:Sampler", "--sampler 'no.such:Sampler' cannot be imported"),
        ("--sampler", "optuna.samplers:Nothing", "cannot be imported"),
        ("--sampler", "fractions:Fraction", "is no optuna.samplers.BaseSampler"),
        ("--pruner", "asha2", "--pruner 'asha2' is not known; known are median"),
        ("--objective", "accuracy", "--objective 'accuracy' is not known; known are val_accuracy"),
        ("--objective", "", "--objective '' is not known"),
        ("--baselines", "model9", "--baselines 'model9' is not known; known are model1"),
        ("--baselines", "", "--baselines '' is not known"),
        ("--baselines", "linear,,regex", "--baselines '' is not known"),
        ("--baselines", "linear,all", "--baselines 'all' is not known"),
        ("--padding", "none", "argument --padding: invalid choice: 'none'"),
        ("--repeats", "0", "'0' is not a whole number of 1 or more"),
        ("--repeats", "101", "--repeats is '101', but must be a number from 1 to 100"),
        ("--ensemble", "1", "--ensemble is '1', but must be 0 or a number from 2 to 100"),
        ("--ensemble", "101", "--ensemble is '101', but must be 0 or a number from 2 to 100"),
        ("--ensemble", "-2", "'-2' is not a whole number from 0"),
        ("--finalists", "1", "--finalists is '1', but must be 0 or a number from 2 to 100"),
        ("--finalists", "11", "are a part of --budget 20; at most half of its trials can be"),
        ("--epochs", "0", "--epochs is '0', but must be auto or a whole number of 1 or more"),
        ("--epochs", "1.5", "--epochs is '1.5', but must be auto or a whole number"),
        (
            "--workers",
            "0",
            f"--workers is '0', but must be auto or a number from 1 to {MOST_WORKERS}",
        ),
        ("--workers", str(MOST_WORKERS + 1), "--workers is "),
        ("--workers", "-2", "--workers is '-2'"),
        ("--workers", "many", "--workers is 'many'"),
        ("--max-parameters", "", "--max-parameters is ''"),
        ("--max-parameters", "0", "--max-parameters is '0', but must be a whole number of 1"),
        ("--max-parameters", "0k", "--max-parameters is '0k'"),
        ("--max-parameters", "1.5", "--max-parameters is '1.5'"),
        ("--max-parameters", "-5", "--max-parameters is '-5'"),
        ("--max-parameters", "1e6", "--max-parameters is '1e6'"),
        ("--max-parameters", "5kk", "--max-parameters is '5kk'"),
        ("--max-parameters", "٣", "--max-parameters is '٣'"),
        ("--max-parameters", "9" * 13, "--max-parameters is "),
        ("--trial-timeout", "", "--trial-timeout is '', but must be a time (90s, 10m, 1h30m)"),
        ("--trial-timeout", "600", "--trial-timeout is '600', but must be a time"),
        ("--trial-timeout", "0s", "--trial-timeout is '0s', but must be longer"),
        ("--trial-timeout", "5x", "--trial-timeout is '5x'"),
        ("--trial-timeout", "367d", "--trial-timeout is '367d', but a year is the most"),
        ("--max-failures", "0", "'0' is not a whole number of 1 or more"),
        ("--seed", "-1", "'-1' is not a whole number from 0"),
        ("--seed", "1" * 10, "is not a whole number from 0"),
        ("--study", "", "--study is ''"),
        ("--study", "a/b", "--study is 'a/b'"),
        ("--study", "..", "--study is '..'"),
        ("--study", ".hidden", "--study is '.hidden'"),
        ("--study", "a b", "--study is 'a b'"),
        ("--study", "größe", "--study is 'größe'"),
        ("--study", "x" * 101, "--study is "),
        ("--study", "a\nb", "--study is "),
        ("--study", "baselines", "--study is 'baselines', which --out uses otherwise"),
        ("--study", "synthetic", "--study is 'synthetic', which --out uses otherwise"),
        ("--callback", "", "--callback is '', but must be MODULE:FACTORY"),
        ("--callback", "a.b", "--callback is 'a.b', but must be MODULE:FACTORY"),
        ("--callback", "a b:c", "--callback is 'a b:c', but must be MODULE:FACTORY"),
        ("--heartbeat", "0", "'0' is not a whole number of 1 or more"),
        ("--out", "", "--out is empty"),
    ],
)
def test_a_bad_value_is_one_line(
    option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        options(option, value)
    except UserError as error:
        message = f"error: {' '.join(str(error).split())}\n"  # As data.command prints it.
        assert option in message
    except SystemExit as ended:
        message = capsys.readouterr().err
        assert ended.code == 2
        assert f"argument {option}: " in message
        assert message.endswith(" (see python -m search.run --help)\n")
    else:
        raise AssertionError("it was taken")
    assert said in message
    assert message.startswith("error: ")
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    "words", [[], ["--budget"], ["--budget", "1", "--no-such"], ["--budget", "1", "file"]]
)
def test_bad_usage_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words)
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1


@settings(max_examples=50)
@given(st.text(max_size=8))
def test_any_name_of_a_study_is_a_plain_folder_or_refused(name: str) -> None:
    try:
        folder = options(f"--study={name}").folder
    except UserError:
        return
    assert folder.parent == Path("runs")
    assert folder.name == name
    assert name.isascii()


def test_the_folder_and_the_protocol() -> None:
    asked = options("--out", "o", "--epochs", "2", "--objective", "val_loss,parameters")
    assert asked.folder == Path("o/now")
    assert asked.protocol == {
        "space": "model3",
        "objective": ["val_loss", "parameters"],
        "epochs": 2,
        "batch_size": BATCH_SIZE,
        "padding": "real",
        "baseline_padding": "full",
        "seed": 0,
        "max_parameters": None,
        "trial_timeout": None,
    }
    bounded = options("--max-parameters", "1M", "--trial-timeout", "90s")
    assert bounded.protocol["max_parameters"] == 1_000_000
    assert bounded.protocol["trial_timeout"] == "1m30s"
    # Neither the way of the search nor the machine changes what a score means.
    same = options(
        "--sampler", "random", "--pruner", "none", "--workers", "2", "--budget", "5m",
        "--baselines", "none", "--repeats", "5", "--max-failures", "9",
    )  # fmt: skip
    assert same.protocol == options().protocol


def test_finalists_are_a_part_of_a_budget_of_trials() -> None:
    assert options("--finalists", "5").searched == Budget(trials=15)
    assert options().searched == Budget(trials=20)
    timed = options("--budget", "10m", "--finalists", "50")
    assert timed.searched == timed.budget


@pytest.mark.parametrize("names", ["val_accuracy,parameters", "parameters", "latency_us"])
def test_finalists_are_compared_by_validation_rows_alone(names: str) -> None:
    assert options("--objective", "val_loss", "--finalists", "2").finalists == 2
    with pytest.raises(UserError, match=f"--finalists is '2', but --objective is {names}; "):
        options("--objective", names, "--finalists", "2")
