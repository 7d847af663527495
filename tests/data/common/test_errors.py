"""An error of the disk is told from everything else that can go wrong."""

import errno

import pytest

from data.common import UserError, write_failure


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free disk space"),
        (errno.EROFS, "make it writable"),
        (errno.EFBIG, "larger files"),
    ],
)
def test_a_write_failure_is_one_line_with_the_place_and_a_remedy(number: int, remedy: str) -> None:
    said = write_failure(OSError(number, "text", "/some/where"))
    assert said is not None
    assert said.startswith("/some/where cannot be written (")
    assert said.endswith(remedy)
    assert str(write_failure(OSError(number, "text"), "runs/a")).startswith("runs/a cannot")


def test_it_is_found_behind_other_exceptions() -> None:
    def write() -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise RuntimeError("the library could not") from error

    with pytest.raises(RuntimeError) as caught:
        write()
    assert write_failure(caught.value)


def test_an_error_that_says_it_already_keeps_its_words() -> None:
    error = UserError("cannot write 'x': no room")
    error.__cause__ = OSError(errno.ENOSPC, "")
    assert write_failure(error) == "cannot write 'x': no room"


@pytest.mark.parametrize(
    "error",
    [ValueError("a bug"), FileNotFoundError(errno.ENOENT, "x"), UserError("row 3"), OSError("?")],
)
def test_anything_else_is_none(error: Exception) -> None:
    assert write_failure(error) is None
