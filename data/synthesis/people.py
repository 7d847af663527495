"""Plain values of people, places and words: what honest customers type most of the time."""

from random import Random

from data.synthesis.grammar import Grammar, Maker, pick, read_words

_GRAMMAR = Grammar(
    "people",
    {
        "floor": lambda rng: str(1 + int(rng.random() * 12)),
        "letter": lambda rng: chr(97 + int(rng.random() * 8)),
    },
)
_KEYS = tuple("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!_-.")


def _one_of(name: str) -> Maker:
    words = read_words(name)
    return lambda rng: pick(rng, words)


class People:
    """Makes plain values out of word lists.

    The lists were drawn once from Faker, mostly Spanish: the log that this one stands in for came
    from a Spanish shop.
    """

    def __init__(self) -> None:
        self.first, self.last = _one_of("first"), _one_of("last")
        self.city, self.company, self.domain = map(_one_of, ("city", "company", "domain"))
        self._street, self._word = _one_of("street"), _one_of("word")
        self._anything = (
            self.name,
            self.surnames,
            self.word,
            self.word,
            self.word,
            self.address,
            self.city,
            self.email,
            self.identity,
            self.postcode,
            self.card,
            self.password,
        )

    def name(self, rng: Random) -> str:
        """Return a person's full name."""
        return f"{self.first(rng)} {self.last(rng)}"

    def surnames(self, rng: Random) -> str:
        """Return two family names, as Spanish forms ask for."""
        return f"{self.last(rng)} {self.last(rng)}"

    def word(self, rng: Random) -> str:
        """Return a dictionary word, or one put together from syllables."""
        if rng.random() < 0.4:
            return self._word(rng)
        return _GRAMMAR.draw(rng, "word")

    def address(self, rng: Random) -> str:
        """Return a street with a house number and often a floor and door."""
        street = self._street(rng)
        if rng.random() < 0.3:
            street = f"{_GRAMMAR.draw(rng, 'way')} {self.last(rng)}"
        door = _GRAMMAR.draw(rng, "door") if rng.random() < 0.5 else ""
        return f"{street}{_GRAMMAR.draw(rng, 'comma')}{1 + int(rng.random() * 199)}{door}"

    def email(self, rng: Random) -> str:
        """Return an e-mail address, some with a tag after a plus."""
        local = self.first(rng).lower().replace(" ", "")
        if rng.random() < 0.6:
            local += pick(rng, (".", "_", "-", "", "+")) + self.last(rng).lower().replace(" ", "")
        elif rng.random() < 0.5:
            local += pick(rng, ("+shop", "+news", "+1", "99", "_x", "+spam"))
        return f"{local}@{self.domain(rng)}"

    def identity(self, rng: Random) -> str:
        """Return an identity number: eight digits and a letter."""
        return f"{rng.getrandbits(26):08d}{chr(97 + int(rng.random() * 26))}"

    def postcode(self, rng: Random) -> str:
        """Return a postcode or another short number."""
        return str(1 + int(rng.random() * 52_999)).zfill(int(rng.random() * 6))

    def card(self, rng: Random) -> str:
        """Return a card number of 16 digits, some in groups of four."""
        digits = f"{rng.getrandbits(53):016d}"
        if rng.random() < 0.8:
            return digits
        glue = " " if rng.random() < 0.6 else "-"
        return glue.join(digits[place : place + 4] for place in (0, 4, 8, 12))

    def password(self, rng: Random) -> str:
        """Return an everyday password: a word with digits put in or behind."""
        word = self.word(rng).lower().replace(" ", "")
        chance = rng.random()
        if chance < 0.35:
            return word
        if chance < 0.6:
            return f"{word}{int(rng.random() * 9999)}"
        if chance < 0.75:
            return "".join(pick(rng, _KEYS) for _ in range(6 + int(rng.random() * 8)))
        return "".join(
            char if rng.random() < 0.6 else str(int(rng.random() * 10)) for char in word + "ab"
        )

    def anything(self, rng: Random) -> str:
        """Return some plain value of any sort: browsers fill the wrong field, too."""
        return self._anything[int(rng.random() * len(self._anything))](rng)
