"""What a study's values are of: the first to open it says so, and it is kept beside them."""

import optuna

from results.study import agreed_objectives, show_objectives


def tell(study: optuna.Study) -> None:
    study.tell(study.ask(), 1.0)


def test_who_opens_a_study_first_decides_what_its_values_are_of() -> None:
    study = optuna.create_study()
    assert agreed_objectives(study, ["val_loss"]) == ["val_loss"]
    assert agreed_objectives(study, ["loss"]) == ["val_loss"]
    assert study.metric_names is None


def test_a_mistyped_name_can_be_corrected_until_there_is_a_value() -> None:
    study = optuna.create_study()
    for names in (["val_los"], ["val_loss"]):
        study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
        assert agreed_objectives(study, names, corrects=True) == names
    tell(study)
    assert agreed_objectives(study, ["loss"], corrects=True) == ["val_loss"]


def test_a_study_of_an_earlier_version_is_taken_for_what_it_is_opened_with() -> None:
    study = optuna.create_study()
    tell(study)
    assert agreed_objectives(study, ["loss"]) == ["loss"]
    assert agreed_objectives(study, ["val_loss"]) == ["loss"]


def test_the_columns_of_a_study_keep_their_names_once_it_has_values() -> None:
    study = optuna.create_study()
    for names in (["los"], ["loss"]):
        show_objectives(study, names)
        assert study.metric_names == names
    tell(study)
    show_objectives(study, ["cost"])
    assert study.metric_names == ["loss"]
