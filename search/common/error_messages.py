"""Why a trial failed, in one line: frameworks say it in twenty."""

import re

from data.common import raised_at

LONGEST = 300

# What code of a user may raise and only its trial is to suffer from. Ctrl-C reaches the parent
# alone, so a worker's KeyboardInterrupt is the user's own too.
USER_ERRORS = (Exception, SystemExit, KeyboardInterrupt, GeneratorExit)

_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_NODE = "[[{{node"
_MOST = 100_000
# TensorFlow's for the CPU, and for a GPU.
_NO_MEMORY = ("ResourceExhaustedError", "Dst tensor is not initialized")


def describe_error(error: BaseException) -> str:
    """Describe in one line what an exception means: its type and message.

    Keras's message stands first, before a list of arguments; TensorFlow's stands last, after a
    list of files and before the node's name.
    """
    text = _COLORS.sub("", _text(error))
    lines = [line for line in (" ".join(line.split()) for line in text.splitlines()) if line]
    nodes = [index for index, line in enumerate(lines) if line.startswith(_NODE)]
    if nodes and nodes[0] > 0:
        lines = lines[nodes[0] - 1 : nodes[0]]
    said = f"{type(error).__name__}: {' '.join(lines) or 'without a message'}"
    if not lines and (place := raised_at(error)):
        said += f", in {place}"
    if isinstance(error, MemoryError) or any(sign in said for sign in _NO_MEMORY):
        said = f"out of memory: {said}"
    return said if len(said) <= LONGEST else said[: LONGEST - 3] + "..."


def _text(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        return "its message cannot be read"
    # The rest of a megabyte is never looked at. A lone surrogate is no text that a file can hold.
    text = text if len(text) <= _MOST else f"{text[: _MOST // 2]}\n{text[-_MOST // 2 :]}"
    return text.encode("utf-8", "replace").decode()
