"""What the reader says of a log that it refuses."""

from pathlib import Path
from typing import Any

import pytest

from data.common import UserError
from data.reading import read_log


def refusal(path: Path, content: bytes, **options: Any) -> str:
    """Write a log, and return the line that refuses it, without the path that begins it."""
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_log(str(path), **options)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.isprintable()
    return message.removeprefix(str(path))
