"""What the service needs of ASGI (https://asgi.readthedocs.io): addresses, requests and replies.

A web framework in their place adds half of what a request takes without the model.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

CLOSE = {"connection": "close"}

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose body may still be on its way.

    Attributes:
        headers: Names in lower case, and values.
        receive: Waits for a part of the body, as ASGI says.
    """

    headers: Sequence[tuple[bytes, bytes]]
    receive: Receive

    def header(self, name: bytes) -> bytes:
        """Return a header's value; empty if there is none."""
        return next((value for key, value in self.headers if key == name), b"")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client gets.

    Attributes:
        body: The content.
        headers: Names in lower case, and values; the body's length is added.
        status: Of HTTP.
    """

    body: bytes
    headers: Mapping[str, str]
    status: int = 200

    @classmethod
    def of_json(
        cls, content: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> "Reply":
        """Make a reply of JSON values."""
        body = _JSON.encode(content).encode()
        return cls(body, {"content-type": "application/json", **(headers or {})}, status)


class Refusal(Exception):
    """A request is not answered: an object with one line, `error`, is.

    Args:
        status: Of HTTP, 400 or more.
        error: What is wrong.
        headers: Names in lower case, and values.
    """

    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.reply = Reply.of_json({"error": error}, status, headers)


@dataclass(frozen=True)
class Endpoint:
    """What answers at one address.

    Attributes:
        answer: Replies to a request, or raises `Refusal`.
        methods: What it may be asked by.
    """

    answer: Callable[[Request], Awaitable[Reply]]
    methods: Sequence[str] = ("GET", "HEAD")


@dataclass(frozen=True)
class Application:
    """An ASGI application.

    Attributes:
        endpoints: By path.
        running: Opened before the first request, and closed after the last.
        is_ending: Whether a reply is to be the last one of its connection.
    """

    endpoints: Mapping[str, Endpoint]
    running: Callable[[], AbstractAsyncContextManager[None]]
    is_ending: Callable[[], bool] = field(default=lambda: False)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request, or run for as long as the server does."""
        if scope["type"] == "lifespan":
            await self._run(receive, send)
            return
        try:
            reply = await self._reply(scope, receive)
        except Refusal as refusal:
            reply = refusal.reply
        except Exception:
            error = {"error": "internal error; the server's log says more"}
            await _give(Reply.of_json(error, 500), {}, send)
            raise  # The server logs it.
        await _give(reply, CLOSE if self.is_ending() else {}, send)

    async def _reply(self, scope: Mapping[str, Any], receive: Receive) -> Reply:
        endpoint = self.endpoints.get(scope["path"])
        if endpoint is None:
            raise Refusal(404, "Not Found")
        if scope["method"] not in endpoint.methods:
            raise Refusal(405, "Method Not Allowed", {"allow": ", ".join(endpoint.methods)})
        return await endpoint.answer(Request(scope["headers"], receive))

    async def _run(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def _give(reply: Reply, more: Mapping[str, str], send: Send) -> None:
    headers = {**reply.headers, "content-length": str(len(reply.body)), **more}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    await send({"type": "http.response.body", "body": reply.body})
