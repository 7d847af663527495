"""Harmless values that look like attacks, and the small talk of a shop around them."""

from random import Random

from data.synthesis.encodings import escape
from data.synthesis.grammar import Grammar
from data.synthesis.people import People


def _base64(rng: Random) -> str:
    return "".join(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[int(rng.random() * 62)]
        for _ in range(10 + int(rng.random() * 30))
    )


# Which hard values a field may hold; plain values come from `People`.
_HARD = {
    "query": (
        *("sql", "sql", "shell", "shell", "markup", "percent"),
        *("percent", "token", "name", "json"),
    ),
    "username": ("name", "name", "token", "percent"),
    "password": ("secret", "secret", "token"),
    "name": ("name",),
    "address": ("address",),
    "city": ("place",),
    "text": ("hardtext",),
    "file": ("hardfile",),
    "path": ("hardfile",),
    "next": ("hardnext",),
}


class Talk:
    """Makes a shop's texts: products, comments, files, and hard values of each field."""

    def __init__(self, people: People) -> None:
        self._grammar = Grammar(
            "talk",
            {
                "base64": _base64,
                "letter": lambda rng: chr(97 + int(rng.random() * 26)),
                "word": people.word,
                "first": people.first,
                "last": people.last,
                "city": people.city,
                "street": people.address,
                "company": people.company,
                "domain": people.domain,
                "email": people.email,
            },
        )

    def say(self, rng: Random, symbol: str) -> str:
        """Return a plain text: `product`, `text`, `file` or `next`."""
        return self._grammar.draw(rng, symbol)

    def hard(self, rng: Random, field: str) -> str | None:
        """Return a value that looks like an attack and is none; None for some fields."""
        symbols = _HARD.get(field)
        if symbols is None:
            return None
        text = self._grammar.draw(rng, symbols[int(rng.random() * len(symbols))])
        return escape(rng, text) if rng.random() < 0.06 else text
