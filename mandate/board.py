"""The live board of a run in the terminal.

Draws what the query ``status`` answers. Where stdout is no terminal it prints each change of a
stage once, as a line, so that logs stay readable.

Whoever wrote a detail is not asked how it is to look: the library gets ``Text``, in which it reads
no markup, and of that only what came through the door for terminals.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from dsl.rules.foremost import counted, foremost
from dsl.surfaces import Terminal
from mandate.terminal import say

POLL_S: Final = 0.4
ROWS_MAX: Final = 40  # of the table; of more stages it shows what moves and counts the rest
_STYLES: Final = {
    "completed": "green",
    "running": "cyan",
    "waiting": "yellow",
    "failed": "red",
    "rejected": "red",
    "revoked": "red",
    "cancelled": "magenta",
    "skipped": "dim",
}


async def watch(handle: WorkflowHandle[Any, Any]) -> None:
    """Show the run until it ends."""
    console = Console()
    if not console.is_terminal:
        await _lines(handle)
        return
    with Live(console=console, refresh_per_second=4) as live:
        while True:
            ended = await _ended(handle)
            status = await _status(handle)
            if status is not None:
                live.update(table(status))
            if ended:
                return
            await asyncio.sleep(POLL_S)


def table(status: dict[str, Any]) -> Table:
    """Return the board of one status."""
    title = Terminal.of("{} {}", status.get("pipeline", ""), status.get("version", ""))
    board = Table(title=_text(title), expand=False)
    for column in ("stage", "type", "status", "detail"):
        board.add_column(column, overflow="fold")  # nothing of a long word is lost
    stages = status.get("stages", {})
    shown = foremost(stages, ROWS_MAX)
    for path in shown:
        row = stages[path]
        words = (path, row["type"], row["status"], row["detail"])
        cells = (_text(Terminal.of("{}", word)) for word in words)
        board.add_row(*cells, style=_STYLES.get(row["status"], ""))
    captions = [_caption(status.get("waiting_for", []))]
    if len(shown) < len(stages):
        each = [Terminal.of("{} {}", count, kind) for count, kind in counted(stages)]
        captions.append(Terminal.of("{} stages: {}", len(stages), Terminal.joined(", ", each)))
    board.caption = _text(Terminal.joined("\n", [line for line in captions if line]))
    return board


def _caption(waiting: Sequence[dict[str, Any]]) -> Terminal:
    """Say what the run waits for: one gate, and how many more."""
    if not waiting:
        return Terminal()
    gate, more = waiting[-1], len(waiting) - 1
    where = Terminal.of("at {} until {}", gate["gate"], gate["due"])
    if "approvers" in gate:  # left out where many gates are open
        where = Terminal.of("for {} {}", Terminal.listed(gate["approvers"]), where)
    waits = Terminal.of("waiting {}", where)
    return Terminal.of("{}, and at {} more gates", waits, more) if more else waits


def _text(line: Terminal) -> Text:
    return Text(line)


async def _lines(handle: WorkflowHandle[Any, Any]) -> None:
    shown: dict[str, str] = {}
    while True:
        ended = await _ended(handle)
        status = await _status(handle)
        for path, row in (status or {}).get("stages", {}).items():
            if row["status"] not in ("pending", shown.get(path)):
                shown[path] = row["status"]
                detail = Terminal.of("  {}", row["detail"]) if row["detail"] else Terminal()
                say(Terminal.of("{:<10} {}{}", row["status"], path, detail))
        if ended:
            return
        await asyncio.sleep(POLL_S)


async def _ended(handle: WorkflowHandle[Any, Any]) -> bool:
    state = await handle.describe()
    return state.status is not WorkflowExecutionStatus.RUNNING


async def _status(handle: WorkflowHandle[Any, Any]) -> dict[str, Any] | None:
    """Return the run's status; None while it cannot say (its worker is restarting)."""
    try:
        answer: dict[str, Any] = await handle.query("status")
    except RPCError:
        return None
    return answer
