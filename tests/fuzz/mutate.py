"""Changes to an input that random bytes would seldom find: rows, tokens, archives."""

import gzip
import lzma
import random
from collections.abc import Callable

from tests.fuzz.case import CONTAINERS, FORMATS, MODES, Case

Change = Callable[[bytes, random.Random], bytes]

TOKENS = (
    b'\0 \xef\xbb\xbf \r \n \r\n | || |, |,0 |,1 " "" ,0 ,1 ,2 , { } [ ] : \\ \\u0000 \\ud800 '
    b"\\udc00 \\ud83d\\ude00 \xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xff \xe2\x80\xa8 \xc2\x85 "
    b"\xc2\xa0 \xd9\xa1 \xef\xbc\x91 \xc4\xb0 \xce\xa3 NaN Infinity -Infinity 1e400 1e16 1.0 -0 "
    b"-0.0 0x1 01 1_0 18446744073709551616 -9223372036854775809 true null label,label text,label "
    b"\x7f \x1b[2J \x1f \x0b \x0c \xf0\x9f\x98\x80 ustar PK\x03\x04 \x1f\x8b "
    b'\xff\xfe \xfe\xff \x80 \x81 [{"a":1}, }, }]'
    b' "{""route"":1}",0 0,"{""headers"":2}",1'
).split(b" ")
LONG = (
    b"9" * 4300,
    b"9" * 4301,
    b"[" * 255 + b"]" * 255,
    b"[" * 499 + b"]" * 499,
    b"[" * 501 + b"]" * 501,
    b'{"a":' * 499 + b"1" + b"}" * 499,
    b'{"a":' * 501 + b"1" + b"}" * 501,
    b"[" * 1100,
    b"x" * 1100,
)
KEYS = (b"a", b"label", b"timestamp", b"headers", b"path", b"query", b"", b"\\u0061", b"\xc3\xbc")


def changed(data: bytes, most: int, seed: int, elsewhere: Callable[[bytes], bytes]) -> bytes:
    """Change an input."""
    chance = random.Random(seed)
    letters, content = data[:3], data[3:]
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if chance.random() < 0.4:
            content = elsewhere(content)
        else:
            content = chance.choice(CHANGES)(content, chance)
    if len(letters) < 3 or chance.random() < 0.1:
        letters = _letters(chance)
    if chance.random() < 0.02:
        letters, content = _as_archive(letters, content, chance)
    return (letters + content)[:most]


# Labels beside 0 and 1: bad ones, and those that a log may have in their place.
OTHER_LABELS = (b"2", b"", b" 1", b"1.0", b"\xd9\xa1", b"-1", b"true", b"no", b"Ham", b"spam")


def row(format: str | None, chance: random.Random) -> bytes:
    """Make up a row."""
    label = chance.choice((b"0", b"1") * 6 + OTHER_LABELS)
    end = chance.choice((b"\n", b"\n", b"\n", b"\r\n", b"\r", b""))
    match format:
        case "jsonl":
            return record(chance, label if chance.random() < 0.9 else None) + end
        case "text":
            quote = chance.choice((b"", b'"'))
            between = chance.choice((b",", b",", b",", b"\t", b";"))
            cells = [quote + chance.choice(TOKENS) + quote, label]
            if chance.random() < 0.2:
                cells.insert(chance.randrange(3), chance.choice((b"7", b"", b"label", b"Query")))
            if chance.random() < 0.2:
                cells.reverse()
            return between.join(cells) + end
    quote = chance.choice((b"|", b"|", b"|", b""))
    return quote + record(chance, None) + quote + b"," + label + end


def record(chance: random.Random, label: bytes | None) -> bytes:
    """Make up a record, in which a key may stand twice."""
    pairs = [(chance.choice(KEYS), value(chance, 0)) for _ in range(chance.randrange(4))]
    if label is not None:
        pairs.insert(chance.randrange(len(pairs) + 1), (b"label", label))
    return b"{" + b",".join(b'"' + key + b'":' + value for key, value in pairs) + b"}"


def value(chance: random.Random, depth: int) -> bytes:
    """Make up a JSON value, or what is nearly one."""
    kind = chance.randrange(8 if depth < 3 else 6)
    if kind < 3:
        return b'"' + chance.choice(TOKENS).replace(b'"', b'\\"') + b'"'
    if kind < 6:
        return chance.choice((b"1", b"-1", b"1.5", b"null", b"true", chance.choice(TOKENS)))
    inner = [value(chance, depth + 1) for _ in range(chance.randrange(3))]
    if kind == 6:
        return b"[" + b",".join(inner) + b"]"
    return b"{" + b",".join(b'"' + chance.choice(KEYS) + b'":' + each for each in inner) + b"}"


def _insert(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    return content[:at] + chance.choice(TOKENS) + content[at:]


def _insert_long(content: bytes, chance: random.Random) -> bytes:
    if chance.random() > 0.1:
        return _insert(content, chance)
    # Mostly where a value stands.
    at = content.find(b":", chance.randrange(len(content) + 1)) + 1
    return content[:at] + chance.choice(LONG) + content[at:]


def _replace(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    return content[:at] + chance.choice(TOKENS) + content[at + chance.randrange(1, 4) :]


def _on_lines(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True) or [b""]
    at = chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            lines.insert(chance.randrange(len(lines) + 1), lines[at])
        case 1:
            lines.insert(at, lines.pop(chance.randrange(len(lines))))
        case 2:
            del lines[at]
        case 3:
            ends = (b"\n", b"\r\n", b"\r", b"")
            lines[at] = lines[at].rstrip(b"\r\n") + chance.choice(ends)
    return b"".join(lines)


def _new_row(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    made = row(chance.choice(("access-log", "jsonl", "text")), chance)
    if lines and chance.random() < 0.5:
        lines[chance.randrange(len(lines))] = made
    else:
        lines.insert(chance.randrange(len(lines) + 1), made)
    return b"".join(lines)


def _shortened(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content) + 1)
    return content[:start] + content[start + chance.randrange(1, 2 + len(content) // 2) :]


CHANGES: tuple[Change, ...] = (
    _insert,
    _insert,
    _insert_long,
    _replace,
    _on_lines,
    _new_row,
    _new_row,
    _shortened,
)


def _letters(chance: random.Random) -> bytes:
    letters = chance.choice("".join(FORMATS)) + chance.choice("p" * 12 + CONTAINERS)
    return (letters + chance.choice("ss" + MODES)).encode()


def _as_archive(letters: bytes, content: bytes, chance: random.Random) -> tuple[bytes, bytes]:
    """Pack the content, so that later changes meet the archive."""
    kind = chance.choice("gxz")
    one = Case(None, kind, "-", content).packed()
    match chance.randrange(4):
        case 0:  # Another stream behind the first, or something else.
            other = gzip.compress(b"a,0\n") if kind == "g" else lzma.compress(b"a,0\n", preset=0)
            one += chance.choice((other, bytes(4), b"rubbish"))
        case 1:
            one = Case(None, chance.choice("gxz"), "-", one).packed()
    return letters[:1] + kind.upper().encode() + letters[2:], one
