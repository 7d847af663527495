"""A small grammar: named rules of weighted alternatives, expanded at random."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

Maker = Callable[[Random], str]

_HERE = Path(__file__).parent
_SYMBOL = re.compile(r"«(\w+)»")
_WEIGHT = re.compile(r"(\d+)§")


class Grammar:
    """Draws texts from a file of rules such as `greeting: 3§hello «name» ¦ good day`.

    A rule is a name, a colon and alternatives parted by ` ¦ `; lines that start with a space go
    on with the rule above. `«name»` stands for another rule or a maker, `3§` before an
    alternative makes it three times as likely. Rules must not lead back to themselves.

    Args:
        name: The file `rules/NAME.txt`.
        makers: Functions that make a piece from a random source, by symbol, beside those that all
            grammars have.
    """

    def __init__(self, name: str, makers: Mapping[str, Maker]) -> None:
        rules = (_HERE / "rules" / f"{name}.txt").read_text(encoding="utf-8")
        self._makers = {**_MAKERS, **makers}
        self._rules: dict[str, list[tuple[str, ...]]] = {}
        for line in re.sub(r"\n +", " ", rules.rstrip("\n")).split("\n"):
            rule, _, alternatives = line.partition(": ")
            self._rules[rule] = [
                parts for text in alternatives.split(" ¦ ") for parts in _weighted(text)
            ]
        for rule, alternatives_of in self._rules.items():
            for symbol in {part for parts in alternatives_of for part in parts[1::2]}:
                if symbol not in self._rules and symbol not in self._makers:
                    raise ValueError(f"rule {rule} names {symbol}, which is no rule and no maker")

    def draw(self, rng: Random, symbol: str) -> str:
        """Expand a rule or a maker into a text without symbols."""
        alternatives = self._rules.get(symbol)
        if alternatives is None:
            return self._makers[symbol](rng)
        parts = alternatives[int(rng.random() * len(alternatives))]
        if len(parts) == 1:
            return parts[0]
        return "".join(
            self.draw(rng, part) if place % 2 else part for place, part in enumerate(parts)
        )


def _weighted(text: str) -> list[tuple[str, ...]]:
    weight = _WEIGHT.match(text)
    if weight is None:
        return [tuple(_SYMBOL.split(text))]
    return [tuple(_SYMBOL.split(text[weight.end() :]))] * int(weight[1])


def read_words(name: str) -> tuple[str, ...]:
    """Return the lines of the file `words/NAME.txt`."""
    text = (_HERE / "words" / f"{name}.txt").read_text(encoding="utf-8")
    return tuple(text.rstrip("\n").split("\n"))


def pick(rng: Random, items: tuple[str, ...]) -> str:
    """Return one item; faster than `Random.choice`, which matters a million rows long."""
    return items[int(rng.random() * len(items))]


def number(rng: Random) -> str:
    """Return a whole number of one to four digits, the long ones likelier."""
    return str(int(10 ** (rng.random() * 1.5 + 2.5)) if rng.random() < 0.7 else rng.getrandbits(6))


def letters(rng: Random) -> str:
    """Return four lower-case letters, as scanners use for names that cannot exist."""
    return "".join(chr(97 + int(rng.random() * 26)) for _ in range(4))


def hexadecimal(rng: Random) -> str:
    """Return 8 or 12 hexadecimal digits."""
    return f"{rng.getrandbits(32):08x}" if rng.random() < 0.6 else f"{rng.getrandbits(48):012x}"


def address(rng: Random) -> str:
    """Return an IPv4 address of a single host."""
    bits = rng.getrandbits(32)
    return f"{1 + bits % 223}.{bits >> 8 & 255}.{bits >> 16 & 255}.{1 + (bits >> 24) % 254}"


_MAKERS: Mapping[str, Maker] = {
    "number": number,
    "letters": letters,
    "hexadecimal": hexadecimal,
    "few": lambda rng: str(1 + int(rng.random() * 9)),
    "return": lambda rng: "\r",
    "linefeed": lambda rng: "\n",
}
