"""Text that others wrote, made fit for a terminal.

Names, descriptions and answers come from runs, and anybody may start one. A control sequence in
them could move the cursor and overwrite what was printed before: what is approved would not be
what is read. So whatever does not print is shown as ``?``, and nothing runs over many lines.
"""

from __future__ import annotations

from typing import Final

SHOWN_MAX: Final = 400  # characters


def plain(text: object, limit: int = SHOWN_MAX) -> str:
    """Return ``text`` on one line, printable, and not longer than ``limit``."""
    words = " ".join(str(text)[: limit * 2].split())
    shown = "".join(character if character.isprintable() else "?" for character in words)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
