"""Fetch one of the logs that the READMEs name, whole and verified, or leave nothing in its place.

python -m data.download --to access.csv
python -m data.download --log http-params --to http-params.csv
"""

import hashlib
import http.client
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.common import Parser, UserError, new_file, run, track
from data.synthesis import HTTP_PARAMS_ROWS, http_params_log, write_rows

_GITHUB = "https://raw.githubusercontent.com"
PIECE_BYTES = 2**16
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Log:
    """A log that can be had."""

    url: str  # where the file is that is fetched
    fetched_id: str  # the git blob id that this file must have
    blob_id: str  # the one of the log; another one if the log is built from the file
    target: Path  # where it goes by default
    licence: str  # whose it is, and on what terms


LOGS = {
    "notebook": Log(
        url=f"{_GITHUB}/adamkusey/securitai-lstm-model/master/data/dev-access.csv",
        fetched_id="4d17e70098bcf2024a8c9109edccfb7060524263",
        blob_id="4d17e70098bcf2024a8c9109edccfb7060524263",
        target=Path("runs/dev-access.csv"),
        licence="from https://github.com/adamkusey/securitai-lstm-model",
    ),
    "http-params": Log(
        url=f"{_GITHUB}/Morzeux/HttpParamsDataset/master/payload_full.csv",
        fetched_id="3c55ef9813817bf7e5f47117adf8d33e2783f2e5",
        blob_id="fc1d3f5cdeacdce540e4a9fce7781b03b54091df",
        target=Path("runs/http-params.csv"),
        licence="built from https://github.com/Morzeux/HttpParamsDataset (MIT)",
    ),
}


def main(argv: Sequence[str]) -> int:
    """Run `python -m data.download` with these arguments and return the exit status."""
    parser = Parser(
        prog="python -m data.download",
        description="Fetch and verify a log of 26,773 rows: the notebook's own (17 MB), or real "
        "request values in its format (2 MB are fetched, 17 MB written).",
        epilog="example:\n  python -m data.download --log http-params --to http-params.csv",
    )
    parser.add_argument(
        "--log", choices=LOGS, default="notebook", help="which one (default: %(default)s)"
    )
    targets = ", ".join(f"{log.target} for {name}" for name, log in LOGS.items())
    parser.add_argument("--to", type=Path, metavar="FILE", help=f"target file (default: {targets})")
    options = parser.parse_args(argv)
    log = LOGS[options.log]
    target: Path = options.to or log.target
    download(log, target)
    size = target.stat().st_size
    print(f"{target}: {size:,} bytes, verified as git blob {log.blob_id}; {log.licence}")
    return 0


def download(log: Log, target: Path, timeout: float = TIMEOUT_SECONDS) -> None:
    """Fetch a log, or fetch what it is built from and build it.

    A target that holds the log already is kept; one that holds anything else is not touched. Its
    folder is made if absent. The server is given up after `timeout` seconds of silence.

    Raises:
        UserError: The file cannot be fetched or written, or is not the expected one.
    """
    if log.fetched_id == log.blob_id:
        fetch(log.url, target, log.blob_id, timeout)
    elif not _is_there(target, log.blob_id):
        with tempfile.TemporaryDirectory() as folder:
            fetched = Path(folder) / log.url.rpartition("/")[2]
            fetch(log.url, fetched, log.fetched_id, timeout)
            with new_file(target) as beside:
                rows = track(http_params_log(fetched), f"writing {target}", HTTP_PARAMS_ROWS)
                write_rows(beside, rows)
                found = blob_id_of(beside)
                if found != log.blob_id:
                    raise UserError(
                        f"{target}: came out as git blob {found}, not {log.blob_id}; not kept"
                    )


def fetch(url: str, target: Path, blob_id: str, timeout: float = TIMEOUT_SECONDS) -> None:
    """Download a file, and put it in place only if its content is that of the git blob id."""
    if _is_there(target, blob_id):
        return
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


def _is_there(target: Path, blob_id: str) -> bool:
    """Return whether the target is the file that it is to become; raise if it is another."""
    try:
        if not target.exists():
            return False
        if blob_id_of(target) == blob_id:
            return True
    except OSError as error:
        raise UserError(f"{target}: cannot be read ({error.strerror or error})") from error
    raise UserError(f"{target}: exists and is another file; remove it or give another --to")


def blob_id_of(path: Path) -> str:
    """Return the id under which git stores a file's content.

    It is the SHA-1 of `blob <size>`, a NUL byte and the content, in hexadecimal.
    """
    begin = b"blob %d\0" % path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.sha1(begin, usedforsecurity=False))
    return digest.hexdigest()


def _open(url: str, timeout: float) -> http.client.HTTPResponse:
    request = urllib.request.Request(url, headers={"User-Agent": "model3-search"})
    try:
        opened = urllib.request.urlopen(request, timeout=timeout)  # https, see `LOGS`  # nosec B310
        response: http.client.HTTPResponse = opened
    except urllib.error.HTTPError as error:
        with error:
            raise UserError(f"{url}: the server says {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(url, error) from error
    return response


def _pieces(response: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    try:
        while piece := response.read(PIECE_BYTES):
            yield piece
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(url, error) from error


def _unreachable(url: str, error: Exception) -> UserError:
    reason = getattr(error, "reason", None) or str(error) or type(error).__name__
    return UserError(f"{url}: cannot be fetched ({reason}); check the connection and run again")


if __name__ == "__main__":
    run(main)
