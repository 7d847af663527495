"""Why a trial failed, in one line: frameworks say it in twenty."""

import re

from data.redaction import redact

LONGEST = 300

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NODE = "[[{{node"


def reason(error: BaseException) -> str:
    """Say in one line what an exception means.

    Keras's message stands first, before a list of arguments; TensorFlow's stands last, after a
    list of files and before the node's name.

    Args:
        error: The exception.

    Returns:
        Its type and message, of `LONGEST` characters at most.
    """
    text = _COLOURS.sub("", str(error))
    lines = [line for line in (" ".join(line.split()) for line in text.splitlines()) if line]
    nodes = [index for index, line in enumerate(lines) if line.startswith(_NODE)]
    if nodes and nodes[0] > 0:
        lines = lines[nodes[0] - 1 : nodes[0]]
    said = redact(": ".join([type(error).__name__, *([" ".join(lines)] if lines else [])]))
    return said if len(said) <= LONGEST else said[: LONGEST - 3] + "..."
