"""The words that a log has for its two labels, and what to say of others."""

import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from data.common import UserError, join_names
from data.records import canonical_label

# What the labels 0 and 1 are called where the log has no words of its own.
LABEL_WORDS = ("normal", "malicious")

# What a label is called if `--positive` or `--negative` leaves it several words.
OTHER = "other"

# Each family's words for 0, and for 1. A log's labels are of one family.
_FAMILIES: tuple[tuple[frozenset[str], frozenset[str]], ...] = (
    (frozenset({"0", "-1"}), frozenset({"1"})),
    (frozenset({"false", "no"}), frozenset({"true", "yes"})),
    (
        frozenset(
            {"norm", "normal", "ham", "good", "benign", "legit", "legitimate", "clean", "safe"}
            | {"negative"}
        ),
        frozenset(
            {"anom", "anomaly", "anomalous", "abnormal", "attack", "spam", "bad", "malicious"}
            | {"malware", "phishing", "dga", "positive"}
        ),
    ),
)
_DIGITS = _FAMILIES[0]
_KNOWN = {
    word: (family, label)
    for family in _FAMILIES
    for label, words in enumerate(family)
    for word in words
}
_PAIRS = (
    *(("0", "1"), ("-1", "1"), ("false", "true"), ("no", "yes"), ("norm", "anom")),
    *(("normal", "attack"), ("ham", "spam"), ("good", "bad"), ("benign", "malicious")),
    *(("legit", "dga"), ("legitimate", "phishing"), ("negative", "positive")),
)
# What the other label is called in a log that has but one.
_OPPOSITES = {normal: malicious for normal, malicious in _PAIRS} | {
    malicious: normal for normal, malicious in reversed(_PAIRS)
}

# More different values than this are no labels; and more are not listed.
MOST_VALUES = 1000
_MOST_LISTED = 8
_LONGEST = 40


def is_known(word: str) -> bool:
    """Return whether a word is one for 0 or 1 without being declared."""
    return canonical_label(word) in _KNOWN


def are_alike(one: str, other: str) -> bool:
    """Return whether two words are known ones that may be the labels of one log."""
    known, beside = (_KNOWN.get(canonical_label(word)) for word in (one, other))
    return known is not None and beside is not None and known[0] is beside[0]


def shortened(text: str) -> str:
    """Quote a value for a message."""
    return repr(text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...")


class UnknownLabel(UserError):
    """A label of which nobody has said whether it is 0 or 1."""


@dataclass
class Labels:
    """Numbers the labels of a log as they come.

    Attributes:
        positive: The labels that `--positive` names, all others being 0.
        negative: The labels that `--negative` names, all others being 1. Without either the known
            words are numbered.

    Raises:
        UserError: If both name labels.
    """

    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.positive and self.negative:
            raise UserError(
                f"--positive is {join_names(self.positive)!r} and --negative is "
                f"{join_names(self.negative)!r}; give one, all other labels are of the other class"
            )
        self._named = {canonical_label(word) for word in self.positive or self.negative}
        self._words: dict[str, str] = {}  # As written first, by what is common to all spellings.
        self._numbers: dict[str, int] = {}
        # Looked up for nearly every row.
        self._spellings: dict[str, tuple[str, int]] = {}
        self.rows: Counter[str] = Counter()

    def number(self, word: str) -> int:
        """Return a row's label, 0 or 1; raise `UnknownLabel` if it is not one of the log's."""
        known = self._spellings.get(word)
        if known is not None:
            key, label = known
            self.rows[key] += 1
            return label
        key = canonical_label(word)
        if key not in self._numbers:
            self._numbers[key] = self._first(word, key)
        label = self._numbers[key]
        self.count(word)
        if len(self._spellings) < MOST_VALUES:
            self._spellings[word] = key, label
        return label

    def may_be(self, word: str, beside: str) -> bool:
        """Return whether a word is a label of the log, or like a row's if one is yet to come."""
        if self.known(word) is not None:
            return True
        if len(set(self._numbers.values())) == 2:
            return False
        key, other = canonical_label(word), canonical_label(beside)
        families = {_KNOWN[one][0] if one in _KNOWN else one for one in (key, other)}
        return bool(key) and len(families) == 1

    def known(self, word: str) -> int | None:
        """Return the number of a label that was seen, or is 0 or 1 in a log of these; else None."""
        key = canonical_label(word)
        if self._named or not all(_KNOWN[other][0] is _DIGITS for other in self._numbers):
            return self._numbers.get(key)
        return self._numbers.get(key, {"0": 0, "1": 1}.get(key))

    def count(self, word: str) -> None:
        """Count a row with this label without numbering it, if there are not too many of them."""
        key = canonical_label(word)
        if key in self.rows or len(self.rows) < MOST_VALUES:
            self._words.setdefault(key, word.strip())
            self.rows[key] += 1

    def _first(self, word: str, key: str) -> int:
        if not key:
            raise UserError("the label is empty")
        if self._named:
            if len(self._numbers) >= MOST_VALUES:
                raise UserError(
                    f"there are more than {MOST_VALUES:,} different labels before it; is "
                    "--label-column right?"
                )
            return int((key in self._named) == bool(self.positive))
        family, label = _KNOWN.get(key, (None, 0))
        own = {_KNOWN[other] for other in self._numbers}
        if family is None or (family, label) in own or any(family != one for one, _ in own):
            raise UnknownLabel(f"the label is {shortened(word)}, but must be {self._allowed()}")
        return label

    def _allowed(self) -> str:
        own = next((_KNOWN[key][0] for key in self._numbers), _DIGITS)
        if own is _DIGITS:
            return "-1 or 1" if "-1" in self._numbers else "0 or 1"
        return " or ".join(self.words)

    @property
    def words(self) -> tuple[str, str]:
        """What the log calls label 0 and label 1; `LABEL_WORDS` for 0 and 1."""
        if self._are_plain:
            return LABEL_WORDS
        normal, malicious = self._of(0), self._of(1)
        if self.positive:
            return self._rest(normal, malicious), ", ".join(malicious or self.positive)
        if self.negative:
            return ", ".join(normal or self.negative), self._rest(malicious, normal)
        if not normal:
            return _OPPOSITES.get(canonical_label(malicious[0]), LABEL_WORDS[0]), malicious[0]
        if not malicious:
            return normal[0], _OPPOSITES.get(canonical_label(normal[0]), LABEL_WORDS[1])
        return normal[0], malicious[0]

    @staticmethod
    def _rest(words: list[str], named: list[str]) -> str:
        """Return a name for the labels that no option names, given those that one does."""
        if len(words) == 1:
            return words[0]
        return f"not {named[0]}" if len(named) == 1 else OTHER

    @property
    def _are_plain(self) -> bool:
        return not self._named and set(self._numbers) <= {"0", "1"}

    def _of(self, label: int) -> list[str]:
        return [self._words[key] for key, number in self._numbers.items() if number == label]

    @property
    def keys(self) -> tuple[str, ...]:
        """What all labels so far have in common with their other spellings."""
        return tuple(self._numbers)

    def describe(self) -> str | None:
        """Return a line that says what is 0 and what is 1; None if the log itself says so."""
        if self._are_plain:
            return None
        parts = []
        for label in (0, 1):
            rows = sum(self.rows[key] for key, number in self._numbers.items() if number == label)
            words = listed([shortened(word) for word in self._of(label)]) or "nothing"
            parts.append(f"label {label} is {words} ({counted(rows)})")
        return ", ".join(parts)

    def check(self) -> None:
        """Raise a `UserError` if a label that `--positive` or `--negative` names is not there."""
        option = "--positive" if self.positive else "--negative"
        for word in self.positive or self.negative:
            if canonical_label(word) not in self._numbers:
                raise UserError(
                    f"{option} names {shortened(word)}, but the labels are {self.values()}"
                )

    def values(self) -> str:
        """List all labels with their numbers of rows, the most frequent first."""
        values = [
            f"{shortened(self._words[key])} ({f'{rows:,}' if place else counted(rows)})"
            for place, (key, rows) in enumerate(self.rows.most_common())
        ]
        return listed(values)

    def proposal(self) -> str:
        """Propose an option that tells the log's labels apart.

        It is `--negative` with those known as normal, if they are the fewer ones; else `--positive`
        with those not known as normal, or with the rarest.
        """
        known = {key: _KNOWN[key][1] for key in self.rows if key in _KNOWN}
        normal = [key for key, label in known.items() if label == 0]
        if normal:
            keys = [key for key in self.rows if key and key not in normal]
        else:
            # Of the numbers 1 and 2 either may be meant.
            keys = [key for key, label in known.items() if label == 1 and key != "1"]
        keys = keys or [min(self.rows, key=self.rows.__getitem__)]
        option = "--positive"
        if normal and len(normal) < len(keys):
            option, keys = "--negative", normal
        words = [self._words[key] for key in keys]
        joined = join_names(words)
        if len(words) > _MOST_LISTED or not joined.isprintable() or not any(words):
            return f"{option} VALUE,..."
        return f"{option} {shlex.quote(joined)}"


def listed(values: Iterable[str]) -> str:
    """Join the first few of several values for a message."""
    values = list(values)
    more = len(values) - _MOST_LISTED
    return ", ".join(values[:_MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def counted(rows: int) -> str:
    """Format a number of rows."""
    return f"{rows:,} row{'s' * (rows != 1)}"
