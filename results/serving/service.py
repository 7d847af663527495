"""The HTTP service around a predictor: what each address answers, its limits, and how it ends."""

import asyncio
import hmac
import json
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from results.serving import openapi
from results.serving.batcher import Batcher, Compute, QueueFull
from results.serving.drift import Drift
from results.serving.drift_metrics import DriftCollector

# A body over the limit is read and discarded up to this many times the limit: a client that is cut
# off while it sends never sees why.
_READ_ON = 4
_CLOSE = {"Connection": "close"}
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_RECORDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
# After SIGTERM a connection that is kept open may bring one more request for so long.
_IDLE_SECONDS = 1.0
_DRAIN_SECONDS = 30

_Endpoint = Callable[[Request], Awaitable[Response]]

log = logging.getLogger(__name__)


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


class Service:
    """Answers requests with a predictor's answers.

    Args:
        compute: `Predictor.answers`.
        limits: What a client may ask for.
        token: What a client must show; None lets everybody in.
        drift: How far what `compute` scores is from the training rows; None if that is unknown.
    """

    def __init__(
        self,
        compute: Compute,
        *,
        limits: Limits,
        token: str | None = None,
        drift: Drift | None = None,
    ) -> None:
        self._limits = limits
        self._token = None if token is None else f"Bearer {token}".encode()
        self._draining = False
        # No label comes from a client's data.
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        if drift is not None:
            registry.register(DriftCollector(drift))
        self._requests = Counter(
            "model3_requests", "Requests to /predict", ["status"], registry=registry
        )
        self._seconds = Histogram(
            "model3_request_seconds", "Time to answer", buckets=_SECONDS, registry=registry
        )
        self._records = Counter("model3_records", "Records", ["outcome"], registry=registry)
        batches = Histogram(
            "model3_batch_records", "Records computed together", buckets=_RECORDS, registry=registry
        )
        waiting = Gauge(
            "model3_waiting_records", "Records waiting or computed now", registry=registry
        )
        self._batcher = Batcher(
            compute,
            batch_size=limits.batch_size,
            queue_size=limits.queue,
            on_batch=batches.observe,
        )
        waiting.set_function(lambda: self._batcher.waiting)

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
                Route(openapi.PATH, self._closing(self._describe), methods=["GET"]),
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

    async def _describe(self, _: Request) -> Response:
        needs_token = self._token is not None
        return JSONResponse(openapi.describe(self._limits, needs_token=needs_token))

    async def _metrics(self, _: Request) -> Response:
        content = generate_latest(self._registry)
        return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _predict(self, request: Request) -> Response:
        started = time.perf_counter()
        status = 500
        try:
            response = await self._answer(request)
            status = response.status_code
            return response
        except HTTPException as error:
            status = error.status_code
            raise
        finally:
            self._requests.labels(status).inc()
            self._seconds.observe(time.perf_counter() - started)

    async def _answer(self, request: Request) -> Response:
        body = _parsed(await self._body(request))
        records = body if isinstance(body, list) else [body]
        if len(records) > self._limits.batch:
            raise HTTPException(
                422, f"the batch has {len(records)} records, but may have {self._limits.batch}"
            )
        try:
            answers = await self._batcher.answers(records) if records else []
        except QueueFull:
            raise HTTPException(
                503, "too many records are waiting; try again", {"Retry-After": "1"}
            ) from None
        for answer in answers:
            answer.pop("latency_us", None)  # Requests share batches: it says nothing about one.
        errors = sum("error" in answer for answer in answers)
        for outcome, count in (("error", errors), ("scored", len(answers) - errors)):
            if count:
                self._records.labels(outcome).inc(count)
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

    def _guarded(self, endpoint: _Endpoint) -> _Endpoint:
        async def guarded(request: Request) -> Response:
            shown = request.headers.get("Authorization", "").encode("latin-1")
            if self._token is not None and not hmac.compare_digest(shown, self._token):
                raise HTTPException(
                    401, "the token is missing or wrong", {"WWW-Authenticate": "Bearer", **_CLOSE}
                )
            return await endpoint(request)

        return self._closing(guarded)

    def _closing(self, endpoint: _Endpoint) -> _Endpoint:
        async def closing(request: Request) -> Response:
            return self._last_if_draining(await endpoint(request))

        return closing

    async def _refuse(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        refusal = JSONResponse({"error": error.detail}, error.status_code, error.headers)
        return self._last_if_draining(refusal)

    def _last_if_draining(self, response: Response) -> Response:
        if self._draining:
            response.headers.update(_CLOSE)
        return response


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


class DrainingServer(uvicorn.Server):
    """A server that answers every request that it has accepted, and then ends.

    uvicorn alone closes a connection that waits for a request even if the next one is on its way
    already: that client would see a reset instead of an answer. Nothing that a client sends is
    logged.
    """

    def __init__(self, service: Service) -> None:
        config = uvicorn.Config(
            service.app(),
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and log the address."""
        await super().startup(sockets)
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            log.info("serving http://%s:%s", f"[{host}]" if ":" in host else host, port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse new connections, answer what is there, then close."""
        log.info("stopping: requests under way are answered")
        self._service.drain()
        await asyncio.sleep(0)  # Takes in connections that are already made.
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        end = asyncio.get_running_loop().time() + _IDLE_SECONDS
        while self.server_state.connections and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)
        log.info("stopped after %s requests", f"{self.server_state.total_requests:,}")


def serve(
    compute: Compute,
    listener: socket.socket,
    *,
    token: str | None,
    limits: Limits,
    drift: Drift | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; to be called in the main thread.

    Args:
        compute: `Predictor.answers` of a warm predictor.
        listener: A bound socket; it is closed at the end.
        token: What a client must show; None lets everybody in.
        limits: What a client may ask for.
        drift: What the predictor's `watch` returned.
    """
    server = DrainingServer(Service(compute, limits=limits, token=token, drift=drift))
    # uvicorn raises the signal again at its end, which must not kill a process that has drained.
    before = signal.signal(signal.SIGTERM, server.handle_exit)
    try:
        server.run([listener])
    finally:
        signal.signal(signal.SIGTERM, before)
