"""The command line of a search: every default, and one line for every value it cannot have."""

import pickle
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from data.common import count_cores, declared
from data.common.errors import UserError
from results.study import HEARTBEAT_SECONDS, JOURNAL, STORAGE_NOTE
from search.config import Budget, RunConfig, parse
from search.config.command_line import make_parser
from spaces import BASELINE_NAMES

DEFAULTS = RunConfig(budget=Budget(trials=20), study="now")


def options(*words: str) -> RunConfig:
    return parse(["--budget", "20", "--study", "now", *words])


def test_the_defaults() -> None:
    assert options() == DEFAULTS
    assert options().heartbeat == HEARTBEAT_SECONDS
    assert (DEFAULTS.pruner, DEFAULTS.max_bytes, DEFAULTS.seed) == ("median", 2**34, 0)


def test_epochs_and_workers_are_settled_by_the_log_and_the_machine_unless_given() -> None:
    found = options().settled(1_500)
    assert found.epochs == 30
    assert 1 <= found.workers <= count_cores() and found.workers * found.threads <= count_cores()
    given = options("--epochs", "2", "--workers", "3").settled(1_500)
    assert (given.epochs, given.workers) == (2, 3)
    assert given.settled(9) == given


def test_optunas_variable_is_the_default_of_the_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTUNA_STORAGE", "sqlite:///optuna.db")
    words = ["--out", str(tmp_path)]
    assert options(*words).storage == "sqlite:///optuna.db"
    assert options(*words, "--storage", "sqlite:///own.db").storage == "sqlite:///own.db"
    monkeypatch.setenv("OPTUNA_STORAGE", "")
    assert options(*words).storage is None


@pytest.mark.parametrize("begun", [JOURNAL, STORAGE_NOTE])
def test_a_run_goes_on_where_it_was_begun_whatever_optunas_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: str
) -> None:
    monkeypatch.setenv("OPTUNA_STORAGE", "sqlite:///optuna.db")
    config = options("--out", str(tmp_path))
    config.folder.mkdir()
    (config.folder / begun).touch()
    assert options("--out", str(tmp_path)).storage is None


def test_it_goes_to_a_worker_as_it_is() -> None:
    config = options("--objective", "val_auc,parameters", "--storage", "postgresql://me:pw@h/db")
    assert pickle.loads(pickle.dumps(config)) == config
    assert "pw" not in repr(config)


def test_each_option_is_told_of_once_in_the_order_of_the_fields() -> None:
    shown = make_parser().format_help()
    found = [item.key for item in declared(RunConfig)]
    assert len(found) > 30
    assert re.findall(r"^  --([a-z-]+)", shown, re.M)[1:] == found


def test_kerastuners_hyperband_prunes_by_itself() -> None:
    words = ["--budget", "1", "--sampler", "kt-hyperband"]
    assert parse(words).pruner == "none"
    assert parse([*words, "--pruner", "median"]).pruner == "median"


def test_a_study_without_a_name_is_called_by_the_time_and_the_process() -> None:
    names = {parse(["--budget", "1"]).study for _ in range(9)}
    assert len(names) == 9
    assert all(re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}", name) for name in names)


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (["--data", "log.csv.xz"], {"data": "log.csv.xz"}),
        (["--data", "-"], {"data": "-"}),
        (["--format", "jsonl"], {"format": "jsonl"}),
        (
            ["--text-column", "Query", "--label-column", "3"],
            {"text_column": ("Query",), "label_column": "3"},
        ),
        (["--text-column", 'method, 3,"a, b"'], {"text_column": ("method", "3", "a, b")}),
        (["--positive", "spam, phishing"], {"positive": ("spam", "phishing")}),
        (["--positive", '"a, b",c'], {"positive": ("a, b", "c")}),
        (["--negative", "benign"], {"negative": ("benign",)}),
        (
            ["--negative-file", "good.txt", "--positive-file", "bad.txt"],
            {"negative_file": "good.txt", "positive_file": "bad.txt", "split": "shuffled"},
        ),
        (
            ["--negative-file", "g", "--positive-file", "b", "--split", "stratified"],
            {"negative_file": "g", "positive_file": "b", "split": "stratified"},
        ),
        (["--dropped-keys", "a,b"], {"dropped_keys": ("a", "b")}),
        (["--dropped-keys", ""], {"dropped_keys": ()}),
        (["--skip-bad-rows"], {"skip_bad_rows": True}),
        (["--skip-bad-rows", "--no-skip-bad-rows"], {"skip_bad_rows": False}),
        (["--rows", "500"], {"rows": 500}),
        (["--max-bytes", "4G"], {"max_bytes": 4 * 2**30}),
        (["--split", "shuffled"], {"split": "shuffled"}),
        (["--split", "stratified"], {"split": "stratified"}),
        (["--split", "group", "--group-column", "ip"], {"split": "group", "group_column": "ip"}),
        (["--drop-duplicates"], {"drop_duplicates": True}),
        (["--vocabulary", "all"], {"vocabulary": "all"}),
        (["--space", "my.module:Space"], {"space": "my.module:Space"}),
        (["--sampler", "random"], {"sampler": "random"}),
        (["--sampler", "kt-random"], {"sampler": "kt-random", "workers": 1}),
        (
            ["--sampler", "optuna.samplers:RandomSampler"],
            {"sampler": "optuna.samplers:RandomSampler"},
        ),
        (["--pruner", "none"], {"pruner": "none"}),
        (["--objective", "val_loss,parameters"], {"objective": ("val_loss", "parameters")}),
        (["--baselines", "all"], {"baselines": BASELINE_NAMES}),
        (["--baselines", "none"], {"baselines": ()}),
        # In the table's order, whatever the order here, and each once.
        (["--baselines", "linear, model1,linear"], {"baselines": ("model1", "linear")}),
        (["--padding", "real"], {"padding": "real"}),
        (["--epochs", "10"], {"epochs": 10}),
        (["--epochs", "auto"], {}),
        (["--repeats", "5"], {"repeats": 5}),
        (["--no-refit"], {"refit": False}),
        (["--ensemble", "5"], {"ensemble": 5}),
        (["--ensemble", "0"], {"ensemble": 0}),
        (["--finalists", "10"], {"finalists": 10}),
        (["--workers", "3"], {"workers": 3}),
        (["--workers", "auto"], {}),
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


MOST_WORKERS = 8 * count_cores()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--budget", "-1", "'-1' is not a number of trials (20) or a time (90s, 10m, 1h30m)"),
        ("--budget", "5x", "'5x' is not a number of trials (20) or a time (90s, 10m, 1h30m)"),
        ("--budget", "", "'' is not a number of trials (20) or a time (90s, 10m, 1h30m)"),
        ("--data", "", "argument --data: is empty; give"),
        ("--data", " ", "argument --data: is empty; give"),
        ("--positive", ",", "argument --positive: ',' is not a list of names such as one,two"),
        ("--text-column", "", "argument --text-column: '' is not a list of names such as one,two"),
        ("--format", "csv", "argument --format: invalid choice: 'csv'"),
        ("--rows", "0", "'0' is not a whole number of 1 or more"),
        ("--rows", "-5", "'-5' is not a whole number of 1 or more"),
        ("--rows", "1e3", "'1e3' is not a whole number of 1 or more"),
        ("--rows", "٣", "is not a whole number of 1 or more"),
        ("--split", "random", "argument --split: invalid choice: 'random'"),
        ("--vocabulary", "both", "argument --vocabulary: invalid choice: 'both'"),
        ("--sampler", "best", "--sampler 'best' is not known; known are tpe"),
        ("--sampler", "no.such:Sampler", "--sampler 'no.such:Sampler': no module no in "),
        ("--sampler", "optuna.samplers:Nothing", "module optuna.samplers has no Nothing"),
        ("--sampler", "fractions:Fraction", "is not an optuna.samplers.BaseSampler"),
        ("--pruner", "asha2", "--pruner 'asha2' is not known; known are median"),
        ("--objective", "accuracy", "'accuracy' is not known; known are val_accuracy"),
        ("--objective", "", "'' is not known"),
        ("--baselines", "model9", "'model9' is not known; known are model1"),
        ("--baselines", "", "'' is not known"),
        ("--baselines", "linear,,regex", "'' is not known"),
        ("--baselines", "linear,all", "'all' is not known"),
        ("--padding", "none", "argument --padding: invalid choice: 'none'"),
        ("--repeats", "0", "'0' is not a whole number from 1 to 100"),
        ("--repeats", "101", "'101' is not a whole number from 1 to 100"),
        ("--ensemble", "1", "'1' is not 0 or a whole number from 2 to 100"),
        ("--ensemble", "101", "'101' is not 0 or a whole number from 2 to 100"),
        ("--ensemble", "-2", "'-2' is not 0 or a whole number"),
        ("--finalists", "1", "'1' is not 0 or a whole number from 2 to 100"),
        ("--finalists", "11", "are a part of --budget 20; at most half of its trials can be"),
        ("--epochs", "0", "'0' is not auto or a whole number of 1 or more"),
        ("--epochs", "1.5", "'1.5' is not auto or a whole number"),
        ("--workers", "0", f"'0' is not auto or a whole number from 1 to {MOST_WORKERS}"),
        ("--workers", str(MOST_WORKERS + 1), "is not auto or a whole number"),
        ("--workers", "-2", "'-2' is not auto or"),
        ("--workers", "many", "'many' is not auto or"),
        ("--max-parameters", "", "'' is not a whole number of 1"),
        ("--max-parameters", "0", "'0' is not a whole number of 1 or more, e.g. 500000"),
        ("--max-parameters", "0k", "'0k' is not a whole number of 1"),
        ("--max-parameters", "1.5", "'1.5' is not a whole number of 1"),
        ("--max-parameters", "-5", "'-5' is not a whole number of 1"),
        ("--max-parameters", "1e6", "'1e6' is not a whole number of 1"),
        ("--max-parameters", "5kk", "'5kk' is not a whole number of 1"),
        ("--max-parameters", "٣", "'٣' is not a whole number of 1"),
        ("--max-parameters", "9" * 13, "is not a whole number of 1"),
        ("--trial-timeout", "", "'' is not a time (90s, 10m, 1h30m)"),
        ("--trial-timeout", "600", "'600' is not a time"),
        ("--trial-timeout", "0s", "'0s' must be longer"),
        ("--trial-timeout", "5x", "'5x' is not a time"),
        ("--trial-timeout", "367d", "'367d' is too long; a year is the most"),
        ("--max-failures", "0", "'0' is not a whole number of 1 or more"),
        ("--seed", "-1", "'-1' is not a whole number from 0"),
        ("--seed", "1" * 10, "is not a whole number from 0"),
        ("--study", "", "'' is not a folder's name"),
        ("--study", "a/b", "'a/b' is not a folder's name"),
        ("--study", "..", "'..' is not a folder's name"),
        ("--study", ".hidden", "'.hidden' is not a folder's name"),
        ("--study", "a b", "'a b' is not a folder's name"),
        ("--study", "größe", "'größe' is not a folder's name"),
        ("--study", "x" * 101, "is not a folder's name"),
        ("--study", "a\nb", "is not a folder's name"),
        ("--study", "baselines", "'baselines' is what --out uses otherwise"),
        ("--study", "synthetic", "'synthetic' is what --out uses otherwise"),
        ("--callback", "", "'' is not MODULE:NAME"),
        ("--callback", "a.b", "'a.b' is not MODULE:NAME"),
        ("--callback", "a b:c", "'a b:c' is not MODULE:NAME"),
        ("--study", "--", "'--' is no"),
        ("--callback", "--", "'--' is no"),
        ("--heartbeat", "0", "'0' is not a whole number of 1 or more"),
        ("--out", "", "argument --out: is empty"),
    ],
)
def test_a_bad_value_is_one_line(
    option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        options(f"{option}={value}")
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


def test_finalists_are_explained_without_a_budget() -> None:
    assert parse(["--explain", "--finalists", "2"]).finalists == 2


def test_a_budget_of_zero_leaves_no_trial_to_finalists() -> None:
    assert parse(["--budget", "0", "--finalists", "2"]).search_budget.is_empty


def test_a_folder_that_cannot_be_looked_into_is_left_to_who_makes_it() -> None:
    assert parse(["--budget", "1", "--out", "x" * 300]).storage is None


@pytest.mark.parametrize("sampler", ["cmaes", "kt-random", "kt-bayesian", "kt-hyperband"])
def test_a_sampler_of_one_objective_is_refused_several(sampler: str) -> None:
    with pytest.raises(UserError, match=f"but --sampler {sampler} takes one alone; use tpe, "):
        options("--sampler", sampler, "--objective", "val_accuracy,parameters")


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


@pytest.mark.parametrize("option", ["--data", "--negative-file", "--positive-file"])
def test_a_second_log_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options(option, "good.txt", option, "bad.txt")
    assert ended.value.code == 2
    message = f"error: argument {option}: is given twice, as good.txt and bad.txt; give one file"
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--negative-file", "good.txt"],
            "--negative-file is 'good.txt', but --positive-file is missing; give both",
        ),
        (["--positive-file", "bad.txt"], "but --negative-file is missing; give both"),
        *(
            (
                ["--negative-file", "g", "--positive-file", "b", option, "text"],
                f"{option} is .*, but --negative-file and --positive-file hold texts of one class",
            )
            for option in (
                *("--data", "--format", "--text-column", "--label-column", "--positive"),
                "--negative",
            )
        ),
    ],
)
def test_files_of_one_class_come_in_twos(words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        options(*words)


@settings(max_examples=50)
@given(st.text(max_size=8))
def test_any_name_of_a_study_is_a_plain_folder_or_refused(name: str) -> None:
    try:
        folder = options(f"--study={name}").folder
    except SystemExit:
        return
    assert folder.parent == Path("runs").resolve()
    assert folder.name == name
    assert name.isascii()


def test_the_folder_and_the_protocol() -> None:
    asked = options("--out", "o", "--epochs", "2", "--objective", "val_loss,parameters")
    assert asked.folder == Path("o/now").resolve()
    assert asked.protocol == {
        "space": "model3",
        "objective": ["val_loss", "parameters"],
        "epochs": 2,
        "batch_size": 128,
        "padding": "real",
        "baseline_padding": "full",
        "seed": 0,
        "max_parameters": None,
        "trial_timeout": None,
    }
    bounded = options("--max-parameters", "1M", "--trial-timeout", "90s")
    assert bounded.protocol["max_parameters"] == 1_000_000
    assert bounded.protocol["trial_timeout"] == "1m30s"
    # A search for speed does not go on with times that were measured in Keras.
    assert options("--objective", "val_loss,latency_us").protocol["latency"] == "ONNX Runtime"
    # Neither the way of the search nor the machine changes what a score means.
    same = options(
        "--sampler", "random", "--pruner", "none", "--workers", "2", "--budget", "5m",
        "--baselines", "none", "--repeats", "5", "--max-failures", "9",
    )  # fmt: skip
    assert same.protocol == options().protocol


def test_finalists_are_a_part_of_a_budget_of_trials() -> None:
    assert options("--finalists", "5").search_budget == Budget(trials=15)
    assert options().search_budget == Budget(trials=20)
    timed = options("--budget", "10m", "--finalists", "50")
    assert timed.search_budget == timed.budget


@pytest.mark.parametrize("names", ["val_accuracy,parameters", "parameters", "latency_us"])
def test_finalists_are_compared_by_validation_rows_alone(names: str) -> None:
    assert options("--objective", "val_loss", "--finalists", "2").finalists == 2
    with pytest.raises(UserError, match=f"--finalists is '2', but --objective is {names}; "):
        options("--objective", names, "--finalists", "2")
