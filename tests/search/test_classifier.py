"""The search as scikit-learn's users know classifiers."""

import inspect
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks, get_tags

from data import UserError
from search import Model3Classifier
from tests.search.messages import messages

SMALL: dict[str, Any] = {
    "space": "tests.search.small:Small", "epochs": 2, "workers": 1, "pruner": "none",
    "sampler": "random",
}  # fmt: skip


def test_its_parameters_are_the_options_of_a_search() -> None:
    classifier = Model3Classifier(budget="10m", refit=False)
    assert classifier.budget == "10m"
    parameters = classifier.get_params()
    assert parameters["split"] == "stratified" and parameters["baselines"] == "linear"
    assert parameters["epochs"] == "auto" and parameters["refit"] is False
    assert not {"data", "config", "explain", "text_column", "positive"} & set(parameters)
    assert set(inspect.signature(Model3Classifier).parameters) == set(parameters)
    assert repr(classifier) == "Model3Classifier(budget='10m', refit=False)"
    with pytest.raises(TypeError, match="unexpected keyword argument 'bugdet'"):
        Model3Classifier(bugdet=3)
    with pytest.raises(ValueError, match="Invalid parameter 'bugdet'"):
        classifier.set_params(bugdet=3)


def test_it_is_a_classifier_of_texts_into_two() -> None:
    assert is_classifier(Model3Classifier())
    tags = get_tags(Model3Classifier())
    assert tags.input_tags.string and not tags.input_tags.two_d_array
    assert not tags.classifier_tags.multi_class


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_valid_tag_types,
        estimator_checks.check_estimator_tags_renamed,
        estimator_checks.check_mixin_order,
    ],
    ids=lambda check: check.__name__,
)
def test_it_passes_scikit_learns_checks_that_need_no_data(check: Any) -> None:
    check("Model3Classifier", Model3Classifier())


@pytest.mark.parametrize(
    ("texts", "labels", "said"),
    [
        (["a", "b", "c"], [0, 1, 2], "y has 3 classes"),
        (["a", "b"], ["x", "x"], "y has 1 class, but must have two"),
        (["a", "b"], [0.5, 1.5], r"type continuous \(dtype float64\).*: convert it"),
        (["a", "b"], np.array([True, False], object), r"type unknown \(dtype object\)"),
        ("text", [0, 1], "X must be n texts, but is one"),
        (np.zeros((3, 2)), [0, 1, 1], r"X must be n texts, but is \(3, 2\)"),
    ],
)
def test_what_is_no_problem_of_two_classes_is_refused(texts: Any, labels: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Model3Classifier().fit(texts, labels)


def test_other_mistakes_are_those_of_a_search(tmp_path: Path) -> None:
    classifier = Model3Classifier(budget=1, out=tmp_path)
    with pytest.raises(UserError, match="3 texts and 2 labels"):
        classifier.fit(["a", "b", "c"], [0, 1])
    with pytest.raises(UserError, match="the text is of type float"):
        classifier.fit(np.zeros((2, 1)), [0, 1])
    with pytest.raises(UserError, match="sampler 'best'"):
        clone(classifier).set_params(sampler="best").fit(["a", "b"], [0, 1])
    with pytest.raises(NotFittedError):
        classifier.predict(["a"])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_learns_predicts_and_is_pickled(tmp_path: Path) -> None:
    texts, labels = messages(600)
    frame = pd.DataFrame({"text": texts})
    classifier = Model3Classifier(budget=2, out=tmp_path, **SMALL).fit(frame, labels)
    assert classifier.classes_.tolist() == ["ham", "spam"]
    assert classifier.run_.folder == classifier.folder_
    assert classifier.run_.best.label_words == ("ham", "spam")
    found = classifier.predict_proba(texts)
    assert found.shape == (600, 2)
    assert (
        classifier.predict(texts).tolist()
        == classifier.classes_[(found[:, 1] > 0.5).astype(int)].tolist()
    )
    assert classifier.score(texts, labels) > 0.6
    again = pickle.loads(pickle.dumps(classifier))
    assert (again.predict_proba(texts[:9]) == found[:9]).all()
    assert clone(classifier).get_params() == classifier.get_params()


@pytest.mark.slow
def test_classes_may_differ_in_case_alone(tmp_path: Path) -> None:
    texts, labels = messages(600)
    cased = ["a" if label == "spam" else "A" for label in labels]
    classifier = Model3Classifier(budget=1, out=tmp_path, **SMALL).fit(texts, cased)
    assert classifier.classes_.tolist() == ["A", "a"]
    assert set(classifier.predict(texts)) <= {"A", "a"}
    board = classifier.run_.leaderboard().set_index("name")
    assert board.loc["linear", "heldout_accuracy"] > 0.9


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_winner_that_onnx_does_not_have_is_loaded_by_keras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tf2onnx", None)  # As if it were not installed.
    texts, labels = messages(600)
    own = {**SMALL, "space": "tests.search.own_layer_space:OwnLayerSpace"}
    classifier = Model3Classifier(budget=1, out=tmp_path, **own).fit(texts, labels)
    assert not (classifier.folder_ / "best" / "model.onnx").exists()
    again = pickle.loads(pickle.dumps(classifier))
    assert (again.predict(texts[:9]) == classifier.predict(texts[:9])).all()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_works_in_a_pipeline_and_in_cross_validation_on_two_processes(tmp_path: Path) -> None:
    texts, labels = messages(600)
    numbers = np.array([label == "spam" for label in labels]).astype(int) + 1
    upper = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    # Of so few rows an epoch is two updates of the weights.
    searched = Model3Classifier(budget=1, out=tmp_path, **{**SMALL, "epochs": 20})
    pipeline = make_pipeline(upper, searched)
    pipeline.set_params(model3classifier__seed=3)
    folds = StratifiedKFold(2)
    scores = cross_validate(
        pipeline, texts, numbers, cv=folds, scoring=["accuracy", "roc_auc"], error_score="raise",
        n_jobs=2,
    )  # fmt: skip
    assert scores["test_accuracy"].shape == (2,) and (scores["test_accuracy"] > 0.8).all()
    assert (scores["test_roc_auc"] > 0.9).all()
