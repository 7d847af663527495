"""One line for whatever an exception holds."""

import json

import pytest

from search.common.error_messages import LONGEST, USER_ERRORS, describe_error


class Unspeakable(Exception):
    """Its message cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError("no")


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's."""


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except USER_ERRORS as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no"), "ValueError: no"),
        (ValueError("\n\n  first \n second\t third \n"), "ValueError: first second third"),
        (ValueError("\x1b[1mbold\x1b[0m"), "ValueError: bold"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt("mine"), "KeyboardInterrupt: mine"),
        (Unspeakable(), "Unspeakable: its message cannot be read"),
        (MemoryError("12 TB"), "out of memory: MemoryError: 12 TB"),
        (
            ResourceExhaustedError("OOM when allocating"),
            "out of memory: ResourceExhaustedError: OOM when allocating",
        ),
        (
            RuntimeError("Dst tensor is not initialized."),
            "out of memory: RuntimeError: Dst tensor is not initialized.",
        ),
        (
            ValueError("files\n  a.py\nindices[0] = 9 is not in [0, 8)\n\t [[{{node x}}]] more"),
            "ValueError: indices[0] = 9 is not in [0, 8)",
        ),
    ],
)
def test_what_is_said(error: BaseException, said: str) -> None:
    assert describe_error(error) == said


@pytest.mark.parametrize("error", [ValueError(), ValueError("\n \n"), KeyboardInterrupt()])
def test_without_a_message_the_place_is_told(error: BaseException) -> None:
    line = describe_error(raised(error))
    assert line.startswith(
        f"{type(error).__name__}: without a message, in test_error_messages.py, line "
    )


@pytest.mark.parametrize("text", ["x" * 10**6, "a line\n" * 200_000, "\ud800" * 500])
def test_a_long_or_odd_message_is_a_short_line_that_any_file_can_hold(text: str) -> None:
    line = describe_error(ValueError(text))
    assert len(line) <= LONGEST
    assert line.isprintable()
    assert json.loads(json.dumps(line)) == line
    line.encode("utf-8")
