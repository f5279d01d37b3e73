"""The live board of a run in the terminal.

Draws what the query ``status`` answers. Where stdout is no terminal it prints each change of a
stage once, as a line, so that logs stay readable.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

POLL_S: Final = 0.4
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


async def watch(handle: WorkflowHandle[Any, Any], console: Console) -> None:
    """Show the run until it ends."""
    if not console.is_terminal:
        await _lines(handle, console)
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
    board = Table(title=f"{status.get('pipeline', '')} {status.get('version', '')}", expand=False)
    for column in ("stage", "type", "status", "detail"):
        board.add_column(column)
    for path, row in status.get("stages", {}).items():
        style = _STYLES.get(row["status"], "")
        board.add_row(path, row["type"], row["status"], row["detail"], style=style)
    for gate in status.get("waiting_for", []):
        asked = ", ".join(gate["approvers"])
        board.caption = f"waiting for {asked} at {gate['gate']} until {gate['due']}"
    return board


async def _lines(handle: WorkflowHandle[Any, Any], console: Console) -> None:
    shown: dict[str, str] = {}
    while True:
        ended = await _ended(handle)
        status = await _status(handle)
        for path, row in (status or {}).get("stages", {}).items():
            if row["status"] not in ("pending", shown.get(path)):
                shown[path] = row["status"]
                detail = f"  {row['detail']}" if row["detail"] else ""
                console.print(f"{row['status']:<10} {path}{detail}", highlight=False, markup=False)
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
