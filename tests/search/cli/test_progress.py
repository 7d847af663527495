"""What a search tells its user while it runs."""

import logging

import optuna
import pytest
from rich.console import Console

from results.study import RESULT, RETRY_OF, Result
from search.cli.progress import View
from search.config.budget import Budget
from search.workers.messages import Progress

OBJECTIVE = "val_accuracy"


@pytest.fixture
def study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(direction="maximize")


def end(study: optuna.Study, value: float | None) -> None:
    trial = study.ask()
    if value is None:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    else:
        study.tell(trial, value)


def test_announces_each_trial_once(study: optuna.Study, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    end(study, 0.25)
    with View(study, Budget(trials=5), OBJECTIVE) as view:
        end(study, 0.75)
        end(study, None)
        study.ask()
        view.refresh()
        view.refresh()
    lines = [record.getMessage() for record in caplog.records]
    assert [line.partition(" ")[0] + line[6:7] for line in lines] == ["trial1", "trial2"]
    assert "2 complete, 1 running, 1 pruned, 0 failed" in lines[-1]
    assert "best val_accuracy 0.7500 (trial 1)" in lines[-1]
    assert "2 of 5 left, about " in lines[-1]


def test_a_trial_put_back_is_not_told_of(
    study: optuna.Study, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with View(study, Budget(trials=3), OBJECTIVE):
        study.enqueue_trial({}, user_attrs={RETRY_OF: 1})
        replacement, lost = study.ask(), study.ask()
        study.tell(lost, state=optuna.trial.TrialState.FAIL)
        study.tell(replacement, 0.5)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("trial 0 ")
    assert "1 complete, 0 running, 0 pruned, 0 failed" in line


def test_a_time_budget_counts_down(study: optuna.Study) -> None:
    with View(study, Budget(seconds=3600), OBJECTIVE) as view:
        text = view.summary(study.trials)
    assert "59:" in text or "1:00:00 left" in text


def test_the_panel_shows_each_busy_worker(study: optuna.Study) -> None:
    view = View(study, Budget(trials=3), OBJECTIVE)
    view.progress(1, Progress("trial 4", 1.25, 0.5))
    view.progress(2, Progress("trial 5", 0.25, None))
    view.progress(2, Progress("trial 5", 0.5, 0.625))
    view.progress(3, Progress("trial 6", 0.5, 0.1))
    view.idle(3)
    console = Console(width=80, record=True, file=None)
    with console.capture() as capture:
        console.print(view.panel(study.trials))
    lines = capture.get().splitlines()
    assert lines[0].startswith("0 complete, 0 running")
    assert lines[2].split() == ["1", "trial", "4", "1.25", "0.5000"]
    assert lines[3].split() == ["2", "trial", "5", "0.50", "0.6250"]
    assert len(lines) == 4


def test_a_model_too_large_is_summed_up_as_the_failure_it_is(study: optuna.Study) -> None:
    end(study, None)
    trial = study.ask()
    result = Result(f"trial {trial.number}", "trial", "failed", "too large", trial.number)
    trial.set_user_attr(RESULT, result.to_json())
    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    view = View(study, Budget(trials=2), OBJECTIVE)
    assert view.summary(study.trials) == "0 complete, 0 running, 1 pruned, 1 failed"
