"""Words in columns, for the commands that print a table."""

from __future__ import annotations

from collections.abc import Sequence

from dsl.shown.surfaces import Terminal


def columns(rows: Sequence[Sequence[str]]) -> list[Terminal]:
    """Return the rows as lines; every cell is text of others, and as wide as the widest."""
    shown = [[Terminal.of("{}", cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    widths[-1:] = [0]  # nothing stands behind the last one
    return [
        Terminal.joined(
            "  ", (Terminal.of("{:<{}}", *pair) for pair in zip(row, widths, strict=True))
        )
        for row in shown
    ]
