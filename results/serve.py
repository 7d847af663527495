"""A small HTTP service that scores records with an exported model."""

import ipaddress
import logging
import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.common import Parser, UserError, run
from results.serving import Predictor, add_space, register, side_by_side

if TYPE_CHECKING:
    import argparse
    from types import ModuleType

    from results.serving import Limits

TOKEN = "MODEL3_TOKEN"  # a variable's name  # nosec B105
MIN_TOKEN = 16

log = logging.getLogger(__name__)


def token_of(file: Path | None) -> str | None:
    """Read the token that clients must show.

    Args:
        file: A file that holds it; the environment variable MODEL3_TOKEN is read where None.

    Returns:
        The token; None where there is none.

    Raises:
        UserError: If the file cannot be read, or the token is too weak or no plain word.
    """
    where = f"--token-file '{file}'" if file else TOKEN
    try:
        token = file.read_text(encoding="utf-8") if file else os.environ.get(TOKEN)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UserError(f"{where} cannot be read ({reason})") from error
    if token is None:
        return None
    token = token.strip()
    if len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise UserError(
            f"the token in {where} must be a word of {MIN_TOKEN} ASCII characters or more; "
            "make one with: openssl rand -hex 32"
        )
    return token


def bound(host: str, port: int, token: str | None) -> socket.socket:
    """Take the address to serve at; connections are refused until somebody listens.

    Args:
        host: A name or an address.
        port: 0 takes a free one.
        token: What clients must show, if anything.

    Returns:
        The socket.

    Raises:
        UserError: If the address cannot be had, or others could reach it without a token.
    """
    if not 0 <= port <= 65535:  # getaddrinfo takes it modulo 65,536.
        raise UserError(f"--port is {port}, but must be from 0 to 65535")
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise UserError(f"--host is '{host}', which is no address of this machine") from error
    family, _, _, _, address = found[0]
    if token is None and not _is_loopback(str(address[0])):
        raise UserError(
            f"--host is '{host}', which others can reach: give --token-file, or {TOKEN} in the "
            "environment"
        )
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # On Windows it lets two servers have the same port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # asyncio sets it itself only where a socket was made for TCP by number.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise UserError(
            f"{host} port {port} cannot be had ({error.strerror}); try another --port"
        ) from error
    return listener


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl-C; what was accepted by then is still answered.

    Args:
        argv: The arguments after the program's name.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(argv)
    token = token_of(options.token_file)
    with bound(options.host, options.port, token) as listener, side_by_side(1):
        server, limits = _server(options)
        register(options.space)
        predictor = Predictor.load(options.folder)
        started = time.perf_counter()
        predictor.warm_up()
        log.info("the model is warm after %.1f s", time.perf_counter() - started)
        server.serve(predictor.answers, listener, token=token, limits=limits)
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="python -m results.serve",
        description=__doc__,
        epilog="example:\n  python -m results.serve runs/first/best --port 8080",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="an export, e.g. runs/NAME/best")
    add_space(parser)
    address = parser.add_argument_group("address")
    address.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    address.add_argument(
        "--port", type=int, default=8000, help="0 takes a free one (default: %(default)s)"
    )
    address.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"holds what clients send as 'Authorization: Bearer ...'; else {TOKEN} is read from "
        "the environment",
    )
    bounds = parser.add_argument_group("bounds")
    bounds.add_argument(
        "--max-body",
        type=int,
        default=2**20,
        metavar="BYTES",
        help="of a request (default: %(default)s)",
    )
    bounds.add_argument(
        "--max-batch",
        type=int,
        default=1000,
        metavar="N",
        help="records of a request (default: %(default)s)",
    )
    bounds.add_argument(
        "--max-queue",
        type=int,
        default=4096,
        metavar="N",
        help="records that may wait (default: %(default)s)",
    )
    return parser


def _server(options: "argparse.Namespace") -> "tuple[ModuleType, Limits]":
    try:
        from results.serving import Limits, server
    except ModuleNotFoundError as error:
        raise UserError(
            f"{error.name} is not installed; install what a server needs: "
            "pip install 'model3-search[serve]'"
        ) from error
    for name in ("max_body", "max_batch", "max_queue"):
        if (value := getattr(options, name)) < 1:
            raise UserError(f"--{name.replace('_', '-')} is {value}, but must be 1 or more")
    if options.max_queue < options.max_batch:
        raise UserError(
            f"--max-queue is {options.max_queue}, but must hold --max-batch ({options.max_batch})"
        )
    limits = Limits(body=options.max_body, batch=options.max_batch, queue=options.max_queue)
    return server, limits


if __name__ == "__main__":
    run(main)
