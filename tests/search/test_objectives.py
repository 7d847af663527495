"""What can be optimised: names, directions, and what a result without the figure gives."""

from dataclasses import fields

import pytest

from data.errors import UserError
from results.result import Point, Result
from search.objectives import OBJECTIVES, REPORTED, Objective, parse


def test_one_and_several_are_read_in_their_order() -> None:
    assert parse("val_accuracy") == (Objective("val_accuracy", "maximize"),)
    assert parse(" parameters, val_accuracy") == (
        Objective("parameters", "minimize"),
        Objective("val_accuracy", "maximize"),
    )


@pytest.mark.parametrize("text", ["", "accuracy", "val_accuracy,", "heldout_accuracy", "val_loss "])
def test_only_known_names_are_taken(text: str) -> None:
    if text.strip() in OBJECTIVES:
        assert parse(text) == (OBJECTIVES[text.strip()],)
        return
    with pytest.raises(UserError) as error:
        parse(text)
    assert str(error.value).startswith("--objective ")
    assert "known are val_accuracy, val_loss, " in str(error.value)
    assert "\n" not in str(error.value)


def test_one_named_twice_is_refused() -> None:
    with pytest.raises(UserError, match="names one twice"):
        parse("val_loss,parameters,val_loss")


def test_each_is_an_attribute_of_a_result_and_only_accuracy_is_to_grow() -> None:
    known = {field.name for field in fields(Result)}
    assert {name for name, item in OBJECTIVES.items() if item.direction == "maximize"} == {
        "val_accuracy"
    }
    for name, objective in OBJECTIVES.items():
        assert name == objective.name
        assert name in known
    assert set(REPORTED) <= {field.name for field in fields(Point)}


def test_the_value_is_a_float_or_unknown() -> None:
    result = Result("trial 1", "trial", "complete", parameters=1234)
    value = OBJECTIVES["parameters"].value(result)
    assert (value, type(value)) == (1234.0, float)
    assert OBJECTIVES["val_accuracy"].value(result) is None
