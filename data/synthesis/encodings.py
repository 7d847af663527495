"""How attackers, and honest browsers, disguise or escape a text."""

import base64
from collections.abc import Callable
from random import Random
from urllib.parse import quote

Encoding = Callable[[Random, str], str]


def _url(rng: Random, text: str) -> str:
    return quote(text, safe="/=()," if rng.random() < 0.5 else "")


def _url_plus(rng: Random, text: str) -> str:
    return quote(text, safe=" /=(),'*:").replace(" ", "+")


def _url_twice(rng: Random, text: str) -> str:
    return quote(quote(text, safe="/" if rng.random() < 0.5 else ""), safe="")


def _url_every(rng: Random, text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode()[:60])


def _url_some(rng: Random, text: str) -> str:
    return "".join(
        f"%{ord(char):02X}"
        if char.isascii() and not char.isalnum() and rng.random() < 0.5
        else char
        for char in text
    )


def _unicode(rng: Random, text: str) -> str:
    prefix = "%u" if rng.random() < 0.6 else "\\u"
    return "".join(f"{prefix}{ord(char):04x}" if char in _SPECIAL else char for char in text)


def _entities(rng: Random, text: str) -> str:
    form = "&#{};" if rng.random() < 0.5 else "&#x{:x};"
    return "".join(form.format(ord(char)) if char in _SPECIAL else char for char in text)


def _hexadecimal(rng: Random, text: str) -> str:
    if rng.random() < 0.5:
        return "0x" + text.encode()[:60].hex()
    return "".join(f"\\x{byte:02x}" for byte in text.encode()[:40])


def _base64(rng: Random, text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _overlong(rng: Random, text: str) -> str:
    return text.replace("/", "%c0%af").replace("<", "%c0%bc").replace("'", "%c0%a7")


def _comments(rng: Random, text: str) -> str:
    return text.replace(" ", "/**/")


def _blanks(rng: Random, text: str) -> str:
    return text.replace(" ", ("%09", "%0a", "\t", "%a0", "  ", "+")[int(rng.random() * 6)])


def _mixed_case(rng: Random, text: str) -> str:
    return "".join(char.upper() if rng.random() < 0.5 else char for char in text)


_SPECIAL = frozenset("'\"<>()/\\;=&|{}$")

DISGUISES: tuple[Encoding, ...] = (
    *[_url] * 4,
    *[_url_plus] * 4,
    *[_url_some] * 3,
    *[_url_twice] * 2,
    *[_comments] * 3,
    *[_blanks] * 2,
    _url_every,
    _unicode,
    _entities,
    _hexadecimal,
    _base64,
    _overlong,
)
CASES: tuple[Encoding, ...] = (
    lambda rng, text: text.upper(),
    _mixed_case,
    lambda rng, text: text.capitalize(),
)
ESCAPES: tuple[Encoding, ...] = (_url, _url_plus, _url_plus, _url_some, _url_twice)


def disguise(rng: Random, text: str, chance: float) -> str:
    """Encode a share of the attacks, `chance`, and change the case of others."""
    if rng.random() < 0.3:
        text = CASES[int(rng.random() * len(CASES))](rng, text)
    if rng.random() < chance:
        text = DISGUISES[int(rng.random() * len(DISGUISES))](rng, text)
    return text


def escape(rng: Random, text: str) -> str:
    """Encode a harmless value as clients do that escape once too often."""
    return ESCAPES[int(rng.random() * len(ESCAPES))](rng, text)
