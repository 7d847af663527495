"""Calls a hypermodel's own `fit`, and ends the callbacks that an exception leaves."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from search.common.error_messages import USER_ERRORS
from search.common.limits import ModelTooLarge

log = logging.getLogger(__name__)

_BATCH_SIZE = "batch_size"


def fit_function(
    hypermodel: Any,
    hyperparameters: Any,
    model: keras.Model,
    batch_size: int,
    feed: Callable[[int], Any],
) -> Callable[..., Any]:
    """Make a function that is called as `model.fit` and trains by the hypermodel's `fit`.

    Such a `fit` may name arguments itself, e.g. `model.fit(*args, epochs=hp.Int(...), **kwargs)`,
    and would then be given them twice. So it is passed the data and the callbacks alone; the
    other arguments become the defaults of the model's `fit`. If it asks for another batch size,
    by name or by a hyperparameter `batch_size` that is first met there, `feed` makes the same data
    with that one; a hyperparameter `epochs` counts wherever it is met.
    """

    def train(data: Any, *, callbacks: list[Any], **defaults: Any) -> Any:
        fit = model.fit

        def batched(given: Any, named: Any) -> Any:
            size = hyperparameters.values.get(_BATCH_SIZE) if named is None else named
            if size is None or int(size) == batch_size:
                return given
            if given is data:
                return feed(int(size))
            if named is not None:
                raise ValueError(
                    f"fit passes batch_size={named} beside data that it has made of what it was "
                    f"given, which has batches of {batch_size}: ask for batch_size in build"
                )
            return given

        def met() -> dict[str, Any]:
            """Return the epochs that hyperparameters tell, which `fit` may be the first to meet."""
            values = hyperparameters.values
            known = "epochs" in values and "tuner/epochs" not in values
            return {"epochs": int(values["epochs"])} if known else {}

        def fit_by_default(x: Any = None, *args: Any, **kwargs: Any) -> Any:
            # The data is shuffled already, and Keras refuses or ignores a batch size beside it.
            kwargs.pop("shuffle", None)
            x = batched(x, kwargs.pop(_BATCH_SIZE, None))
            kwargs = {**defaults, **met(), **kwargs}
            with end_callbacks_on_error(
                kwargs.get("callbacks") or [], after=(*USER_ERRORS, ModelTooLarge)
            ):
                return fit(x, *args, **kwargs)

        model.fit = fit_by_default
        try:
            return hypermodel.fit(hyperparameters, model, data, callbacks=callbacks)
        finally:
            del model.fit

    return train


@contextmanager
def end_callbacks_on_error(
    callbacks: Any, *, after: tuple[type[BaseException], ...] = (Exception,)
) -> Iterator[None]:
    """End the callbacks of a training that an exception ends, as Keras does not.

    They may hold files open, or have left a backup that the next training would begin with.
    """
    begun: list[Any] = []
    # Keras takes one callback without a list, too.
    followed = [_follow(callback, begun) for callback in keras.tree.flatten(callbacks)]
    try:
        yield
    except after:
        for callback in list(begun):
            try:
                callback.on_train_end()
            except USER_ERRORS:
                # Why the training failed first is what counts.
                log.warning("a callback failed too", exc_info=True)
        raise
    finally:
        for undo in reversed(followed):
            undo()


def _follow(callback: Any, begun: list[Any]) -> Callable[[], None]:
    """Let a list hold the callback while its training goes on; gives what undoes that."""
    begin, end, before = callback.on_train_begin, callback.on_train_end, dict(vars(callback))

    def on_train_begin(logs: Any = None) -> None:
        begun.append(callback)
        begin(logs)

    def on_train_end(logs: Any = None) -> None:
        if callback in begun:
            begun.remove(callback)
        end(logs)

    def undo() -> None:
        for name in ("on_train_begin", "on_train_end"):
            delattr(callback, name)
            if name in before:
                setattr(callback, name, before[name])

    callback.on_train_begin, callback.on_train_end = on_train_begin, on_train_end
    return undo
