"""Takes passwords and tokens out of what others may read: messages, logs, the list of processes."""

import io
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TextIO
from urllib.parse import quote, quote_plus, unquote, unquote_plus

HIDDEN = "***"

# What is so short may be any word of a message.
SHORTEST = 6

_HINT = (
    r"(?:password|passwd|pwd|secret|token|credentials?|api_?key|access_?key|account_?key"
    r"|signature|\bsig)"
)
# scheme://user:PASSWORD@host, the last @ of a word being the one: people forget to escape others.
# Bounded, so that a long text takes no long time.
_IN_URL = re.compile(r"(?P<before>://[^\s:/@]*:)(?P<secret>\S{1,2000})(?=@)")
# The same where it is known that the whole text is one URL: then it may have blanks.
_IN_WORD = re.compile(r"(?P<before>://[^:/@]*:)(?P<secret>.+)(?=@)", re.S)
# ?password=..., password='...', "password": "..."
_NAMED = re.compile(
    rf"""(?P<before>{_HINT}(?:\s*=\s*|["']\s*:\s*))(?P<secret>"[^"]*"|'[^']*'|[^\s&;,'")]+)""",
    re.I,
)
_BEARER = re.compile(r"(?P<before>\bbearer\s+)(?P<secret>\S+)", re.I)
_PATTERNS = (_IN_URL, _NAMED, _BEARER)

# The shell's names of working directories.
_FOLDERS = ("PWD", "OLDPWD")
_SECRET_NAME = re.compile(rf"{_HINT}$", re.I)


@dataclass(frozen=True)
class Secrets:
    """What must not be shown: the values that a command was given, and whatever looks like one.

    Attributes:
        values: The known values, the longest first.
    """

    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, words: Iterable[str], environment: Mapping[str, str]) -> "Secrets":
        """Collect what a command was given.

        Args:
            words: Its arguments, in their order.
            environment: Its environment variables.

        Returns:
            The secrets.
        """
        words = list(words)
        found = {
            match["secret"].strip("'\"")
            for word in words
            for pattern in (_IN_WORD, *_PATTERNS)
            for match in pattern.finditer(word)
        }
        # What stands behind --token, which no command here takes.
        found |= {word for option, word in pairwise(words) if is_secret(option)}
        found |= {value.strip() for name, value in environment.items() if is_secret(name)}
        # As it was given, and as a driver or a URL writes it.
        ways = (str, unquote, unquote_plus, quote, quote_plus)
        written = {way(value) for value in found for way in ways}
        return cls(tuple(sorted((v for v in written if len(v) >= SHORTEST), key=len, reverse=True)))

    def redact(self, text: str) -> str:
        """Replace every secret.

        Args:
            text: Any text.

        Returns:
            The text with `HIDDEN` in the place of each secret.
        """
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\g<before>{HIDDEN}", text)
        for value in self.values:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", HIDDEN, text)
        return text


def redact(text: str) -> str:
    """Replace this process's secrets, and what looks like one.

    Args:
        text: Any text.

    Returns:
        The text with `HIDDEN` in the place of each secret.
    """
    return Secrets.of(sys.argv, os.environ).redact(text)


def hidden(word: str) -> str:
    """Replace the secrets in a text that is all of one option's value.

    Args:
        word: The value, a URL for example.

    Returns:
        The value with `HIDDEN` in the place of each secret.
    """
    return _redacted_word(word, Secrets.of([word], os.environ))


def _redacted_word(word: str, secrets: Secrets) -> str:
    return secrets.redact(_IN_WORD.sub(rf"\g<before>{HIDDEN}", word))


def is_secret(name: str) -> bool:
    """Tell whether an environment variable or a URL's parameter holds a secret.

    Args:
        name: Its name.
    """
    return name not in _FOLDERS and _SECRET_NAME.search(name) is not None


class Redacting(io.TextIOBase):
    """A text stream in front of another one, which gets everything without the secrets.

    Args:
        stream: Where the text goes.
        secrets: What is taken out.
    """

    def __init__(self, stream: TextIO, secrets: Secrets) -> None:
        self._stream: Any = stream
        self._secrets = secrets

    def write(self, text: str) -> int:
        """Write a text; a secret must not be spread over two calls.

        Args:
            text: The text.

        Returns:
            Its length.
        """
        self._stream.write(self._secrets.redact(text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream behind."""
        self._stream.flush()

    def fileno(self) -> int:
        """Return the descriptor of the stream behind."""
        return int(self._stream.fileno())

    def isatty(self) -> bool:
        """Whether the stream behind is a terminal."""
        return bool(self._stream.isatty())

    def writable(self) -> bool:
        """Whether it can be written to: always."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream behind."""
        return str(self._stream.encoding)


@contextmanager
def redacted_errors(secrets: Secrets) -> Iterator[None]:
    """Take secrets out of all that this process writes to `sys.stderr` in a block.

    Log lines, warnings and tracebacks go there.

    Args:
        secrets: What is taken out.
    """
    before = sys.stderr
    sys.stderr = Redacting(before, secrets)
    try:
        yield
    finally:
        sys.stderr = before


def hide_title() -> None:
    """Show this process without its secrets to `ps`, where its command line holds any.

    It was there to be seen until now, if only for a moment.
    """
    secrets = Secrets.of(sys.argv, {})
    shown = [_redacted_word(word, secrets) for word in sys.orig_argv]
    if shown != sys.orig_argv:
        import setproctitle

        setproctitle.setproctitle(" ".join(shown))
