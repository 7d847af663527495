"""What a study's values are of: the first to open it says so, and it is kept beside them."""

import optuna
import pytest

from results.trials import agreed_objectives, show_objectives


def test_who_opens_a_study_first_decides_what_its_values_are_of() -> None:
    study = optuna.create_study()
    assert agreed_objectives(study, ["val_loss"]) == ["val_loss"]
    assert agreed_objectives(study, ["loss"]) == ["val_loss"]
    assert study.metric_names is None


@pytest.mark.parametrize(("given", "shown"), [(None, ["loss"]), (["cost"], ["cost"])])
def test_the_names_that_a_user_gave_his_study_stay(
    given: list[str] | None, shown: list[str]
) -> None:
    study = optuna.create_study()
    if given is not None:
        show_objectives(study, given)
    show_objectives(study, ["loss"])
    assert study.metric_names == shown
    assert agreed_objectives(study, ["val_loss"]) == ["val_loss"]
