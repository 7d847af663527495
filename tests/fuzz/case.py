"""One input of the fuzzer: three letters that say how to read, and what to read.

`ap-|{"a":1}|,0` is a plain access log, `?gs` a gzip of unknown format with bad rows skipped.
"""

import gzip
import io
import lzma
import zipfile
import zlib
from dataclasses import dataclass

FORMATS: dict[str, str | None] = {
    "?": None,
    "a": "access-log",
    "j": "jsonl",
    "t": "text",
}
# How the content is packed; a capital letter means that it already is an archive, whole or not, or
# a text that is called one.
CONTAINERS = "pgxzsGXZ"
# Stop at a bad row, skip it, read one row, unpack 64 bytes at most, count what a log holds, read it
# as Windows' code page.
MODES = "-s1mcw"
SUFFIXES = {"g": ".gz", "x": ".xz", "z": ".zip", "s": ".zip"}
FEW_BYTES = 64
# Most inputs are plain: packing takes longer than reading.
_USUAL = "pppppppppppgzsxGXZ"
_BEGINNINGS = (
    ("G", b"\x1f\x8b"),
    ("X", b"\xfd7zXZ\0"),
    ("Z", b"PK\x03\x04"),
    ("Z", b"PK\x05\x06"),
)
_MOST_UNPACKED = 2**23


@dataclass(frozen=True)
class Case:
    """What is read, and how.

    Attributes:
        format: The format told to the reader, or None.
        container: One of `CONTAINERS`.
        mode: One of `MODES`.
        content: What is packed, or the archive itself.
    """

    format: str | None
    container: str
    mode: str
    content: bytes

    @classmethod
    def of(cls, data: bytes) -> "Case":
        """Make a case of any bytes."""
        letters = data[:3].ljust(3, b"\0")
        return cls(
            FORMATS[_chosen(letters[0], "".join(FORMATS), "".join(FORMATS))],
            _chosen(letters[1], CONTAINERS, _USUAL),
            _chosen(letters[2], MODES, MODES),
            data[3:],
        )

    @property
    def archive(self) -> str | None:
        """Which archive the content already is, G, X or Z; it may begin like one by chance."""
        return _begun(self.content) if self.container in "pGXZ" else None

    @property
    def name(self) -> str:
        """What the file is called."""
        return "log" + SUFFIXES.get(self.container.lower(), "")

    def packed(self) -> bytes:
        """Return the file's bytes."""
        match self.container:
            case "g":
                return gzip.compress(self.content, 1, mtime=0)
            case "x":
                return lzma.compress(self.content, preset=0)
            case "z" | "s":
                held = io.BytesIO()
                method = zipfile.ZIP_DEFLATED if self.container == "z" else zipfile.ZIP_STORED
                with zipfile.ZipFile(held, "w", method) as archive:
                    archive.writestr("log.csv", self.content)
                return held.getvalue()
        return self.content

    def unpacked(self) -> bytes | None:
        """Return what the file holds; None if the standard library cannot unpack it."""
        try:
            match self.archive:
                case "G":
                    return gzip.decompress(self.content)
                case "X":
                    return _unxz(self.content)
                case "Z":
                    with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
                        names = [one for one in archive.infolist() if one.filename[-1:] != "/"]
                        (member,) = names
                        return archive.open(member).read(_MOST_UNPACKED)
        except (EOFError, OSError, ValueError, RuntimeError, zlib.error, lzma.LZMAError):
            return None
        except zipfile.BadZipFile:
            return None
        return self.content


def _chosen(letter: int, letters: str, otherwise: str) -> str:
    return chr(letter) if chr(letter) in letters else otherwise[letter % len(otherwise)]


def is_packed(content: bytes) -> bool:
    """Tell whether bytes begin as an archive does."""
    is_tar = content[257:262] == b"ustar" and b"\0" in content[:257]
    return is_tar or _begun(content) is not None


def _begun(content: bytes) -> str | None:
    return next((one for one, begin in _BEGINNINGS if content.startswith(begin)), None)


def _unxz(rest: bytes) -> bytes:
    """Unpack streams with zeros between, over which `lzma.decompress` does not go."""
    found = b""
    while rest:
        stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=2**28)
        found += stream.decompress(rest)
        if not stream.eof:
            raise EOFError
        rest = stream.unused_data.lstrip(b"\0")
    return found
