"""Requests as log records: one line of JSON, with the time, the client and the answer."""

import json
from random import Random

from data.synthesis.grammar import address, pick, read_words
from data.synthesis.log_file import make_headers
from data.synthesis.shop import Request

_HOST = "shop.example.com"
_CLIENTS = 4000
_LANGUAGES = ("en-us", "en-US,en;q=0.8,es;q=0.6", "es-ES,es;q=0.9", "de-DE,de;q=0.9", "fr-FR")
_REFERERS = ("enter", "", "products/17", "search?query=lamp", "account", "cart")
_OTHER_SITES = ("https://www.google.com/", "https://duckduckgo.com/?q=lamp+%26+table")
_ERRORS = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
_ANSWERS = {"/search": "SEARCH", "/login": "LOGIN", "/checkout": "CHECKOUT", "/profile": "PROFILE"}


class Recorder:
    """Writes requests as records; the seed decides the clients' addresses."""

    def __init__(self, seed: int) -> None:
        rng = Random(seed)
        self._agents = read_words("agent")
        self._clients = tuple(address(rng) for _ in range(_CLIENTS))

    def client(self, rng: Random) -> str:
        """Return a customer's address."""
        return pick(rng, self._clients)

    def record(self, rng: Random, request: Request, timestamp: int, client: str) -> str:
        """Write a record as JSON on one line, keys in the order of the assignment's log.

        The time is in milliseconds since 1970, the client an IPv4 address.
        """
        body = None
        if request.payload is not None:
            body = json.dumps(request.payload, separators=(",", ":"), ensure_ascii=False)
        record = {
            "timestamp": timestamp,
            "method": request.method,
            "query": request.query,
            "path": request.path,
            "statusCode": request.status,
            "source": self._source(rng, client),
            "route": request.route,
            "headers": make_headers(_HOST, pick(rng, _LANGUAGES), body),
            "requestPayload": request.payload,
            "responsePayload": _answer(request),
        }
        return json.dumps(record, separators=(",", ":"), ensure_ascii=False)

    def _source(self, rng: Random, client: str) -> dict[str, str]:
        source = {"remoteAddress": client}
        if rng.random() < 0.7:
            source["referer"] = f"https://{_HOST}/{pick(rng, _REFERERS)}"
        elif rng.random() < 0.2:
            source["referer"] = pick(rng, _OTHER_SITES)
        if rng.random() < 0.9:
            source["userAgent"] = pick(rng, self._agents)
        return source


def _answer(request: Request) -> object:
    if request.status == 200:
        return _ANSWERS.get(request.route, "OK")
    error = _ERRORS[request.status]
    return {"statusCode": request.status, "error": error, "message": f"{error}: {request.route}"}
