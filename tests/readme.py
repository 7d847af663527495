"""Finds the blocks and commands of the READMEs, and the commands that the code names."""

import ast
import re
import shlex
from dataclasses import dataclass

from tests.commands import ROOT

FOLDERS = ("data", "spaces", "results", "search", "tests")
PATHS = [
    ROOT / "README.md",
    *sorted(path for name in FOLDERS for path in (ROOT / name).rglob("README.md")),
]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in PATHS)

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A span of code in a sentence is a command if it begins with one of these and has more words.
_PROGRAMS = re.compile(
    r"([A-Z_]+=\S+ )*(\S*/)?(python3?|pip|uv|pytest|bash|sh|source|\.|curl|tensorboard"
    r"|hf|optuna-dashboard|model3-\S+) "
)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: What stands behind the fence.
        text: Its lines.
    """

    language: str
    text: str

    def commands(self) -> list[str]:
        """Give the commands of a shell's block, each in one line and without its comment."""
        commands, line = [], ""
        for part in self.text.replace("\\\n", " ").splitlines():
            line = re.sub(r"  +# .*", "", f"{line}{part}")
            if _is_whole(line):
                commands += [" ".join(each.split()) for each in line.split("&&") if each.strip()]
                line = ""
        assert not line, f"an open quotation: {line}"
        return commands


def _is_whole(line: str) -> bool:
    try:
        shlex.split(line)
    except ValueError:
        return False
    return True


def blocks(language: str | None = None) -> list[Block]:
    """Give the fenced blocks.

    Args:
        language: Only those of it; None gives all.

    Returns:
        Them, in their order.
    """
    found = [Block(*match.groups()) for match in _BLOCK.finditer(TEXT)]
    return [block for block in found if language in (None, block.language)]


def commands() -> list[str]:
    """Give every command, those in sentences included.

    Returns:
        Them, in their order: first those of the blocks.
    """
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", _BLOCK.sub("", TEXT))]
    found = [command for block in blocks("sh") for command in block.commands()]
    return [*dict.fromkeys([*found, *(span for span in spans if _PROGRAMS.match(span))])]


def named_in(package: str) -> set[str]:
    """Give the commands with arguments in a package's docstrings, examples and messages.

    Args:
        package: Its name.

    Returns:
        Each in one line, without what explains it behind two blanks.
    """
    found: set[str] = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"python -m [a-z]+\.\w+(?: [^\s`\"]+)+", node.value))
    return found
