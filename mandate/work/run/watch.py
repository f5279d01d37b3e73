"""``mandate watch``: follow a run until it ends; ``mandate run --wait`` does the same.

1. At a gate it shows the lines that answer it.
2. Ctrl-C ends the watching and never the run, and says so; the exit code is then 130.
3. The exit code is 0 when the run completed, 1 when it ended in any other way.
4. A run that was started from a file is refused with that file in the line that helps: the engine
   has seen what is in it and not where it lies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from dsl.rules.trust.admission import rebinding_by
from dsl.shown.surfaces import Terminal, pasteable
from mandate._entry import EXIT_FAILED, EXIT_INTERRUPTED
from mandate.board import watch
from mandate.people.door import enter, temporal
from mandate.people.runs import existing, word_of
from mandate.stack import environment
from mandate.terminal import laid_out, note, say, say_json


def run(workflow: str, *, as_json: bool, data_dir: Path | None) -> int:
    """Follow the run; return how it ended (3)."""
    return enter("watch", _watch(workflow, environment.present(data_dir), as_json=as_json))


async def _watch(workflow: str, env: Mapping[str, str], *, as_json: bool) -> int:
    return await attend(await existing(await temporal(env), workflow), as_json=as_json)


async def attend(
    handle: WorkflowHandle[Any, Any], *, as_json: bool = False, file: str | None = None
) -> int:
    """Show the run until it ends, then how it ended; return the exit code.

    Args:
        handle: of the run.
        as_json: how it ended as an object, and nothing until then.
        file: it was started from (4).
    """
    try:
        if not as_json:
            await watch(handle)
        return await outcome(handle, as_json=as_json, file=file)
    except asyncio.CancelledError:  # (2) ends the watching, never the run
        note(
            Terminal.of(
                "the run goes on; back to it: {}", Terminal.command("mandate watch {}", handle.id)
            ),
            Terminal.of("to end it: {}", Terminal.command("mandate cancel {}", handle.id)),
        )
        return EXIT_INTERRUPTED


async def outcome(
    handle: WorkflowHandle[Any, Any], *, as_json: bool = False, file: str | None = None
) -> int:
    """Print how the run ended and return the exit code (3)."""
    try:
        report = await handle.result()
    except WorkflowFailureError as failure:
        state = await handle.describe()
        status = word_of(state)
        if as_json:
            say_json({"run": handle.id, **_told(status, failure.cause)})
        else:
            note(*laid_out(Terminal.of("{}", status), _said(failure.cause, file)))
        return EXIT_FAILED
    if as_json:
        say_json({"run": handle.id, "status": "completed", "report": report})
        return 0
    ledger = report.get("ledger") if isinstance(report, dict) else None
    say(Terminal.of("completed; ledger entries {}", Terminal.listed(ledger or (), " to ")))
    return 0


def _said(cause: BaseException, file: str | None) -> str:
    document = pasteable("{}", file) if file is not None else None
    # (4) the file, in place of what the engine cannot know
    return str(cause) if document is None else rebinding_by(document, str(cause))


def _told(status: str, cause: BaseException) -> dict[str, Any]:
    if not isinstance(cause, ApplicationError):
        return {"status": status, "error": "", "detail": str(cause)}
    report = cause.details[0] if cause.details else None
    told = {"status": status, "error": cause.type, "detail": cause.message}
    return {**told, "report": report} if isinstance(report, dict) else told
