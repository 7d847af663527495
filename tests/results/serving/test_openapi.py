"""The service's description in OpenAPI is valid, and a real socket answers as it says."""

import contextlib
import http.client
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from data.records import Answer
from results.serving import Limits, Predictor
from results.serving.openapi import PATH
from results.serving.service import Service
from tests.results.conftest import record
from tests.results.serving.running import Reply, Running, send, serving, until
from tests.results.serving.test_service import TOKEN, Held, refuses

GOOD = record(1, False, 20)
LIMITS = Limits(body=20_000, batch=50, queue=60)
BEARER = {"Authorization": f"Bearer {TOKEN}"}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

Exchange = tuple[str, str, Reply]  # method, path, what came back


@pytest.fixture(scope="module")
def service(predictor: Predictor) -> Iterator[Running]:
    with serving(predictor.answers, LIMITS) as running:
        yield running


def description(running: Running) -> Any:
    return running.call("GET", PATH).json


def strict(schema: Any) -> Any:
    """Let a schema's objects have no keys but the ones that it names."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if "properties" in schema else {}
    return {**{name: strict(value) for name, value in schema.items()}, **closed}


def check(described: Any, method: str, path: str, reply: Reply) -> None:
    """Check an answer's status, headers, media type and body against the description."""
    responses = described["paths"][path][method.lower()]["responses"]
    assert str(reply.status) in responses, (method, path, reply)
    response = responses[str(reply.status)]
    assert {name.lower() for name in response.get("headers", ())} <= set(reply.headers)
    media_type = reply.headers["content-type"].partition(";")[0]
    schema = strict(response["content"][media_type]["schema"])
    root = {**schema, "components": strict(described["components"])}
    content = reply.json if media_type == "application/json" else reply.body.decode()
    Draft202012Validator(root).validate(content)


def a_body_that_does_not_come(running: Running) -> Reply:
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as slow:
        slow.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        response = http.client.HTTPResponse(slow)
        response.begin()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, headers, response.read())


def usual(running: Running) -> Iterator[Exchange]:
    """Ask for what any service answers."""
    too_large = b'"' + b"x" * 30_000 + b'"'
    for body in (GOOD, "Mallory", [GOOD, "Mallory", 7, None], [], b"{", [1] * 51, too_large):
        yield "POST", "/predict", running.post(body, **BEARER)
    for path in ("/health", "/metrics", PATH):
        yield "GET", path, running.call("GET", path, None, BEARER)


def without_token(running: Running) -> Iterator[Exchange]:
    yield "POST", "/predict", running.post(GOOD)
    yield "GET", "/metrics", running.call("GET", "/metrics")
    for path in ("/health", PATH):
        yield "GET", path, running.call("GET", path)


def busy(running: Running, held: Held) -> Iterator[Exchange]:
    """Fill the queue, then end the service while a connection is kept."""
    idle = running.connect()
    with contextlib.closing(idle), ThreadPoolExecutor(1) as pool:
        send(idle, "GET", "/health")
        first = pool.submit(running.post, ["x"] * 50)
        assert held.begun.wait(20)
        yield "POST", "/predict", running.post(["x"] * 11)
        running.server.should_exit = True
        until(lambda: refuses(running.port))
        yield "GET", "/health", send(idle, "GET", "/health")
        held.go.set()
        assert first.result().status == 200


def fail(records: Sequence[object]) -> list[Answer]:
    raise ZeroDivisionError


@pytest.mark.parametrize("token", [None, TOKEN])
def test_it_is_valid_and_lists_every_address(predictor: Predictor, token: str | None) -> None:
    with serving(predictor.answers, LIMITS, token) as running:
        described = description(running)
    OpenAPIV31SpecValidator(described).validate()
    app = Service(predictor.answers, limits=LIMITS, token=token).app()
    answered = {
        (path, *sorted({*endpoint.methods} - {"HEAD"})) for path, endpoint in app.endpoints.items()
    }
    assert answered == {
        (path, *(method.upper() for method in operations))
        for path, operations in described["paths"].items()
    }
    asks = {path for path, (each,) in zip(
        described["paths"], (found.values() for found in described["paths"].values()), strict=True
    ) if "security" in each}  # fmt: skip
    assert asks == ({"/predict", "/metrics"} if token else set())


def test_every_answer_that_it_lists_is_given_as_it_says(
    service: Running, predictor: Predictor
) -> None:
    plain = description(service)
    seen: set[tuple[str, str, int]] = set()

    def note(described: Any, exchanges: Iterator[Exchange]) -> None:
        for method, path, reply in exchanges:
            check(described, method, path, reply)
            seen.add((method.lower(), path, reply.status))

    note(plain, usual(service))
    with serving(predictor.answers, replace(LIMITS, seconds=0.1)) as impatient:
        late = a_body_that_does_not_come(impatient)
        note(description(impatient), iter([("POST", "/predict", late)]))
    with serving(fail, LIMITS) as failing:
        note(plain, iter([("POST", "/predict", failing.post(GOOD))]))
    held = Held()
    with serving(held, LIMITS) as waiting:
        note(plain, busy(waiting, held))
    with serving(predictor.answers, LIMITS, TOKEN) as guarded:
        described = description(guarded)
        note(described, without_token(guarded))
        note(described, usual(guarded))
    assert seen == {
        (method, path, int(status))
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
        for status in operation["responses"]
    }


def test_methods_that_it_does_not_list_are_refused(service: Running) -> None:
    for path, operations in description(service)["paths"].items():
        for method in {*METHODS} - {known.upper() for known in operations}:
            reply = service.call(method, path)
            assert reply.status == 405
            assert {known.upper() for known in operations} <= {*reply.headers["allow"].split(", ")}


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@settings(max_examples=60, deadline=None)
@given(body=VALUES | st.binary(max_size=50) | st.lists(st.text(), min_size=48, max_size=53))
def test_whatever_is_sent_the_answer_is_as_it_says(service: Running, body: Any) -> None:
    described = description(service)
    reply = service.post(body)
    check(described, "POST", "/predict", reply)
    schema = described["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    root = {**schema["schema"], "components": described["components"]}
    if reply.status == 200:
        items = body if isinstance(body, list) else [body]
        refused = [
            "error" in each for each in (reply.json if isinstance(body, list) else [reply.json])
        ]
        for item, is_refused in zip(items, refused, strict=True):
            assert is_refused or Draft202012Validator(root).is_valid(item)
    elif isinstance(body, list):
        assert not Draft202012Validator(root).is_valid(body)
