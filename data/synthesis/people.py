"""Pools of people, places and words, drawn once from Faker, and plain values made of them."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from faker import Faker

from data.synthesis.grammar import Grammar, pick

# Mostly Spanish: the log that this one stands in for came from a Spanish shop.
# Italian is left out: Faker keeps its towns in a set, whose order differs between processes.
_SPANISH = ("es_ES",) * 3 + ("es_MX",)
_LOCALES = (*_SPANISH, "en_US", "en_GB", "fr_FR", "de_DE", "pt_PT", "pt_BR", "pl_PL", "nl_NL")
_DRAWS = 160
_FOREIGN = ("ru_RU", "ja_JP")
_FOREIGN_DRAWS = 12

_RULES = r"""
word: 2§«syllable»«syllable» ¦ 3§«syllable»«syllable»«syllable» ¦ «syllable»«word4»
word4: «syllable»«syllable»«syllable»
syllable: a ¦ al ¦ am ¦ an ¦ ar ¦ be ¦ ber ¦ bo ¦ ca ¦ can ¦ car ¦ ce ¦ cho ¦ ci ¦ con ¦ cu ¦ da
 ¦ de ¦ den ¦ des ¦ di ¦ do ¦ dor ¦ dra ¦ e ¦ el ¦ en ¦ es ¦ fa ¦ fer ¦ ga ¦ gar ¦ gi ¦ go ¦ gra
 ¦ gue ¦ ha ¦ i ¦ in ¦ ja ¦ la ¦ lan ¦ ler ¦ li ¦ lo ¦ lu ¦ ma ¦ mar ¦ men ¦ mi ¦ mo ¦ na ¦ ne ¦ ni
 ¦ no ¦ ña ¦ o ¦ ol ¦ on ¦ or ¦ pa ¦ pe ¦ per ¦ pi ¦ po ¦ pre ¦ que ¦ ra ¦ re ¦ ri ¦ ro ¦ ru ¦ sa
 ¦ se ¦ si ¦ so ¦ ta ¦ te ¦ ti ¦ to ¦ tor ¦ tra ¦ u ¦ un ¦ va ¦ ve ¦ vi ¦ xa ¦ y ¦ za ¦ zo ¦ th ¦ ck
 ¦ st ¦ ing ¦ er ¦ ly ¦ ton ¦ wood ¦ ham ¦ ford ¦ son ¦ ley ¦ ster
comma: 2§,  ¦ 2§  ¦ , n  ¦  no. ¦ , nr.
way: calle ¦ c/ ¦ avenida ¦ av. ¦ pl. ¦ plaza ¦ paseo ¦ camino ¦ ronda ¦ rua ¦ via
door:  «floor»-«letter» ¦ , «floor»?«letter» ¦ , «floor»«letter» ¦  «floor» «letter» ¦ ,
 ¦  (floor «floor») ¦  «floor»º«letter» ¦ /«floor» ¦ , apt. «floor»«letter»
"""
_GRAMMAR = Grammar(
    _RULES,
    {
        "floor": lambda rng: str(1 + int(rng.random() * 12)),
        "letter": lambda rng: chr(97 + int(rng.random() * 8)),
    },
)
_KEYS = tuple("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!_-.")


@dataclass(frozen=True)
class Pools:
    """What plain values are combined from; every pool keeps the order it was drawn in."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    street: tuple[str, ...]
    city: tuple[str, ...]
    company: tuple[str, ...]
    domain: tuple[str, ...]
    word: tuple[str, ...]


@lru_cache(maxsize=4)
def pools(seed: int) -> Pools:
    """Draw the pools.

    Args:
        seed: Decides them, together with the installed version of Faker.

    Returns:
        Some hundreds to thousands of texts each; a part of them without accents, as shops
        store them.
    """
    drawn: dict[str, list[str]] = {name: [] for name in Pools.__dataclass_fields__}
    faker = Faker(list(dict.fromkeys(_LOCALES + _FOREIGN)))
    faker.seed_instance(seed)
    rng = Random(seed)
    for locale in _LOCALES + _FOREIGN:
        local = faker[locale]
        makers: dict[str, Callable[[], str]] = {
            "first": local.first_name,
            "last": local.last_name,
            "street": local.street_name,
            "city": local.city,
            "company": local.company,
            "domain": local.domain_name,
            "word": local.word,
        }
        draws = _FOREIGN_DRAWS if locale in _FOREIGN else _DRAWS
        for name, maker in makers.items():
            drawn[name] += [_spelled(rng, maker()) for _ in range(draws)]
    return Pools(**{name: tuple(dict.fromkeys(texts)) for name, texts in drawn.items()})


def _spelled(rng: Random, text: str) -> str:
    """Half of the texts in Latin letters lose their accents; two thirds lose their capitals."""
    if rng.random() < 0.5:
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        text = plain if len(plain) > 0.8 * len(text) else text
    return text.lower() if rng.random() < 0.67 else text


class People:
    """Makes plain values: what honest customers type most of the time.

    Args:
        seed: Decides the pools.
    """

    def __init__(self, seed: int) -> None:
        self._pools = pools(seed)
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

    def first(self, rng: Random) -> str:
        """Return a given name."""
        return pick(rng, self._pools.first)

    def last(self, rng: Random) -> str:
        """Return a family name."""
        return pick(rng, self._pools.last)

    def name(self, rng: Random) -> str:
        """Return a person's full name."""
        return f"{self.first(rng)} {self.last(rng)}"

    def surnames(self, rng: Random) -> str:
        """Return two family names, as Spanish forms ask for."""
        return f"{self.last(rng)} {self.last(rng)}"

    def city(self, rng: Random) -> str:
        """Return a town."""
        return pick(rng, self._pools.city)

    def company(self, rng: Random) -> str:
        """Return a firm's name."""
        return pick(rng, self._pools.company)

    def domain(self, rng: Random) -> str:
        """Return a host name."""
        return pick(rng, self._pools.domain)

    def word(self, rng: Random) -> str:
        """Return a dictionary word, or one put together from syllables."""
        if rng.random() < 0.4:
            return pick(rng, self._pools.word)
        return _GRAMMAR.draw(rng, "word")

    def address(self, rng: Random) -> str:
        """Return a street with a house number and often a floor and door."""
        street = pick(rng, self._pools.street)
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
