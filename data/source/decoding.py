"""The bytes of a log as UTF-8, whatever encoding it has: the reader behind knows no other."""

import argparse
import codecs

from data.common import UserError
from data.records import NotText

# The longer ones first: UTF-32's begins as UTF-16's.
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
LONGEST_MARK = max(map(len, _MARKS))
# Python calls these text encodings too, but no file is written in them.
_NO_FILES = ("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape")


def encoding_name(text: str) -> str:
    """Parse the name of a text encoding that Python knows, such as latin-1, for argparse."""
    try:
        check_encoding(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def check_encoding(text: str) -> None:
    """Raise a `UserError` if Python knows no text encoding of this name."""
    try:
        known = codecs.lookup(text)
    except (LookupError, ValueError):
        known = None
    is_of_files = known is not None and known.name.replace("-", "_") not in _NO_FILES
    # Python has "hex" and the like among them.
    if known is None or not is_of_files or not known._is_text_encoding:
        raise UserError(
            f"'{text}' is not an encoding that Python knows, such as latin-1, cp1252 or utf-16"
        )


class Utf8:
    """Turns the blocks of a log, one after the other, into UTF-8.

    What its encoding cannot mean becomes bytes that are not UTF-8 either, so that the reader can
    name the row.

    Args:
        encoding: Of the log; None for UTF-8, or what its byte-order mark says.
        name: How messages call the log.
    """

    def __init__(self, encoding: str | None, name: str) -> None:
        self._encoding = encoding
        self._name = name
        self._decoder: codecs.IncrementalDecoder | None = None
        if encoding is not None:
            self._decode(codecs.lookup(encoding).name)

    def begin(self, block: bytes, is_last: bool) -> bytes:
        """Convert the first block, of `LONGEST_MARK` bytes or the last too, without its mark."""
        marked = next((name for mark, name in _MARKS.items() if block.startswith(mark)), None)
        encoding = codecs.lookup(self._encoding or marked or "utf-8").name
        if marked is not None and not encoding.startswith(marked):
            raise UserError(
                f"{self._name}: starts with a byte-order mark of {marked.upper()}, but --encoding "
                f"is {self._encoding}; leave --encoding out"
            )
        if self._encoding is None:
            self._decode(encoding)
        converted = self.convert(block, is_last)
        # Python takes the mark of these off by itself; another one behind it is text.
        is_bare = encoding in ("utf-16", "utf-32")
        return converted if is_bare else converted.removeprefix(codecs.BOM_UTF8)

    def convert(self, block: bytes, is_last: bool) -> bytes:
        """Convert the next block; raise `UserError` if the log is not in its encoding at all."""
        if self._decoder is None:
            return block
        try:
            return self._decoder.decode(block, is_last).encode("utf-8", "surrogatepass")
        except UnicodeError as error:
            said = " ".join(str(error).split())
            raise UserError(
                f"{self._name}: is not {self._encoding or 'what its byte-order mark says'} ({said})"
            ) from error

    def _decode(self, encoding: str) -> None:
        if encoding.startswith("utf-8"):
            return
        # Half a pair is legal in a JSON string, and a row of its own; `surrogateescape` knows no
        # bytes below 128, of which UTF-16 is made.
        errors = "surrogatepass" if encoding.startswith("utf-") else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)


def describe_bad_row(error: Exception, encoding: str | None, has_good_utf8: bool) -> str:
    """Describe what is wrong with a row, and propose the encoding that its log may have.

    But not if a row beyond ASCII was good (`has_good_utf8`), which another one would spoil.
    """
    message = str(error)
    if not isinstance(error, NotText):
        return message
    if encoding is not None:
        return message.replace("UTF-8", encoding)
    likely = None if has_good_utf8 else _likely_encoding(error.record)
    if likely is None:
        return message
    return f"{message}; if the log is in another encoding, give it: --encoding {likely}"


def _likely_encoding(text: str) -> str | None:
    if "\0" in text:
        if 4 * text.count("\0") < len(text):
            return None
        return "utf-16-be" if text.startswith("\0") else "utf-16-le"
    # Latin-1 has nothing but control characters at 128 to 159.
    return "cp1252" if any("\udc80" <= each <= "\udc9f" for each in text) else "latin-1"
