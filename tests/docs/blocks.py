"""The fenced code blocks of our documents, and the commands in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "deploy" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
PROMPT = "$ "
_FENCE = re.compile(r"```(.*)")


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences."""

    page: Path
    line: int  # of the opening fence, from 1
    language: str
    text: str

    @property
    def name(self) -> str:
        """Say where it is."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """Return what a person types, in order; lines ending in a backslash are joined."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line.removeprefix(PROMPT) for line in lines if line.startswith(PROMPT)]


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page.

    Raises:
        ValueError: a fence is never closed.
    """
    found: list[Block] = []
    opened: tuple[int, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = _FENCE.match(line)
        if fence is None:
            inside.append(line)
        elif opened is None:
            opened, inside = (number, fence[1]), []
        else:
            found.append(Block(page, *opened, "".join(f"{each}\n" for each in inside)))
            opened = None
    if opened is not None:
        raise ValueError(f"{page}:{opened[0]}: the fence is never closed")
    return found


def all_blocks() -> list[Block]:
    """Return the blocks of every document."""
    return [block for page in PAGES for block in blocks_of(page)]
