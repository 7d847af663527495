"""Fetch the original dev-access.csv whole and unchanged, or leave nothing in its place."""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.common import Parser, UserError, new_file, run, track

URL = "https://raw.githubusercontent.com/adamkusey/securitai-lstm-model/master/data/dev-access.csv"
BLOB_ID = "4d17e70098bcf2024a8c9109edccfb7060524263"
TARGET = Path("runs/dev-access.csv")

PIECE_BYTES = 2**16
TIMEOUT_SECONDS = 30.0


def main(argv: Sequence[str]) -> int:
    """Run `python -m data.download` with these arguments and return the exit status."""
    parser = Parser(
        prog="python -m data.download",
        description="Fetch the original 26,773-row access log (17 MB) and verify it.",
        epilog="example:\n  python -m data.download --to runs/dev-access.csv",
    )
    parser.add_argument(
        "--to", type=Path, default=TARGET, metavar="FILE", help="target file (default: %(default)s)"
    )
    target: Path = parser.parse_args(argv).to
    fetch(URL, target, BLOB_ID)
    print(f"{target}: {target.stat().st_size:,} bytes, verified as git blob {BLOB_ID}")
    return 0


def fetch(url: str, target: Path, blob_id: str, timeout: float = TIMEOUT_SECONDS) -> None:
    """Download a file, and put it in place only if its content is the expected one.

    A target that holds the expected content already is kept; one that holds anything else is not
    touched.

    Args:
        url: Where the file is.
        target: Where it goes; its folder is made if absent.
        blob_id: The git blob id that it must have.
        timeout: Seconds of silence after which the server is given up.

    Raises:
        UserError: The file cannot be fetched or written, or is not the expected one.
    """
    try:
        if target.exists():
            if blob_id_of(target) == blob_id:
                return
            raise UserError(f"{target}: exists and is another file; remove it or give another --to")
    except OSError as error:
        raise UserError(f"{target}: cannot be read ({error.strerror or error})") from error
    with _open(url, timeout) as response, new_file(target) as beside:
        length = response.headers.get("Content-Length", "")
        size = int(length) if length.isdigit() else None
        pieces = None if size is None else -(-size // PIECE_BYTES)
        label = f"downloading {target.name} (pieces of {PIECE_BYTES // 1024} KiB)"
        with beside.open("wb") as file:
            for piece in track(_pieces(response, url), label, pieces):
                file.write(piece)
            arrived = file.tell()
        if size is not None and arrived < size:
            raise UserError(
                f"{url}: the connection was cut after {arrived:,} of {size:,} bytes; run again"
            )
        found = blob_id_of(beside)
        if found != blob_id:
            raise UserError(f"{url}: is git blob {found}, but must be {blob_id}; not kept")


def blob_id_of(path: Path) -> str:
    """Return the id under which git stores a file's content.

    It is the SHA-1 of `blob <size>`, a NUL byte and the content, in hexadecimal.
    """
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _open(url: str, timeout: float) -> http.client.HTTPResponse:
    request = urllib.request.Request(url, headers={"User-Agent": "model3-search"})
    try:
        opened = urllib.request.urlopen(request, timeout=timeout)  # `URL` is https  # nosec B310
        response: http.client.HTTPResponse = opened
    except urllib.error.HTTPError as error:
        with error:
            raise UserError(f"{url}: the server says {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(url, error) from error
    return response


def _pieces(response: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    while True:
        try:
            piece = response.read(PIECE_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(url, error) from error
        if not piece:
            return
        yield piece


def _unreachable(url: str, error: Exception) -> UserError:
    reason = getattr(error, "reason", None) or str(error) or type(error).__name__
    return UserError(f"{url}: cannot be fetched ({reason}); check the connection and run again")


if __name__ == "__main__":
    run(main)
