"""What native code writes to stderr is held back, unless something went wrong."""

import os

import pytest

from results.scoring import suppress_stderr


def test_holds_back(capfd: pytest.CaptureFixture[str]) -> None:
    with suppress_stderr():
        os.write(2, b"note\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_shows_it_when_the_block_raises(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImportError), suppress_stderr():
        os.write(2, b"the reason\n")
        raise ImportError
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "the reason\nafter\n"


def test_leaves_no_descriptor_open() -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - iterdir would hold one open
    for _ in range(5):
        with suppress_stderr():
            pass
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
