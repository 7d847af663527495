"""The HTTP service around a predictor: what each address answers, its limits, and how it ends."""

import asyncio
import hmac
import json
import logging
import signal
import socket
import time
from collections.abc import Awaitable, Callable

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

from results.drift import Drift, DriftCollector
from results.serving import openapi
from results.serving.asgi import CLOSE, Application, Endpoint, Refusal, Reply, Request
from results.serving.batcher import Batcher, Compute, QueueFull
from results.serving.openapi import Limits

# A body over the limit is read and discarded up to this many times the limit: a client that is cut
# off while it sends never sees why.
_READ_ON = 4
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_RECORDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
# After SIGTERM a connection that is kept open may bring one more request for so long.
_IDLE_SECONDS = 1.0
_DRAIN_SECONDS = 30

_Answer = Callable[[Request], Awaitable[Reply]]

log = logging.getLogger(__name__)


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

    def app(self) -> Application:
        """Return the ASGI application."""
        return Application(
            endpoints={
                "/predict": Endpoint(self._guarded(self._predict), ["POST"]),
                "/metrics": Endpoint(self._guarded(self._metrics)),
                "/health": Endpoint(self._health),
                openapi.PATH: Endpoint(self._describe),
            },
            running=self._batcher.running,
            is_ending=lambda: self._draining,
        )

    async def _health(self, _: Request) -> Reply:
        if self._draining:
            return Reply.of_json({"status": "draining"}, 503)
        return Reply.of_json({"status": "ready"})

    async def _describe(self, _: Request) -> Reply:
        needs_token = self._token is not None
        return Reply.of_json(openapi.describe(self._limits, needs_token=needs_token))

    async def _metrics(self, _: Request) -> Reply:
        return Reply(generate_latest(self._registry), {"content-type": CONTENT_TYPE_LATEST})

    async def _predict(self, request: Request) -> Reply:
        started = time.perf_counter()
        status = 500
        try:
            reply = await self._answer(request)
            status = reply.status
            return reply
        except Refusal as refusal:
            status = refusal.reply.status
            raise
        finally:
            self._requests.labels(status).inc()
            self._seconds.observe(time.perf_counter() - started)

    async def _answer(self, request: Request) -> Reply:
        body = _parsed(await self._body(request))
        records = body if isinstance(body, list) else [body]
        if len(records) > self._limits.batch:
            raise Refusal(
                422, f"the batch has {len(records)} records, but may have {self._limits.batch}"
            )
        try:
            answers = await self._batcher.answers(records) if records else []
        except QueueFull:
            raise Refusal(
                503, "too many records are waiting; try again", {"retry-after": "1"}
            ) from None
        for answer in answers:
            answer.pop("latency_us", None)  # Requests share batches: it says nothing about one.
        errors = sum("error" in answer for answer in answers)
        for outcome, count in (("error", errors), ("scored", len(answers) - errors)):
            if count:
                self._records.labels(outcome).inc(count)
        if isinstance(body, list):
            return Reply.of_json(answers)
        return Reply.of_json(answers[0], 422 if "error" in answers[0] else 200)

    async def _body(self, request: Request) -> bytes:
        limit = self._limits.body
        body = bytearray()
        size = 0
        is_whole = False
        try:
            async with asyncio.timeout(self._limits.seconds):
                while not is_whole and size <= _READ_ON * limit:
                    part = await request.receive()
                    if part["type"] == "http.disconnect":
                        raise Refusal(400, "the client went away")
                    is_whole = not part.get("more_body", False)
                    size += len(part["body"])
                    if size <= limit:
                        body += part["body"]
        except TimeoutError:
            raise Refusal(
                408, f"the body did not come within {self._limits.seconds:g} s", CLOSE
            ) from None
        if size > limit:
            raise Refusal(413, f"the body is larger than {limit:,} bytes", CLOSE)
        return bytes(body)

    def _guarded(self, answer: _Answer) -> _Answer:
        token = self._token
        if token is None:
            return answer

        async def guarded(request: Request) -> Reply:
            if not hmac.compare_digest(request.header(b"authorization"), token):
                raise Refusal(
                    401, "the token is missing or wrong", {"www-authenticate": "Bearer", **CLOSE}
                )
            return await answer(request)

        return guarded


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except RecursionError:
        raise Refusal(422, "the body is nested too deeply") from None
    except UnicodeDecodeError:
        raise Refusal(422, "the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"{error.msg}, character {error.pos + 1}"
        raise Refusal(422, f"the body is not JSON ({where})") from None
    except ValueError as error:
        raise Refusal(422, f"the body holds a number that is too long ({error})") from None


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
            proxy_headers=False,
            ws="none",
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
