"""Attacks, each family a grammar, and the table of all families."""

from collections.abc import Callable
from random import Random

from data.synthesis.grammar import Grammar, address, letters, number


def _same(rng: Random) -> str:
    value = number(rng)
    return f"{value}={value}" if rng.random() < 0.75 else "1=1"


def _same_string(rng: Random) -> str:
    value = letters(rng)
    return f"'{value}'='{value}'" if rng.random() < 0.6 else f"'{value}' like '{value}'"


def _characters(call: str, glue: str, rng: Random) -> str:
    codes = (97 + int(rng.random() * 26) for _ in range(3 + int(rng.random() * 4)))
    return glue.join(f"{call}({code})" for code in codes)


_SQL = Grammar(
    "sql",
    {
        "same": _same,
        "samestring": _same_string,
        "digit": lambda rng: str(int(rng.random() * 10)),
        "chars": lambda rng: _characters("chr" if rng.random() < 0.6 else "char", "||", rng),
        "pluses": lambda rng: _characters("char", "+", rng),
        "nulls": lambda rng: ",".join(["null"] * (1 + int(rng.random() * 10))),
        "repeated": lambda rng: ",".join([number(rng)] * (1 + int(rng.random() * 10))),
    },
)

_QUOTES = ("'", "'", "'", '"', "", "", "%'", '%"', "`")


def _injection(rng: Random, value: str) -> str:
    """Return an SQL injection, not encoded: a way out of the literal, a clause, a way back in.

    Some start with `value`, a harmless value of the attacked field.
    """
    if rng.random() < 0.1:
        return _SQL.draw(rng, "human")
    quote = _QUOTES[int(rng.random() * len(_QUOTES))]
    depth = int(rng.random() ** 2 * 4)
    clause = _SQL.draw(rng, "clause")
    return _start(rng, value) + quote + ")" * depth + _alias(rng) + clause + _end(rng, quote, depth)


def _start(rng: Random, value: str) -> str:
    chance = rng.random()
    if chance < 0.35:
        return "1"
    return f"-{number(rng)}" if chance < 0.65 else value


def _alias(rng: Random) -> str:
    chance = rng.random()
    if chance < 0.75:
        return ""
    return f" where {_same(rng)}" if chance < 0.9 else f" as {letters(rng)} where {_same(rng)}"


def _end(rng: Random, quote: str, depth: int) -> str:
    if rng.random() < 0.55:
        return _SQL.draw(rng, "comment")
    mark = quote.lstrip("%")
    value = letters(rng) if mark else number(rng)
    equals = " like " if mark and rng.random() < 0.3 else "="
    return f" and {'(' * depth}{mark}{value}{mark}{equals}{mark}{value}"


_GRAMMAR = Grammar(
    "attacks",
    {
        "address": address,
        "sum": lambda rng: f"{number(rng)}*{number(rng)}" if rng.random() < 0.5 else "7*7",
    },
)


def _other(*symbols: str) -> Callable[[Random, str], str]:
    def attack(rng: Random, value: str) -> str:
        payload = _GRAMMAR.draw(rng, symbols[int(rng.random() * len(symbols))])
        chance = rng.random()
        if chance < 0.6:
            return payload
        return value + payload if chance < 0.85 else f"{value} {payload}"

    return attack


def _alone(symbol: str) -> Callable[[Random, str], str]:
    return lambda rng, value: _GRAMMAR.draw(rng, symbol)


# Family: how to draw one, its share of the attacks when the log starts and when it ends.
FAMILIES: dict[str, tuple[Callable[[Random, str], str], float, float]] = {
    "sql": (_injection, 0.55, 0.42),
    "xss": (_other("script", "markup", "outbreak"), 0.16, 0.14),
    "shell": (_other("shell"), 0.09, 0.08),
    "traversal": (_alone("traversal"), 0.11, 0.10),
    "nosql": (_alone("nosql"), 0.017, 0.05),
    "ldap": (_alone("ldap"), 0.014, 0.04),
    "include": (_other("include"), 0.014, 0.045),
    "template": (_other("template"), 0.016, 0.04),
    "redirect": (_alone("redirect"), 0.016, 0.045),
    "header": (_alone("header"), 0.013, 0.04),
}


def family(rng: Random, progress: float) -> str:
    """Choose a key of `FAMILIES`, given how much of the log lies behind, 0 to 1.

    Half of the shift from the first to the last shares falls into the held-out quarter.
    """
    late = progress**3
    chance = rng.random()
    for name, (_, first, last) in FAMILIES.items():
        chance -= first + (last - first) * late
        if chance < 0:
            return name
    return "sql"
