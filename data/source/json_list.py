"""A JSON list as its elements, one after the other, in a memory that holds one of them."""

import itertools
import re
from collections.abc import Iterator

from data.common import UserError

_STRING = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
# A whole string, or a character that means something outside of strings.
_TOKEN = re.compile(rb'"' + _STRING + rb'"|["\[\]{},]', re.DOTALL)
_REST_OF_STRING = re.compile(_STRING, re.DOTALL)
_BEGIN = re.compile(rb'[ \t\r\n]*(?:\[[ \t\r\n]*(?:\{[ \t\r\n]*(?:["}]|\Z)|\Z)|\Z)')
# So many bytes tell whether a log is a JSON list.
LIST_BEGIN = 2**16
_BLANK = b" \t\r\n"


class JsonList:
    """Finds a list's elements by its brackets and quotes; whether they are JSON is not asked."""

    def __init__(self, begin: bytes) -> None:
        self.closed = False
        self._held = bytearray(begin)
        self._start = self._at = self._held.index(b"[") + 1
        self._depth = 0
        self._in_string = False

    def feed(self, block: bytes) -> None:
        """Add the next bytes."""
        del self._held[: self._start]
        self._at -= self._start
        self._start = 0
        self._held += block

    @property
    def rest(self) -> bytes:
        """What was added, but belongs to no element yet."""
        return bytes(self._held[self._start :])

    @property
    def waiting(self) -> int:
        """How many bytes `rest` has."""
        return len(self._held) - self._start

    def next(self) -> bytes | None:
        """Return the next element, or None if more bytes are needed or the list is closed."""
        while not self.closed:
            if self._in_string and not self._leave_string():
                return None
            found = _TOKEN.search(self._held, self._at)
            if found is None:
                self._at = len(self._held)
                return None
            self._at = found.end()
            token = self._held[found.start()]
            if token in b"{[":
                self._depth += 1
            elif token in b"}]" and self._depth:
                self._depth -= 1
            elif token == b'"'[0]:
                self._in_string = found.end() == found.start() + 1
            elif token in b",]" and not self._depth:
                self.closed = token == b"]"[0]
                return self._take(found.start())
        return None

    def _leave_string(self) -> bool:
        found = _REST_OF_STRING.match(self._held, self._at)
        assert found is not None
        self._at = found.end()
        if self._held[self._at : self._at + 1] != b'"':
            return False
        self._at += 1
        self._in_string = False
        return True

    def _take(self, end: int) -> bytes:
        element = bytes(self._held[self._start : end]).strip(_BLANK)
        self._start = self._at
        return element


def may_be_json_list(begin: bytes) -> bool:
    """Return whether a log that begins so can be a JSON list of objects; nothing but spaces can."""
    return _BEGIN.match(begin[:LIST_BEGIN]) is not None


def is_json_list(begin: bytes) -> bool:
    """Return whether a log is a JSON list of objects, by its first `LIST_BEGIN` bytes or all."""
    if not may_be_json_list(begin) or not begin.strip(_BLANK):
        return False
    scanned = JsonList(begin[:LIST_BEGIN])
    while scanned.next() is not None:
        pass
    rest = scanned.rest.strip(_BLANK)
    # Texts may begin with a bracket as well: `[{"$ne":1}],0`.
    return not rest if scanned.closed else rest[:1] in (b"", b"{")


def elements(begin: bytes, more: Iterator[bytes], longest: int, name: str) -> Iterator[bytes]:
    """Yield the elements of a list, given its first bytes (the bracket among them) and the rest."""
    scanned = JsonList(begin)
    number = 0
    for block in itertools.chain([b""], more):
        scanned.feed(block)
        while (element := scanned.next()) is not None:
            number += 1
            yield element
        if scanned.closed and scanned.rest.strip(_BLANK):
            raise UserError(
                f"{name}: something follows the end of its JSON list (after row {number}); "
                "if it is not a list, give --format text"
            )
        if scanned.waiting > longest:
            raise UserError(
                f"{name}: row {number + 1} of its JSON list is longer than {longest:,} bytes"
            )
    if not scanned.closed:
        raise UserError(
            f"{name}: its JSON list has no end (after row {number}); was the file cut off? "
            "If it is not a list, give --format text"
        )
