"""The shop's API: which endpoints it has, what an honest or an attacked request to one holds."""

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from data.synthesis.attacks import FAMILIES
from data.synthesis.encodings import disguise
from data.synthesis.grammar import Maker
from data.synthesis.people import People
from data.synthesis.talk import Talk

Fields = dict[str, object]


class Request(NamedTuple):
    """One request as the shop sees it, before it is written as a log record."""

    method: str
    route: str
    path: str
    query: Fields
    payload: Fields | None
    status: int
    kind: str  # "plain", "hard" or the attack's family


@dataclass(frozen=True)
class Endpoint:
    """An endpoint and how often it is asked for."""

    name: str  # its route
    method: str  # lower-case HTTP method
    share: float  # its share of all requests, of honest ones and attacks alike
    fields: tuple[str, ...]  # always present, in this order
    extras: tuple[str, ...]  # present in few requests, in this order, behind the others
    failure: int  # the status that it answers with when it refuses, whatever the values
    failures: float  # the share of refused requests
    targets: tuple[str, ...]  # the fields that attacks aim at


ENDPOINTS = (
    Endpoint("/search", "get", 0.3, ("query",), ("category", "sort", "page"), 400, 0.0, ("query",)),
    Endpoint(
        "/login", "post", 0.34, ("username", "password"), (), 401, 0.75, ("username", "password")
    ),
    Endpoint(
        "/checkout",
        "post",
        0.135,
        ("creditCard",),
        ("name", "address", "city"),
        400,
        0.4,
        ("creditCard", "creditCard", "creditCard", "name", "address"),
    ),
    Endpoint(
        "/profile",
        "post",
        0.12,
        ("name", "address", "city"),
        ("email", "company"),
        400,
        0.5,
        ("name", "address", "city"),
    ),
    Endpoint(
        "/comments", "post", 0.06, ("product", "rating", "text"), (), 400, 0.1, ("text", "product")
    ),
    Endpoint("/files", "get", 0.025, ("file",), (), 404, 0.2, ("file",)),
    Endpoint("/files/{path}", "get", 0.02, (), (), 404, 0.2, ("path",)),
)
_LOGIN = ENDPOINTS[1]
_STRAY = 0.15  # share of the open fields below that hold some other field's value
_NEXT = 0.08  # share of logins that say where to go next
_EXTRA = 0.12  # share of requests that fill an endpoint's extra field
# Fields that browsers and people fill with anything.
_OPEN = frozenset(("query", "username", "password", "name", "address", "city"))


class Shop:
    """Makes requests."""

    def __init__(self) -> None:
        self._people = People()
        self._talk = Talk(self._people)
        self._makers: dict[str, Maker] = {
            "query": self._query,
            "category": self._people.word,
            "sort": lambda rng: "price" if rng.random() < 0.6 else "newest",
            "page": _small_number,
            "product": _small_number,
            "username": self._username,
            "password": self._people.password,
            "name": self._people.name,
            "address": self._people.address,
            "city": self._people.city,
            "email": self._people.email,
            "company": self._people.company,
            "creditCard": self._people.card,
        }

    def endpoint(self, rng: Random) -> Endpoint:
        """Choose an endpoint by the shares."""
        chance = rng.random()
        for endpoint in ENDPOINTS:
            chance -= endpoint.share
            if chance < 0:
                return endpoint
        return ENDPOINTS[0]

    def honest(self, rng: Random, hard_share: float) -> Request:
        """Make a harmless request; `hard_share` of them have a value that looks like an attack."""
        endpoint = self.endpoint(rng)
        values = self._values(rng, endpoint)
        if rng.random() < hard_share:
            field = list(values)[int(rng.random() * len(values))]
            hard = self._talk.hard(rng, field)
            if hard is not None:
                values[field] = hard
                return self._request(rng, endpoint, values, "hard")
        return self._request(rng, endpoint, values, "plain")

    def attack(self, rng: Random, endpoint: Endpoint, family: str, disguised: float) -> Request:
        """Make an attack of a family on an endpoint; `disguised` is the share that is encoded.

        Redirects mostly go to the login instead.
        """
        redirect = family == "redirect" and rng.random() < 0.8
        if redirect:
            endpoint = _LOGIN
        values = self._values(rng, endpoint)
        present = tuple(name for name in endpoint.targets if name in values)
        targets = ("next",) if redirect else present
        field = targets[int(rng.random() * len(targets))]
        payload = FAMILIES[family][0](rng, str(values.get(field, "")))
        values[field] = disguise(rng, payload, disguised)
        return self._request(rng, endpoint, values, family)

    def _values(self, rng: Random, endpoint: Endpoint) -> Fields:
        fields = [*endpoint.fields, *(name for name in endpoint.extras if rng.random() < _EXTRA)]
        values: Fields = {name: self._value(rng, name) for name in fields}
        if endpoint is _LOGIN and rng.random() < _NEXT:
            values["next"] = self._talk.say(rng, "next")
        if endpoint.name == "/files/{path}":
            values["path"] = self._value(rng, "file")
        return values

    def _value(self, rng: Random, field: str) -> object:
        if field == "rating":
            return 1 + int(rng.random() * 5)
        if rng.random() < _STRAY and field in _OPEN:
            return self._people.anything(rng)
        maker = self._makers.get(field)
        return self._talk.say(rng, field) if maker is None else maker(rng)

    def _query(self, rng: Random) -> str:
        if rng.random() < 0.5:
            return self._people.anything(rng)
        return self._talk.say(rng, "product")

    def _username(self, rng: Random) -> str:
        chance = rng.random()
        if chance < 0.3:
            return self._people.email(rng)
        if chance < 0.45:
            return self._people.identity(rng)
        return self._people.first(rng) if chance < 0.75 else self._people.word(rng)

    def _request(self, rng: Random, endpoint: Endpoint, values: Fields, kind: str) -> Request:
        status = endpoint.failure if rng.random() < endpoint.failures else 200
        path = endpoint.name
        if path == "/files/{path}":
            path = f"/files/{values.pop('path')}"
        after = {"next": values.pop("next")} if "next" in values else {}
        query, payload = (values, None) if endpoint.method == "get" else (after, values)
        return Request(endpoint.method, endpoint.name, path, query, payload, status, kind)


def _small_number(rng: Random) -> str:
    """Return a number up to 9,999, the small ones likelier."""
    return str(1 + int(rng.random() * 9999 ** rng.random()))
