"""A small HTTP service that scores records with an exported model."""

import gc
import ipaddress
import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from data.common import Parser, UserError, run
from results.serving import add_runtime

TOKEN_VARIABLE = "MODEL3_TOKEN"  # nosec B105: this is not the token itself
MIN_TOKEN_LENGTH = 16

log = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl-C; what was accepted by then is still answered.

    Args:
        argv: The arguments after the program's name.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(argv)
    for name in ("max_body", "max_batch", "max_queue"):
        if (value := getattr(options, name)) < 1:
            raise UserError(f"--{name.replace('_', '-')} is {value}, but must be 1 or more")
    if options.max_queue < options.max_batch:
        raise UserError(
            f"--max-queue is {options.max_queue}, but must hold --max-batch ({options.max_batch})"
        )
    token = read_token(options.token_file)
    with bind(options.host, options.port, token) as listener:
        # Imported here, so that --help and a wrong option are answered at once.
        try:
            from results.serving import Limits, serve
        except ModuleNotFoundError as error:
            raise UserError(
                f"{error.name} is not installed; install what a server needs: "
                "pip install 'model3-search[serve]'"
            ) from error
        from results.drift import PROFILE
        from results.serving import open_predictor

        limits = Limits(body=options.max_body, batch=options.max_batch, queue=options.max_queue)
        with open_predictor(options.folder, options.runtime, options.space) as predictor:
            drift = predictor.watch()
            if drift is None:
                log.info("the export has no %s: /metrics cannot tell of drift", PROFILE)
            # What is loaded stays. To look it through again would hold all answers up for .1 s.
            gc.collect()
            gc.freeze()
            serve(predictor.answers, listener, token=token, limits=limits, drift=drift)
    return 0


def read_token(file: Path | None) -> str | None:
    """Read the token that clients must show from a file, or else from MODEL3_TOKEN."""
    # Without the file's name: `--token SECRET` is understood as `--token-file SECRET`.
    source = "--token-file" if file else TOKEN_VARIABLE
    try:
        token = file.read_text(encoding="utf-8") if file else os.environ.get(TOKEN_VARIABLE)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UserError(f"{source} cannot be read ({reason})") from error
    if token is None:
        return None
    token = token.strip()
    is_word = token.isascii() and token.isprintable() and " " not in token
    if len(token) < MIN_TOKEN_LENGTH or not is_word:
        raise UserError(
            f"the token in {source} must be a word of {MIN_TOKEN_LENGTH} ASCII characters or more; "
            "make one with: openssl rand -hex 32"
        )
    return token


def bind(host: str, port: int, token: str | None) -> socket.socket:
    """Reserve the address to serve at; connections are refused until somebody listens."""
    if not 0 <= port <= 65535:  # getaddrinfo takes it modulo 65,536.
        raise UserError(f"--port is {port}, but must be from 0 to 65535")
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise UserError(f"--host is '{host}', which is no address of this machine") from error
    family, _, _, _, address = found[0]
    is_loopback = ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback
    if token is None and not is_loopback:
        raise UserError(
            f"--host is '{host}', which others can reach: give --token-file, or {TOKEN_VARIABLE} "
            "in the environment"
        )
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # On Windows it lets two servers have the same port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # asyncio itself sets this only on sockets that were made for TCP by number.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise UserError(
            f"{host} port {port} cannot be had ({error.strerror}); try another --port"
        ) from error
    return listener


def _parser() -> Parser:
    parser = Parser(
        prog="python -m results.serve",
        description=__doc__,
        epilog="example:\n  python -m results.serve runs/first/best --port 8080",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="an export, e.g. runs/NAME/best")
    add_runtime(parser)
    address = parser.add_argument_group("address")
    address.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    address.add_argument(
        "--port", type=int, default=8000, help="0 takes a free one (default: %(default)s)"
    )
    address.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="holds what clients send as 'Authorization: Bearer ...'; otherwise it is read from "
        f"{TOKEN_VARIABLE} in the environment",
    )
    bounds = parser.add_argument_group("bounds")
    for name, default, metavar, help in (
        ("--max-body", 2**20, "BYTES", "of a request"),
        ("--max-batch", 1000, "N", "records of a request"),
        ("--max-queue", 4096, "N", "records that may wait"),
    ):
        bounds.add_argument(
            name, type=int, default=default, metavar=metavar, help=f"{help} (default: %(default)s)"
        )
    return parser


if __name__ == "__main__":
    run(main)
