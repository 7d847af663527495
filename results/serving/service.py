"""The HTTP service around a predictor: what each address answers, and within which limits."""

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from results.serving.batcher import Batcher, Compute, Full
from results.serving.telemetry import Telemetry

# What is over the limit is read on to this many times the limit, and thrown away: a client that
# is cut off while it sends never sees why.
_READ_ON = 4


@dataclass(frozen=True)
class Limits:
    """What a client may ask for.

    Attributes:
        body: Most bytes of a request's body.
        batch: Most records of a request.
        queue: Most records that wait for the model.
        seconds: How long a client may take to send a body.
        window: For how many seconds an idle model waits for a second request.
        batch_size: How many records are computed together.
    """

    body: int = 2**20
    batch: int = 1000
    queue: int = 4096
    seconds: float = 10.0
    window: float = 0.001
    batch_size: int = 512


class Service:
    """Answers requests with a predictor's answers."""

    def __init__(self, compute: Compute, *, limits: Limits, token: str | None = None) -> None:
        """Keep what it works with.

        Args:
            compute: `Predictor.answers`.
            limits: What a client may ask for.
            token: What a client must show; None lets everybody in.
        """
        self._limits = limits
        self._token = None if token is None else f"Bearer {token}".encode()
        self._draining = False
        self._telemetry = Telemetry()
        self._batcher = Batcher(
            compute,
            window=limits.window,
            batch_size=limits.batch_size,
            queue_size=limits.queue,
            computed=self._telemetry.batch.observe,
        )
        self._telemetry.waiting.set_function(lambda: self._batcher.waiting)

    def drain(self) -> None:
        """Ask clients to go: each connection ends with its next answer, and /health says so."""
        self._draining = True

    def app(self) -> Starlette:
        """Return the ASGI application."""
        app = Starlette(
            routes=[
                Route("/predict", self._guarded(self._predict), methods=["POST"]),
                Route("/metrics", self._guarded(self._metrics), methods=["GET"]),
                Route("/health", self._closing(self._health), methods=["GET"]),
            ],
            exception_handlers={HTTPException: self._refuse, Exception: _failed},
            lifespan=self._lifespan,
        )
        app.router.redirect_slashes = False
        return app

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self._batcher.running():
            yield

    async def _health(self, _: Request) -> Response:
        if self._draining:
            return JSONResponse({"status": "draining"}, 503)
        return JSONResponse({"status": "ready"})

    async def _metrics(self, _: Request) -> Response:
        content = generate_latest(self._telemetry.registry)
        return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _predict(self, request: Request) -> Response:
        started = time.perf_counter()
        status = 500
        try:
            response = await self._answered(request)
            status = response.status_code
            return response
        except HTTPException as error:
            status = error.status_code
            raise
        finally:
            self._telemetry.requests.labels(status).inc()
            self._telemetry.seconds.observe(time.perf_counter() - started)

    async def _answered(self, request: Request) -> Response:
        body = _parsed(await self._body(request))
        records = body if isinstance(body, list) else [body]
        if len(records) > self._limits.batch:
            raise HTTPException(
                422, f"the batch has {len(records)} records, but may have {self._limits.batch}"
            )
        try:
            answers = await self._batcher.answers(records) if records else []
        except Full:
            raise HTTPException(
                503, "too many records are waiting; try again", {"Retry-After": "1"}
            ) from None
        for answer in answers:
            answer.pop("latency_us", None)  # Shared by requests: it says nothing about one.
            self._telemetry.records.labels("error" if "error" in answer else "scored").inc()
        if isinstance(body, list):
            return JSONResponse(answers)
        return JSONResponse(answers[0], 422 if "error" in answers[0] else 200)

    async def _body(self, request: Request) -> bytes:
        limit = self._limits.body
        body = bytearray()
        size = 0
        try:
            async with asyncio.timeout(self._limits.seconds):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size <= limit:
                        body += chunk
                    elif size > _READ_ON * limit:
                        break
        except TimeoutError:
            raise HTTPException(
                408, f"the body did not come within {self._limits.seconds:g} s", _CLOSE
            ) from None
        except ClientDisconnect:
            raise HTTPException(400, "the client went away") from None
        if size > limit:
            raise HTTPException(413, f"the body is larger than {limit:,} bytes", _CLOSE)
        return bytes(body)

    def _guarded(self, answer: "_Endpoint") -> "_Endpoint":
        async def guarded(request: Request) -> Response:
            shown = request.headers.get("Authorization", "").encode("latin-1")
            if self._token is not None and not hmac.compare_digest(shown, self._token):
                raise HTTPException(
                    401, "the token is missing or wrong", {"WWW-Authenticate": "Bearer", **_CLOSE}
                )
            return await answer(request)

        return self._closing(guarded)

    def _closing(self, answer: "_Endpoint") -> "_Endpoint":
        async def closing(request: Request) -> Response:
            response = await answer(request)
            if self._draining:
                response.headers.update(_CLOSE)
            return response

        return closing

    async def _refuse(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = JSONResponse({"error": error.detail}, error.status_code, error.headers)
        if self._draining:
            response.headers.update(_CLOSE)
        return response


_Endpoint = Callable[[Request], Awaitable[Response]]
_CLOSE = {"Connection": "close"}


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except RecursionError:
        raise HTTPException(422, "the body is nested too deeply") from None
    except UnicodeDecodeError:
        raise HTTPException(422, "the body is no UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"{error.msg}, character {error.pos + 1}"
        raise HTTPException(422, f"the body is no JSON ({where})") from None
    except ValueError as error:
        raise HTTPException(422, f"the body holds a number that is too long ({error})") from None


async def _failed(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "internal error; the server's log says more"}, 500)
