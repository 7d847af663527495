"""Runs the service on a socket and ends it so that no accepted request goes unanswered."""

import asyncio
import logging
import signal
import socket

import uvicorn

from results.serving.batcher import Compute
from results.serving.service import Limits, Service

# For so long a connection that is kept open may bring one more request after SIGTERM.
IDLE_SECONDS = 1.0
DRAIN_SECONDS = 30

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """A server that lets clients go before it closes what they hold open.

    uvicorn alone closes a connection that waits for a request, also where the next one is on its
    way already: that client would see a reset instead of an answer.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        """Keep what it works with.

        Args:
            config: As for uvicorn.
            service: Told to say goodbye.
        """
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so.

        Args:
            sockets: What to listen on.
        """
        await super().startup(sockets)
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            log.info("serving http://%s:%s", f"[{host}]" if ":" in host else host, port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse new connections, answer what is there, then close.

        Args:
            sockets: What it listened on.
        """
        log.info("stopping: requests under way are answered")
        self._service.drain()
        await asyncio.sleep(0)  # Takes in connections that are made already.
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        end = asyncio.get_running_loop().time() + IDLE_SECONDS
        while self.server_state.connections and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)
        log.info("stopped after %s requests", f"{self.server_state.total_requests:,}")


def serve(compute: Compute, listener: socket.socket, *, token: str | None, limits: Limits) -> None:
    """Serve until SIGTERM or Ctrl-C; to be called in the main thread.

    Args:
        compute: `Predictor.answers` of a warm predictor.
        listener: A bound socket; it is closed at the end.
        token: What a client must show; None lets everybody in.
        limits: What a client may ask for.
    """
    service = Service(compute, limits=limits, token=token)
    server = Server(config(service), service)
    # uvicorn raises the signal again at its end, which must not kill a process that has drained.
    before = signal.signal(signal.SIGTERM, server.handle_exit)
    try:
        server.run([listener])
    finally:
        signal.signal(signal.SIGTERM, before)


def config(service: Service) -> uvicorn.Config:
    """Configure uvicorn for a service.

    Args:
        service: It.

    Returns:
        The configuration; nothing that a client sends is logged.
    """
    return uvicorn.Config(
        service.app(),
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
