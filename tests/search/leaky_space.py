"""A space that says what it should keep to itself, in every way that a worker has."""

import logging
import os
import sys
import warnings
from typing import Any

import keras

from tests.search.slow_space import SlowSpace


class LeakySpace(SlowSpace):
    """Tells the password in each training; the first one of a worker fails with it."""

    has_failed = False

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """Leak, then train."""
        said = f"{' '.join(sys.argv)} with {os.environ['PGPASSWORD']}"
        print(said)
        print(said, file=sys.stderr)
        logging.getLogger("leak").error("%s", said)
        warnings.warn(said, stacklevel=1)
        if not LeakySpace.has_failed:
            LeakySpace.has_failed = True
            raise RuntimeError(f"{sys.argv[-1]} with {os.environ['PGPASSWORD']}")
        return super().fit(hp, model, *args, **kwargs)
