"""The search as a classifier of scikit-learn."""

import inspect
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from data.common import Declared, UserError, declared
from data.records import canonical_label
from results import Predictor, Run, load
from results.serving import ONNX_MODEL, register_space
from results.study import BEST
from search.api import run_search
from search.config import RunConfig

# Where `fit` differs from the command line: scikit-learn's rows have no order that would matter,
# and it asks for the winner alone.
_OWN_DEFAULTS = {"budget": 20, "split": "stratified", "baselines": "linear"}
# Of a log's file, of a table's columns, and of one call of the command.
_NO_PARAMETERS = (
    *("data", "negative_file", "positive_file", "text_column", "label_column"),
    *("positive", "negative", "encoding", "max_bytes", "group_column", "config", "explain"),
)


def _default(item: Declared) -> Any:
    if item.name in _OWN_DEFAULTS:
        return _OWN_DEFAULTS[item.name]
    return None if item.default in (None, "", ()) else item.option.show(item.default)


_DEFAULTS = {
    item.name: _default(item) for item in declared(RunConfig) if item.name not in _NO_PARAMETERS
}


class Model3Classifier(ClassifierMixin, BaseEstimator):
    """A classifier of texts into two classes, the winner of a whole search.

    `fit` does what `run_search` does. It holds out a quarter of the rows for the run's
    leaderboard, which no model is trained on; each fit leaves its run in a folder under `out`. A
    pickled classifier needs that folder where it was.

    Args:
        budget: Trials (20), or the search's wall-clock time ("10m").
        **options: The other options of `run_search` that do not tell where rows come from.
            Their defaults are its own, except that `split` is "stratified" and `baselines`
            "linear". `get_params()` lists them all.

    Attributes:
        classes_: The two labels, sorted, [2]; the second one is the positive class.
        folder_: The run's folder.

    Raises:
        TypeError: If there is no such parameter; their values are checked by `fit`.
    """

    def __init__(self, **options: Any) -> None:
        for name in options:
            if name not in _DEFAULTS:
                raise TypeError(f"Model3Classifier() got an unexpected keyword argument '{name}'")
        for name, default in _DEFAULTS.items():
            setattr(self, name, options.get(name, default))

    def fit(self, X: Any, y: Any) -> "Model3Classifier":
        """Search for the best network.

        Args:
            X: n texts: a list, an array, a Series, or a table of one column.
            y: Their labels, of two classes, [n].

        Returns:
            The classifier.

        Raises:
            ValueError: If X is not n texts, or y does not have two classes.
            data.UserError: If the search cannot be done, or has found nothing.
            KeyboardInterrupt: After Ctrl-C, once the search has ended in order.
        """
        texts, labels = _texts(X), np.ravel(np.asarray(y))
        if (count := len(np.unique(labels))) != 2:
            classes = "1 class" if count == 1 else f"{count} classes"
            raise ValueError(f"y has {classes}, but must have two")
        if (kind := type_of_target(labels, input_name="y")) != "binary":
            raise ValueError(
                f"y is of the type {kind} (dtype {labels.dtype}), but must hold two classes: "
                "convert it, e.g. by y.astype(str)"
            )
        self.classes_, index = np.unique(labels, return_inverse=True)
        words = [str(each) for each in self.classes_.tolist()]
        if len(set(map(canonical_label, words))) < 2:
            words = ["0", "1"]  # As "a" and "A", they would be one label of a log.
        positive = None if words == ["0", "1"] else words[1:]
        named = [words[each] for each in index.tolist()]
        run = run_search((texts, named), positive=positive, **self.get_params(deep=False))
        if run.interrupted:
            raise KeyboardInterrupt
        if run.champion is None:
            raise UserError(f"no trial is complete, so there is no winner; see '{run.folder}'")
        self.folder_ = run.folder
        self._predictor: Predictor | None = self._load()
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """Return the probability of each class.

        Args:
            X: n texts, as for `fit`.

        Returns:
            Probabilities in the order of `classes_`, float32 [n, 2].
        """
        return self._fitted().predict_proba(_texts(X))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the class of each text, [n]: the one of more than .5."""
        labels: npt.NDArray[Any] = self.classes_[self._fitted().predict(_texts(X))]
        return labels

    @property
    def run_(self) -> Run:
        """The run that `fit` left: its leaderboard, verdict, report and study."""
        return Run.open(self.folder_)

    def _fitted(self) -> Predictor:
        check_is_fitted(self, "folder_")
        if self._predictor is None:
            self._predictor = self._load()
        return self._predictor

    def _load(self) -> Predictor:
        folder = self.folder_ / BEST
        if (folder / ONNX_MODEL).is_file():
            return load(folder)
        # The space has custom layers without an ONNX translation.
        register_space(self.space if isinstance(self.space, str) else None)
        return load(folder, "keras")

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {**state, "_predictor": None} if "_predictor" in state else state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.classifier_tags.multi_class = False
        tags.non_deterministic = True  # A budget of time, or several workers.
        return tags


def _texts(X: Any) -> list[Any]:
    shape = getattr(X, "shape", None)
    if shape is not None and len(shape) == 2 and shape[1] == 1:
        X = np.asarray(X).ravel()
    elif isinstance(X, str) or (shape is not None and len(shape) != 1):
        raise ValueError(f"X must be n texts, but is {'one' if isinstance(X, str) else shape}")
    return list(X)


# From here scikit-learn and a notebook's help read the parameters.
Model3Classifier.__init__.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY),
        *(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in _DEFAULTS.items()
        ),
    ]
)
