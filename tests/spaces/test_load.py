"""Finding a space by name: the project's own, the user's, and every way to get it wrong."""

import sys
from collections.abc import Iterator
from pathlib import Path

import keras_tuner
import pytest

from data.common.errors import UserError
from spaces import Model3, load_space

MODULE = """
import keras_tuner


class Plain(keras_tuner.HyperModel):
    def build(self, hp):
        return None


class Sized(Plain):
    def __init__(self, num_words, epochs=7):
        super().__init__()
        self.num_words, self.epochs = num_words, epochs


class Demanding(Plain):
    def __init__(self, num_words, depth, width):
        super().__init__()


class Anything(Plain):
    def __init__(self, *layers, **options):
        super().__init__()
        self.options = options


class Failing(Plain):
    def __init__(self):
        raise TypeError("my own mistake")


def factory(num_words):
    return Sized(num_words)


def wrong_factory():
    return 5


ready = Sized(11)
number = 5
"""


@pytest.fixture
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a folder with the user's modules, as `python -m search.run` would."""
    (tmp_path / "user_space.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "user_package").mkdir()
    (tmp_path / "user_package" / "inner.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


def _refused(spec: str) -> str:
    with pytest.raises(UserError) as caught:
        load_space(spec, 63)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("--space")
    assert spec in message
    return message


def test_model3_is_the_projects_own() -> None:
    space = load_space("model3", 63)
    assert isinstance(space, Model3)
    assert (space.num_words, space.rows, space.epochs) == (63, 15_059, 3)


def test_model3_learns_how_long_the_training_is() -> None:
    space = load_space("model3", 63, rows=1_000, epochs=5)
    assert (space.num_words, space.rows, space.epochs) == (63, 1_000, 5)


@pytest.mark.usefixtures("user_folder")
def test_a_class_is_called_with_what_it_takes() -> None:
    space = load_space("user_space:Sized", 63, rows=1_000, epochs=5)
    assert isinstance(space, keras_tuner.HyperModel)
    assert (space.num_words, space.epochs) == (63, 5)
    assert load_space("user_space:Sized", 63).epochs == 7
    assert isinstance(load_space("user_space:Plain", 63), keras_tuner.HyperModel)


@pytest.mark.usefixtures("user_folder")
def test_a_factory_and_a_ready_hypermodel_are_taken_too() -> None:
    assert load_space("user_space:factory", 63).num_words == 63
    assert load_space("user_space:ready", 63).num_words == 11
    assert load_space("user_space:Anything", 63).options == {}


@pytest.mark.usefixtures("user_folder")
def test_a_module_in_a_package() -> None:
    assert load_space("user_package.inner:Sized", 63).num_words == 63


@pytest.mark.usefixtures("user_folder")
@pytest.mark.parametrize(
    ("spec", "message"),
    [
        *(
            (spec, "open-conv-recurrent, open-recurrent or PACKAGE.MODULE:CLASS")
            for spec in ("modle3", "user_space", ":Plain", "user_space:", "")
        ),
        ("nowhere:Plain", "no module nowhere in"),
        ("user_package.nowhere:Plain", "no module user_package.nowhere in"),
        ("nowhere.inner:Plain", "no module nowhere in"),
        ("user_space:Missing", "module user_space has no Missing"),
        ("user_space:number", "number of type int"),
        ("user_space:wrong_factory", "gave an object of type int"),
        ("collections:OrderedDict", "class OrderedDict"),
        # Refused, and not called.
        ("builtins:breakpoint", "built-in function"),
        ("builtins:print", "built-in function"),
        ("user_space:Demanding", "the arguments depth, width, but only num_words can be given"),
    ],
)
def test_a_spec_that_cannot_be_used(spec: str, message: str) -> None:
    assert message in _refused(spec)


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("import a_package_that_is_missing", "No module named 'a_package_that_is_missing'"),
        ("from json import no_such_name", "cannot import name 'no_such_name' from 'json'"),
        ("raise ImportError('needs\\nversion 3')", "needs version 3"),
        ("def broken(:\n    pass", "broken_space.py, line 1"),
        ("one = 1\nother = one / 0", "division by zero (broken_space.py, line 2)"),
    ],
)
def test_an_error_inside_the_users_module_keeps_its_message(
    user_folder: Path, source: str, kept: str
) -> None:
    (user_folder / "broken_space.py").write_text(source, encoding="utf-8")
    message = _refused("broken_space:Plain")
    assert "importing broken_space failed" in message
    assert kept in message


@pytest.mark.usefixtures("user_folder")
def test_a_mistake_inside_the_users_constructor_keeps_its_traceback() -> None:
    with pytest.raises(TypeError, match="my own mistake"):
        load_space("user_space:Failing", 63)
