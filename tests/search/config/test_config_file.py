"""Options from a TOML file: the same names and rules, below the command line; and a run's own."""

import os
import subprocess
import sys
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest

from data.common.errors import UserError
from data.reading import IN_MEMORY
from results.study import Store
from search.config.arguments import make_config
from search.config.budget import Budget
from search.config.command_line import parse
from search.config.config_file import CONFIG, write_config
from tests.commands import ROOT


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.toml"


def test_the_names_are_those_of_the_command_line(file: Path) -> None:
    file.write_text(
        """
        budget = 20
        data = "log.csv"
        dropped-keys = ["a", "b"]
        skip-bad-rows = true
        rows = 500
        max-bytes = "4G"
        objective = ["val_loss", "parameters"]
        baselines = "linear,regex"
        workers = "auto"
        max-parameters = "500k"
        trial-timeout = "90s"
        seed = 7
        """
    )
    words = [
        "--budget", "20", "--data", "log.csv", "--dropped-keys", "a,b", "--skip-bad-rows",
        "--rows", "500", "--max-bytes", "4G", "--objective", "val_loss,parameters",
        "--baselines", "linear,regex", "--workers", "auto", "--max-parameters", "500k",
        "--trial-timeout", "90s", "--seed", "7", "--study", "s",
    ]  # fmt: skip
    assert parse(["--config", str(file), "--study", "s"]) == parse(words)


def test_files_and_labels_are_written_as_they_are_given(tmp_path: Path) -> None:
    words = ["--negative-file", "a.txt", "--positive-file", "s3://b/c.txt", "--out", str(tmp_path)]
    asked = parse(["--budget", "1", *words])
    write_config(asked)
    again = parse(["--config", str(asked.folder / CONFIG)])
    assert (again.negative_file, again.positive_file) == (str(Path("a.txt").resolve()), words[3])
    asked = parse(["--budget", "1", "--positive", '"a, b",c', "--out", str(tmp_path)])
    write_config(asked)
    assert parse(["--config", str(asked.folder / CONFIG)]) == asked


def test_several_labels_are_a_list_too(file: Path) -> None:
    file.write_text('budget = 1\nstudy = "s"\npositive = ["a, b", "c"]\nbaselines = []\n')
    words = ["--budget", "1", "--study", "s", "--positive", '"a, b",c', "--baselines", "none"]
    assert parse(["--config", str(file)]) == parse(words)


def test_data_of_a_program_have_to_be_given_again(tmp_path: Path) -> None:
    asked = make_config({"budget": 1, "data": IN_MEMORY, "out": tmp_path})
    write_config(asked)
    with pytest.raises(UserError, match=r"the data came from a program.* give --data"):
        parse(["--config", str(asked.folder / CONFIG)])
    again = parse(["--config", str(asked.folder / CONFIG), "--data", "log.csv"])
    assert again == replace(asked, data="log.csv")


def test_the_command_line_goes_before_the_file(file: Path) -> None:
    file.write_text('budget = "10m"\nrows = 500\nskip-bad-rows = true\nobjective = "val_loss"\n')
    read = parse(["--rows", "600", "--config", str(file), "--no-skip-bad-rows"])
    assert read.budget == Budget(seconds=600)
    assert (read.rows, read.skip_bad_rows) == (600, False)
    assert read.objective == ("val_loss",)
    # The default's own value counts where it is given.
    assert parse(["--config", str(file), "--objective", "val_accuracy"]).objective == (
        "val_accuracy",
    )
    # And so a bad value of the file is of no account.
    file.write_text('budget = "much"\n')
    assert parse(["--config", str(file), "--budget", "3"]).budget == Budget(trials=3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bugdet = 20", "'bugdet' is not an option; did you mean budget?"),
        ("max_bytes = 20", "'max_bytes' is not an option; did you mean max-bytes?"),
        ("xyzzy = 1", "'xyzzy' is not an option of a search (see --help)"),
        ("config = 'a'", "'config' is not an option"),
        ("explain = true", "'explain' is not an option"),
        ("[search]\nbudget = 20", "[search] is a section; write options without sections"),
        ("[data]\nrows = 20", "[data] is a section; write options without sections"),
        ("budget = 20.5", "budget is 20.5, but must be a whole number, or a text"),
        ("budget = true", "budget is True, but must be a whole number, or a text"),
        ("budget = '5x'", "--budget: '5x' is not a number of trials"),
        ("rows = 1.5", "rows is 1.5, but must be a whole number"),
        ("rows = 0", "--rows: '0' is not a whole number of 1 or more"),
        ("rows = -5", "--rows: '-5' is not a whole number of 1 or more"),
        ("data = 5", "data is 5, but must be a text"),
        ("data = ['a']", "data is ['a'], but must be a text"),
        ("data = ''", "--data: is empty"),
        ("skip-bad-rows = 'yes'", "skip-bad-rows is 'yes', but must be true or false"),
        ("skip-bad-rows = 1", "skip-bad-rows is 1, but must be true or false"),
        ("objective = [1]", "objective is [1], but must be a text, or a list of texts"),
        ("objective = 'speed'", "--objective: 'speed' is not known"),
        ("split = 'random'", "--split: invalid choice: 'random'"),
        ("sampler = 'best'", "--sampler 'best' is not known"),
        ("seed = 2026-01-01", "seed is datetime.date(2026, 1, 1), but must be a whole number"),
        ("budget 20", "cannot be read as TOML (Expected '='"),
        ("rows = 1\nrows = 2", "cannot be read as TOML (Cannot overwrite a value"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_key(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(UserError) as error:
        parse(["--config", str(file)] + ([] if "budget" in text else ["--budget", "1"]))
    assert said in str(error.value)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    for name, why in (("none.toml", "No such file"), (".", "Is a directory"), ("binary.toml", "")):
        with pytest.raises(UserError, match=r"--config: .* cannot be read as TOML") as error:
            parse(["--budget", "1", "--config", str(tmp_path / name)])
        assert why in str(error.value)


def test_an_error_blames_the_file_only_if_it_is_the_files(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("budget = 20\nseed = 5\n")
    with pytest.raises(SystemExit):
        parse(["--config", str(file), "--workers", "many"])
    assert capsys.readouterr().err.startswith("error: argument --workers: 'many' is not auto or ")
    with pytest.raises(UserError, match=r"^--finalists is '20'"):
        parse(["--config", str(file), "--finalists", "20"])
    file.write_text("finalists = 20\n")
    with pytest.raises(UserError, match=rf"^{file}: --finalists is '20'"):
        parse(["--config", str(file), "--budget", "20"])


def test_a_written_file_gives_the_same_options_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / 'the "re"'
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    words = ["--budget", "1h30m", "--data", "log.csv", "--skip-bad-rows", "--pruner"]
    asked = parse([*words, "none", "--rows", "500", "--max-bytes", "4G"])
    write_config(replace(asked, workers=3))
    (asked.folder / CONFIG).rename(there / CONFIG)
    monkeypatch.chdir(there)
    again = parse(["--config", CONFIG])
    changed = {
        field.name: getattr(again, field.name)
        for field in fields(asked)
        if field.compare and getattr(again, field.name) != getattr(asked, field.name)
    }
    assert changed == {"data": str(here / "log.csv"), "out": here / "runs", "workers": 3}
    # What is left out is what is not set.
    text = tomllib.loads(Path(CONFIG).read_text())
    assert "storage" not in text and "explain" not in text
    assert (text["pruner"], text["study"]) == ("none", asked.study)


def test_a_file_of_an_earlier_version_gives_the_same_options(file: Path) -> None:
    file.write_text(
        """
        budget = "20"
        dropped-keys = "timestamp,headers"
        skip-bad-rows = false
        max-bytes = 17179869184
        objective = "val_loss,parameters"
        epochs = "3"
        max-parameters = "500k"
        trial-timeout = "90s"
        baselines = "none"
        refit = false
        ensemble = 0
        workers = 1
        callback = ["a.b:c"]
        study = "s"
        out = "runs"
        """
    )
    words = [
        "--budget", "20", "--dropped-keys", "timestamp,headers", "--objective",
        "val_loss,parameters", "--epochs", "3", "--max-parameters", "500k", "--trial-timeout",
        "90s", "--baselines", "none", "--no-refit", "--workers", "1", "--callback", "a.b:c",
        "--study", "s",
    ]  # fmt: skip
    assert parse(["--config", str(file)]) == parse(words)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:pass-word@host/db",
        "postgresql://me@host/db?password=pass-word",
        "postgresql://me:two pass-words@host/db",
    ],
)
def test_a_password_is_not_written_and_has_to_be_given_again(tmp_path: Path, url: str) -> None:
    asked = parse(["--budget", "1", "--study", "s", "--out", str(tmp_path), "--storage", url])
    assert "pass-word" not in repr(asked)
    write_config(asked)
    path = asked.folder / CONFIG
    assert "pass-word" not in path.read_text()
    assert "give that option on the command line again" in path.read_text()
    with pytest.raises(UserError, match="password of storage was left out; give --storage again"):
        parse(["--config", str(path)])
    assert parse(["--config", str(path), "--storage", url]).storage == url


def test_a_database_without_a_password_is_kept(tmp_path: Path) -> None:
    url = "postgresql://me@host/db"
    asked = parse(["--budget", "1", "--study", "s", "--out", str(tmp_path), "--storage", url])
    write_config(asked)
    assert parse(["--config", str(asked.folder / CONFIG)]).storage == url
    assert "***" not in (asked.folder / CONFIG).read_text()


def test_a_password_that_stands_in_optunas_variable_need_not_be_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTUNA_STORAGE", "postgresql://me:pass-word@host/db")
    asked = parse(["--budget", "1", "--study", "s", "--out", str(tmp_path)])
    write_config(asked)
    path = asked.folder / CONFIG
    assert "pass-word" not in path.read_text() and "***" not in path.read_text()
    assert parse(["--config", str(path)]).storage == asked.storage


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_is_repeated_from_its_own_file(tmp_path: Path) -> None:
    def run(folder: Path, *words: str) -> None:
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-m", "search.run", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    run(
        tmp_path / "here", "--rows", "700", "--budget", "2", "--epochs", "1", "--seed", "5",
        "--space", "tests.search.small:Small", "--baselines", "none", "--study", "first",
        "--workers", "1", "--split", "shuffled",
    )  # fmt: skip
    runs = tmp_path / "here" / "runs"
    run(tmp_path / "there", "--config", str(runs / "first" / CONFIG), "--study", "again")
    assert not (tmp_path / "there" / "runs").exists()
    first, again = (Store.open(runs / name) for name in ("first", "again"))
    found = [[result.hyperparameters for result in run.trials()] for run in (first, again)]
    assert found[0] == found[1] and len(found[0]) == 2
    assert first.protocol == again.protocol
    # The log has been generated relative to the folder once, and by its whole path then.
    assert {**first.data, "source": ""} == {**again.data, "source": ""}
    splits = [(run.folder / "data" / "split.npz").read_bytes() for run in (first, again)]
    assert splits[0] == splits[1]
