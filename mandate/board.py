"""The live board of a run in the terminal.

Draws what the query ``status`` answers, and the lines that answer a gate that is open. Where stdout
is no terminal it prints each change of a stage and each gate once, so that logs stay readable.

Whoever wrote a detail is not asked how it is to look: the library gets ``Text``, in which it reads
no markup, and of that only what came through the door for terminals.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from dsl.rules.run.foremost import counted, foremost
from dsl.shown.surfaces import Terminal
from mandate.people.gates.answering import answers
from mandate.people.runs import status_of
from mandate.terminal import say

POLL_S: Final = 0.4
ROWS_MAX: Final = 40  # of the table; of more stages it shows what moves and counts the rest
GATES_SHOWN: Final = 3  # with the lines that answer them
LINES_SHOWN: Final = 12  # of those: what is below the screen nobody sees
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
            status = await status_of(handle)
            if status:
                live.update(page(handle.id, status))
            if ended:
                return
            await asyncio.sleep(POLL_S)


def page(run: str, status: dict[str, Any]) -> Group:
    """Return the table, and below it how the first gates are answered."""
    gates = status.get("waiting_for", [])
    lines = [line for gate in gates[:GATES_SHOWN] for line in answers(run, gate)]
    if len(gates) > GATES_SHOWN or len(lines) > LINES_SHOWN:
        lines = [*lines[:LINES_SHOWN], Terminal("all of them: mandate gates")]
    # Not cut to the width of the terminal: a command that is copied has to be whole.
    return Group(table(status), *(Text(line, overflow="fold", no_wrap=False) for line in lines))


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
    opened: set[tuple[str, int | None]] = set()
    while True:
        ended = await _ended(handle)
        status = await status_of(handle)
        for path, row in status.get("stages", {}).items():
            if row["status"] not in ("pending", shown.get(path)):
                shown[path] = row["status"]
                detail = Terminal.of("  {}", row["detail"]) if row["detail"] else Terminal()
                say(Terminal.of("{:<10} {}{}", row["status"], path, detail))
        for gate in status.get("waiting_for", []):
            opening = (gate["gate"], gate.get("opening"))
            if opening not in opened:
                opened.add(opening)
                say(*(Terminal.of("  {}", line) for line in answers(handle.id, gate)))
        if ended:
            return
        await asyncio.sleep(POLL_S)


async def _ended(handle: WorkflowHandle[Any, Any]) -> bool:
    state = await handle.describe()
    return state.status is not WorkflowExecutionStatus.RUNNING
