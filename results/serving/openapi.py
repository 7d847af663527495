"""What a client may ask of the HTTP service, in OpenAPI 3.1, whose schemas are JSON Schema."""

from dataclasses import dataclass
from typing import Any

_Object = dict[str, Any]

PATH = "/openapi.json"
_BEARER = "token"

_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string", "description": "What is wrong, in one line."}},
    "required": ["error"],
}
_ANSWER = {
    "type": "object",
    "properties": {
        "score": {"type": "number", "minimum": 0, "maximum": 1, "description": "Of label 1."},
        "label": {"type": "integer", "enum": [0, 1], "description": "1 above the threshold."},
        "label_word": {"type": "string", "description": "What the log calls that label."},
    },
    "required": ["score", "label", "label_word"],
}
_RECORD = {
    "description": "The record as it stands: its text, or a JSON object.",
    "type": ["string", "object"],
}


@dataclass(frozen=True)
class Limits:
    """What a client may ask for.

    Attributes:
        body: Most bytes of a request's body.
        batch: Most records of a request.
        queue: Most records that wait for the model.
        seconds: How long a client may take to send a body.
        batch_size: How many records are computed together.
    """

    body: int = 2**20
    batch: int = 1000
    queue: int = 4096
    seconds: float = 10.0
    batch_size: int = 512


def describe(limits: Limits, *, needs_token: bool) -> _Object:
    """Describe what each address takes and answers, as JSON."""
    refused = {"401": _error("The token is missing or wrong.", "WWW-Authenticate")}
    guard: _Object = {"security": [{_BEARER: []}]} if needs_token else {}
    guarded = refused if needs_token else {}
    predict = {
        "operationId": "predict",
        "summary": "Score a record, or a list of records",
        "description": "A record of a list that cannot be read has an error in its place.",
        "requestBody": {
            "required": True,
            "description": f"At most {limits.body:,} bytes.",
            "content": {"application/json": {"schema": _one_or_many("Record", limits.batch)}},
        },
        "responses": {
            "200": _json("An answer for each record, in their order.", _ANSWERS),
            **guarded,
            "408": _error(f"The body did not come within {limits.seconds:g} s."),
            "413": _error("The body is too large."),
            "422": _error(
                "The body is not JSON, the list is too long, or the single record cannot be read."
            ),
            "500": _error("The service failed; its log says more."),
            "503": _error(f"More than {limits.queue:,} records would wait.", "Retry-After"),
        },
        **guard,
    }
    health = {
        "operationId": "health",
        "summary": "Say whether the service is ready",
        "responses": {
            "200": _json("The service is ready.", _status("ready")),
            "503": _json("The service is shutting down.", _status("draining")),
        },
    }
    metrics = {
        "operationId": "metrics",
        "summary": "Count requests and records for Prometheus",
        "responses": {
            "200": {
                "description": "The counters, in the text format of Prometheus.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
            **guarded,
        },
        **guard,
    }
    description = {
        "operationId": "describe",
        "summary": "Describe the service: this document",
        "responses": {"200": _json("In OpenAPI 3.1.", {"type": "object"})},
    }
    components: _Object = {"schemas": {"Record": _RECORD, "Answer": _ANSWER, "Error": _ERROR}}
    if needs_token:
        components["securitySchemes"] = {_BEARER: {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "model3-search",
            "version": "1.0.0",
            "description": "Says how probable it is that a record has label 1.",
        },
        "paths": {
            "/predict": {"post": predict},
            "/health": {"get": health},
            "/metrics": {"get": metrics},
            PATH: {"get": description},
        },
        "components": components,
    }


def _ref(name: str) -> _Object:
    return {"$ref": f"#/components/schemas/{name}"}


_ANSWERS = {
    "anyOf": [
        _ref("Answer"),
        {"type": "array", "items": {"anyOf": [_ref("Answer"), _ref("Error")]}},
    ]
}


def _one_or_many(name: str, most: int) -> _Object:
    return {"anyOf": [_ref(name), {"type": "array", "items": _ref(name), "maxItems": most}]}


def _status(word: str) -> _Object:
    return {
        "type": "object",
        "properties": {"status": {"const": word}},
        "required": ["status"],
    }


def _json(description: str, schema: _Object) -> _Object:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _error(description: str, *headers: str) -> _Object:
    named = {name: {"schema": {"type": "string"}, "required": True} for name in headers}
    return {**_json(description, _ref("Error")), **({"headers": named} if headers else {})}
