"""What a file is that is no log, and how to make a log of it, for the message that refuses it."""

import contextlib
import re
from collections.abc import Iterator, Sized

from data.common import UserError

# What messages know a file by.
_LOOKED_AT = 4096

_WORKBOOK = (
    'is a workbook; save its sheet as CSV, or run python -c "import pandas; '
    "pandas.read_excel('FILE').to_csv('converted.csv', index=False)\""
)
_BINARY = (
    (rb"\xd0\xcf\x11\xe0", _WORKBOOK),
    (rb"BZh[1-9](1AY&SY|\Z)", "is packed with bzip2; unpack it (bunzip2 -k FILE)"),
    (rb"\x28\xb5\x2f\xfd", "is packed with zstd; unpack it (zstd -d FILE)"),
    (rb"7z\xbc\xaf", "is packed with 7-Zip; unpack it (7z x FILE)"),
    (rb"Rar!", "is packed with RAR; unpack it (unrar x FILE)"),
    (rb"(?s)(?=.{0,256}\0).{257}ustar", "is a tar archive; unpack it (tar -xf FILE)"),
    (rb"PAR1", "is Parquet, which is read as a log alone, and by its ending .parquet"),
    (
        rb"ARROW1|FEA1",
        'is a table in Arrow format; write it as Parquet: python -c "import pandas; '
        "pandas.read_feather('FILE').to_parquet('converted.parquet')\"",
    ),
    (
        rb"SQLite format 3\0",
        "is a SQLite database; write a table of it as CSV: sqlite3 -header -csv FILE 'SELECT "
        "text, label FROM log' > converted.csv",
    ),
    (
        rb"\x80[\x02-\x05]",
        "is a Python pickle, which can run any code when it is read; if you trust it, write the "
        "table in it as CSV",
    ),
    (rb"%PDF", "is a PDF; give the table in it as CSV"),
    (
        rb"\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4|\x0a\x0d\x0d\x0a",
        "is a capture of network packets; give its requests as JSON Lines, each with a key label",
    ),
)
_METHODS = "GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|TRACE|CONNECT"
_AS_CSV = r"""sed 's/"/""/g; s/.*/"&",0/' FILE > converted.csv"""
_TEXTS = (
    (
        r'\s*\{\s*"log"\s*:\s*\{\s*"(?:version|creator|browser|pages|entries|comment)"',
        "is a HAR, which has no labels; make JSON Lines of it: jq -c '.log.entries[].request | "
        "{method, path: .url, query: .queryString, requestPayload: .postData.text, label: 0}' "
        "FILE > converted.jsonl (label 1 for malicious requests)",
    ),
    (
        r'\{"[^"]*":\{"0":',
        "is a table as pandas writes it by columns; write it with "
        "to_json('converted.jsonl', orient='records', lines=True)",
    ),
    (
        # With anything before the host, as syslog writes it, and after the usual fields.
        r'[^"{\n]*\S \[\d\d/[A-Z][a-z]{2}/\d{4}:[^\]\n]*\] "[^\n]*" \d{3} (?:\d+|-)'
        r"(?: [^\r\n]*)?(?<![,;\t]\d)\r?$",
        "is a web server's access log without labels; give a file for each label "
        f"(--negative-file FILE --positive-file OTHER), or add them: {_AS_CSV} (1 for malicious "
        "requests)",
    ),
    (
        rf"(?:{_METHODS}) \S+ HTTP/\d(?:\.\d)?\r?$|HTTP/\d(?:\.\d)? \d{{3}}\b",
        "holds raw HTTP, a request on several lines; put each into one field of a CSV: python -c "
        '"import csv, re, sys; csv.writer(sys.stdout).writerows((each.strip(), 0) for each in '
        f"re.split('(?m)^(?=(?:{_METHODS}) )', sys.stdin.read()) if each.strip())\" "
        "< FILE > converted.csv (1 for malicious requests)",
    ),
    (
        r"__label__\S+[ \t]",
        "has fastText's labels; make a CSV of it: "
        r"""sed -E 's/"/""/g; s/^__label__([^ ]+) +(.*)/"\2",\1/' FILE > converted.csv""",
    ),
    (
        r"\s*\{[ \t]*\r?$",
        "has JSON records over several lines; put each on one: jq -c . FILE > converted.jsonl (or "
        "jq -c '.KEY[]' if they stand in a list under a key)",
    ),
    (r"sep=.\r?$", "is a CSV with a line for Excel; delete that: sed 1d FILE > converted.csv"),
    (r"\s*<(?:!doctype|html)\b", "is a web page; download the raw file instead"),
    (r"version https://git-lfs", "is a pointer of Git LFS; run git lfs pull to get the file"),
)


def refuse_binary(begin: bytes, name: str) -> None:
    """Raise a `UserError` if a file is known to be no text, by its first bytes."""
    for pattern, what in _BINARY:
        if re.match(pattern, begin):
            raise UserError(_with_name(what, name))


def refuse_workbook(members: list[str], name: str) -> None:
    """Raise a `UserError` if the files in a zip are those of a workbook."""
    if "[Content_Types].xml" in members or "content.xml" in members:
        raise UserError(_with_name(_WORKBOOK, name))


def _with_name(what: str, name: str) -> str:
    """Begin a message with the file's name, and put it into the command if it needs no quotes."""
    is_plain = re.fullmatch(r"[\w./+-]+", name, re.ASCII) and not name.startswith("-")
    # A command that writes the file that it reads would leave nothing of it.
    if is_plain and "converted." not in name:
        what = re.sub(r"\bFILE\b", name, what)
    return f"{name}: {what}"


@contextlib.contextmanager
def explained(lines: Iterator[bytes], name: str, rows: Sized) -> Iterator[Iterator[bytes]]:
    """Describe what a log is instead, if reading its lines fails before the first of the `rows`."""
    head: list[bytes] = []
    try:
        yield _remembered(lines, head)
    except UserError as error:
        # The elements of a JSON list may have several lines each, and are what they should be.
        is_list = bool(head) and b"\n" in head[0].rstrip(b"\r\n")
        beginning = "" if len(rows) or is_list else _beginning(head, lines)
        flags = re.IGNORECASE | re.MULTILINE
        what = next((what for pattern, what in _TEXTS if re.match(pattern, beginning, flags)), None)
        if what is None:
            raise
        raise UserError(_with_name(what, name)) from error


def _remembered(lines: Iterator[bytes], head: list[bytes]) -> Iterator[bytes]:
    size = 0
    for line in lines:
        head.append(line)
        yield line
        size += len(line)
        if size >= _LOOKED_AT:
            break
    yield from lines


def _beginning(head: list[bytes], lines: Iterator[bytes]) -> str:
    """Decode the first few kilobytes of a log, of which some lines were read."""
    with contextlib.suppress(UserError):
        while sum(map(len, head)) < _LOOKED_AT:
            head.append(next(lines, b"\n" * _LOOKED_AT))
    return b"".join(head)[:_LOOKED_AT].decode("utf-8", "replace")
