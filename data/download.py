"""Fetch the original dev-access.csv whole and unchanged, or leave nothing in its place."""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.common import Parser, UserError, run, sync, track

URL = "https://raw.githubusercontent.com/adamkusey/securitai-lstm-model/master/data/dev-access.csv"
BLOB_ID = "4d17e70098bcf2024a8c9109edccfb7060524263"
TARGET = Path("runs/dev-access.csv")

PIECE_BYTES = 2**16
TIMEOUT_SECONDS = 30.0


def main(argv: Sequence[str]) -> int:
    """Run `python -m data.download`.

    Args:
        argv: The arguments after the program's name.

    Returns:
        The exit status.
    """
    parser = Parser(
        prog="python -m data.download",
        description="Fetch the original 26,773-row access log (17 MB) and verify it; a download "
        "that was cut is resumed.",
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
    """Download a file, and put it in place only when its content is the expected one.

    What has arrived waits in `target` + ".part"; a later call resumes there. A target that holds
    the expected content already is kept as it is, one that holds anything else is not touched.

    Args:
        url: Where the file is.
        target: Where it goes; its folder is made where absent.
        blob_id: The git blob id that it must have.
        timeout: Seconds of silence after which the server is given up.

    Raises:
        UserError: The file cannot be fetched or written, or is not the expected one.
    """
    part = target.with_name(target.name + ".part")
    try:
        if target.exists():
            if blob_id_of(target) == blob_id:
                return
            raise UserError(f"{target}: exists and is another file; remove it or give another --to")
        target.parent.mkdir(parents=True, exist_ok=True)
        resumed = _bytes_in(part) > 0
        _download(url, part, timeout)
        if resumed and blob_id_of(part) != blob_id:
            # The part may stem from another file: once more, from the beginning.
            part.unlink()
            _download(url, part, timeout)
        found = blob_id_of(part)
        if found != blob_id:
            part.unlink()
            raise UserError(f"{url}: is git blob {found}, but must be {blob_id}; not kept")
        _put_in_place(part, target)
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error.strerror or error})") from error


def blob_id_of(path: Path) -> str:
    """Return the id under which git stores a file's content.

    Args:
        path: The file.

    Returns:
        The SHA-1 of `blob <size>`, a NUL byte and the content, in hexadecimal.
    """
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _download(url: str, part: Path, timeout: float) -> None:
    """Bring `part` up to the whole file, resuming after the bytes it has where the server can."""
    have = _bytes_in(part)
    response = _open(url, have, timeout)
    if response is None:
        return
    with response:
        content_range = response.headers.get("Content-Range", "")
        if response.status == 206 and not content_range.startswith(f"bytes {have}-"):
            raise UserError(f"{url}: sent '{content_range}' instead of what was asked; try again")
        # A server that knows no ranges answers 200 and begins again: so do we.
        have = have if response.status == 206 else 0
        length = response.headers.get("Content-Length")
        whole = have + int(length) if length is not None and length.isdigit() else None
        pieces = None if whole is None else -(-(whole - have) // PIECE_BYTES)
        label = f"downloading {part.stem} (pieces of {PIECE_BYTES // 1024} KiB)"
        with part.open("ab" if have else "wb") as file:
            for piece in track(_pieces(response, url), label, pieces):
                file.write(piece)
    if whole is not None and _bytes_in(part) < whole:
        raise UserError(
            f"{url}: the connection was cut after {_bytes_in(part):,} of {whole:,} bytes; "
            "run again to resume"
        )


def _open(url: str, have: int, timeout: float) -> http.client.HTTPResponse | None:
    """Ask for the file from byte `have` on; None where there is nothing after it."""
    request = urllib.request.Request(url, headers={"User-Agent": "model3-search"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        opened = urllib.request.urlopen(request, timeout=timeout)  # `URL` is https  # nosec B310
        response: http.client.HTTPResponse = opened
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and have:
                return None
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


def _bytes_in(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _put_in_place(part: Path, target: Path) -> None:
    sync(part)
    part.replace(target)
    sync(target.parent)


if __name__ == "__main__":
    run(main)
