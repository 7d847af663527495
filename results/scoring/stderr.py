"""Native libraries' chatter on stderr held back, so that our one-line errors stand alone."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

STDERR = 2


@contextlib.contextmanager
def suppress_stderr() -> Iterator[None]:
    """Hold back what is written to file descriptor 2 in this block; show it if the block raises.

    TensorFlow 2.21 writes notes on missing GPUs there whatever TF_CPP_MIN_LOG_LEVEL says.
    """
    try:
        kept = os.dup(STDERR)
    except OSError:  # There is no stderr to protect.
        yield
        return
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        os.dup2(held.fileno(), STDERR)
        try:
            yield
        except BaseException:
            os.dup2(kept, STDERR)
            held.seek(0)
            with open(os.dup(kept), "wb") as stderr:  # noqa: PTH123 - a descriptor is no path
                shutil.copyfileobj(held, stderr)
            raise
        finally:
            os.dup2(kept, STDERR)
            os.close(kept)
