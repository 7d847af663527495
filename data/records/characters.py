"""What any record must be: text, and not too long."""

# Most characters of a line, and most of a row, which a quoted field may spread over several lines.
MAX_LINE = 2**24


class RecordError(ValueError):
    """What is wrong with one record; whoever knows where the record stands adds that."""


class NotText(RecordError):
    """A record was decoded from bytes that are not UTF-8, or holds a NUL.

    Attributes:
        record: What was decoded.
    """

    def __init__(self, message: str, record: str) -> None:
        super().__init__(message)
        self.record = record


def check_characters(text: str) -> None:
    """Raise `NotText` if a text holds NUL, or bytes that are not UTF-8."""
    if "\0" in text:
        raise NotText("holds a NUL byte", text)
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        # Bytes that are not UTF-8 were read as lone surrogates.
        raise NotText(f"is not UTF-8 at character {error.start + 1}", text) from error
