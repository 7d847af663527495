"""What the service needs of ASGI, by the messages that it gets from a server and sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from results.serving.asgi import CLOSE, Application, Endpoint, Message, Refusal, Reply, Request


async def _shown(request: Request) -> Reply:
    part = await request.receive()
    shown = request.header(b"authorization")
    return Reply.of_json({"token": shown.decode(), "body": part["body"].decode()})


async def _refused(_: Request) -> Reply:
    raise Refusal(418, "no t\xe9a", {"retry-after": "9", **CLOSE})


async def _broken(_: Request) -> Reply:
    raise ZeroDivisionError("secret")


def _application(*, ending: bool = False) -> Application:
    endpoints = {
        "/shown": Endpoint(_shown, ["POST"]),
        "/refused": Endpoint(_refused),
        "/broken": Endpoint(_broken),
    }
    return Application(endpoints, running=_nothing, is_ending=lambda: ending)


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


def _ask(application: Application, method: str, path: str) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"h"), (b"authorization", b"Bearer a"), (b"authorization", b"b")]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(application(scope, receive, send))
    start, body = sent
    assert start["type"] == "http.response.start" and body["type"] == "http.response.body"
    return start["status"], dict(start["headers"]), body["body"]


def test_an_endpoint_sees_a_request_and_its_first_header_of_a_name() -> None:
    body = b'{"token":"Bearer a","body":"x"}'
    headers = {b"content-type": b"application/json", b"content-length": b"31"}
    assert _ask(_application(), "POST", "/shown") == (200, headers, body)
    assert _ask(_application(ending=True), "POST", "/shown")[1] == {
        **headers,
        b"connection": b"close",
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "headers", "body"),
    [
        ("GET", "/", 404, {}, b'{"error":"Not Found"}'),
        ("GET", "/shown/", 404, {}, b'{"error":"Not Found"}'),
        ("GET", "/shown", 405, {b"allow": b"POST"}, b'{"error":"Method Not Allowed"}'),
        ("PUT", "/refused", 405, {b"allow": b"GET, HEAD"}, b'{"error":"Method Not Allowed"}'),
        (
            "HEAD",
            "/refused",
            418,
            {b"retry-after": b"9", b"connection": b"close"},
            b'{"error":"no t\xc3\xa9a"}',
        ),
    ],
)
def test_what_is_refused(
    method: str, path: str, status: int, headers: dict[bytes, bytes], body: bytes
) -> None:
    given = _ask(_application(), method, path)
    kind = {b"content-type": b"application/json", b"content-length": b"%d" % len(body)}
    assert given == (status, {**kind, **headers}, body)


def test_an_error_of_ones_own_is_answered_and_left_to_the_server_to_log() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/broken", "headers": []}
    with pytest.raises(ZeroDivisionError):
        asyncio.run(_application()(scope, None, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 500
    assert b"internal" in sent[1]["body"] and b"secret" not in sent[1]["body"]


def test_it_runs_from_start_to_shutdown() -> None:
    happened: list[str] = []

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        happened.append("opened")
        yield
        happened.append("closed")

    told = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Message:
        happened.append(next(told))
        return {"type": happened[-1]}

    async def send(message: Message) -> None:
        happened.append(message["type"])

    asyncio.run(Application({}, running)({"type": "lifespan"}, receive, send))
    assert happened == [
        "lifespan.startup",
        "opened",
        "lifespan.startup.complete",
        "lifespan.shutdown",
        "closed",
        "lifespan.shutdown.complete",
    ]
