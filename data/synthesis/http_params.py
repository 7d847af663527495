"""An access log around real request values: those of HttpParamsDataset, in the assignment's format.

Each value is in a field of a request to a small shop, and the rows are in bursts of one label, as
in a log under attack. The figures of the READMEs were taken on this log, so no byte of it may
change: every draw below, also one whose result is not used, moves the generator on.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from data.synthesis.log_file import make_headers, normal_rows

HTTP_PARAMS_ROWS = 26_773
_SEED = 7
_START = 1_502_738_402_847  # milliseconds since 1970
_LONGEST_PAUSE = 30  # milliseconds
_LONGEST_BURST = 60  # rows

_HOST = "localhost:8002"
_CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_12_3) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/59.0.3071.115 Safari/537.36"
)
_FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:54.0) Gecko/20100101 Firefox/54.0"
_AGENTS = (_CHROME, _FIREFOX, None)
_LANGUAGES = ("en-us", "en-US,en;q=0.8,es;q=0.6")
_ENDPOINTS = ("login", "search", "checkout", "profile")
_WEIGHTS = (5, 3, 2, 1)


def http_params_log(payloads: Path) -> Iterator[tuple[str, int]]:
    """Make the log of HttpParamsDataset's `payload_full.csv`: 26,773 raw records and labels."""
    rng = Random(_SEED)
    shop = _Shop(rng, _Values.read(payloads))
    time = _START
    labels = list(_labels(rng))  # All of them are drawn before the first row.
    for label in labels:
        time += rng.randint(0, _LONGEST_PAUSE)
        yield _dump(shop.record(time, label)).replace("|", "\\u007c"), label


class _Values(NamedTuple):
    """The data set's values, each list in the order of the file."""

    normal: list[str]
    words: list[str]  # normal ones of letters only
    cards: list[str]  # normal ones that look like the number of a credit card
    attacks: dict[str, list[str]]  # by the kind of attack
    kinds: list[str]  # one for each attack: a kind is drawn as often as it occurs

    @classmethod
    def read(cls, path: Path) -> "_Values":
        normal: list[str] = []
        attacks: dict[str, list[str]] = {}
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                of_label = normal
                if row["label"] == "anom":
                    of_label = attacks.setdefault(row["attack_type"], [])
                of_label.append(row["payload"])
        return cls(
            normal,
            [value for value in normal if value.isalpha() and len(value) > 3],
            [value for value in normal if value.isdigit() and len(value) == 16],
            attacks,
            [kind for kind, values in attacks.items() for _ in values],
        )


def _labels(rng: Random) -> Iterator[int]:
    """Return the labels in runs of 1 to 60; each slice has its share of both."""
    for size, normal in normal_rows(HTTP_PARAMS_ROWS):
        rng.shuffle([0] * size)
        left = [normal, size - normal]
        while any(left):
            label = int(rng.random() >= left[0] / sum(left))
            burst = min(rng.randint(1, _LONGEST_BURST), left[label])
            left[label] -= burst
            yield from [label] * burst


class _Shop:
    """Puts values into requests, and writes these as a server logs them."""

    def __init__(self, rng: Random, values: _Values) -> None:
        self._rng = rng
        self._values = values

    def record(self, time: int, label: int) -> dict[str, Any]:
        """Return a request at a time in milliseconds since 1970, harmless or an attack."""
        (endpoint,) = self._rng.choices(_ENDPOINTS, _WEIGHTS)
        value = self._attack() if label else self._normal()
        match endpoint:
            case "login":
                return self._login(time, value, bool(label))
            case "search":
                return self._record(time, f"/{endpoint}", 200, "SEARCH", query={"query": value})
            case "checkout":
                return self._checkout(time, value, bool(label))
            case _:
                return self._profile(time, value)

    def _attack(self) -> str:
        return self._rng.choice(self._values.attacks[self._rng.choice(self._values.kinds)])

    def _normal(self) -> str:
        return self._rng.choice(self._values.normal)

    def _login(self, time: int, value: str, attack: bool) -> dict[str, Any]:
        rng = self._rng
        other = self._normal()
        first = rng.random() < 0.6 or not attack
        name, password = (value, other) if first else (other, value)
        payload = {"username": name, "password": password}
        if not attack and rng.random() < 0.3:
            return self._record(time, "/login", 200, "LOGIN", payload)
        answer = {"statusCode": 401, "error": "Unauthorized", "message": "Invalid Login"}
        return self._record(time, "/login", 401, answer, payload)

    def _checkout(self, time: int, value: str, attack: bool) -> dict[str, Any]:
        rng = self._rng
        payload = {"creditCard": value if attack else rng.choice(self._values.cards)}
        if attack or rng.random() < 0.2:
            answer = {"statusCode": 400, "error": "Bad Request"}
            return self._record(time, "/checkout", 400, answer, payload)
        return self._record(time, "/checkout", 200, "CHECKOUT", payload)

    def _profile(self, time: int, value: str) -> dict[str, Any]:
        rng, words = self._rng, self._values.words
        payload = {"name": rng.choice(words), "address": self._normal(), "city": rng.choice(words)}
        payload[rng.choice(list(payload))] = value
        return self._record(time, "/profile", rng.choice((200, 400)), "PROFILE", payload)

    def _record(
        self,
        time: int,
        path: str,
        status: int,
        answer: object,
        payload: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        body = None if payload is None else _dump(payload)
        return {
            "timestamp": time,
            "method": "get" if payload is None else "post",
            "query": query or {},
            "path": path,
            "statusCode": status,
            "source": self._source(),
            "route": path,
            "headers": make_headers(_HOST, self._rng.choice(_LANGUAGES), body),
            "requestPayload": payload,
            "responsePayload": answer,
        }

    def _source(self) -> dict[str, str]:
        rng = self._rng
        source = {"remoteAddress": ".".join(str(rng.randint(1, 250)) for _ in range(4))}
        if rng.random() < 0.4:
            source["referer"] = f"http://{_HOST}/enter"
        if agent := rng.choice(_AGENTS):
            source["userAgent"] = agent
        return source


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
