"""Progress: every item passes, short loops are silent, long ones tell; a bar on a terminal."""

import logging
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.common import progress, track


def test_a_short_loop_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert list(track(range(1000), "reading", 1000)) == list(range(1000))
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("total", "said"), [(2500, "reading x: 1,000 of 2,500"), (None, "reading x: 1,000")]
)
def test_a_long_loop_tells_how_far_it_is(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, total: int | None, said: str
) -> None:
    monkeypatch.setattr(progress, "FIRST_LINE_AFTER", 0.5)

    def items() -> Iterator[int]:
        for item in range(2500):
            if item == 999:
                time.sleep(0.6)
            yield item

    with caplog.at_level(logging.INFO):
        assert sum(1 for _ in track(items(), "reading x", total)) == 2500
    assert caplog.messages == [said]


def test_a_loop_left_early_leaves_its_items() -> None:
    items = iter(range(10))
    tracked: Iterator[int] = track(items, "reading")
    assert [next(tracked), next(tracked)] == [0, 1]
    assert next(items) == 2


def test_a_terminal_shows_a_bar_and_clears_it() -> None:
    code = (
        "import time\n"
        "from data.common import track\n"
        "for _ in track(range(3), 'reading [/x].csv'): time.sleep(.2)"
    )
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        stderr=theirs,
        stdout=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # Linux's way to say that the other side has closed.
            pass
        finally:
            os.close(ours)
        out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, b"")
    assert b"reading [/x].csv" in shown
    assert shown.rstrip().endswith(b"\x1b[2K")
