"""The objectives as the command line names them."""

import pytest

from data.common.errors import UserError
from results.study import OBJECTIVES
from search.config.objectives import parse


def test_one_and_several_are_read_in_their_order() -> None:
    assert parse("val_accuracy") == (OBJECTIVES["val_accuracy"],)
    assert parse(" parameters, val_accuracy") == (
        OBJECTIVES["parameters"],
        OBJECTIVES["val_accuracy"],
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
