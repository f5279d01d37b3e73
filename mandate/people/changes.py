"""Asking for a change of an agent's trust: start it, say at once what came of that, or wait.

1. Whoever asks decides nothing, so nobody has to be logged in: criteria and people decide.
2. What is not met is printed whole; what waits is printed with the line that answers it.
3. One at a time: where one is under way, that one is shown, and nothing is started.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from shlex import quote
from typing import Any, Final

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from activities.contracts import QUEUE
from mandate._entry import EXIT_FAILED
from mandate.people.door import note, temporal
from mandate.people.errors import RefusalError
from mandate.people.rows import GateRow
from mandate.people.voting import pending
from mandate.people.words import plain
from mandate.stack import environment

ANSWER: Final = timedelta(seconds=60)  # until there is a refusal or a gate
_POLL_S: Final = 0.2
_DONE: Final = {"promote": "promoted", "reinstate": "reinstated"}


@dataclass(frozen=True, slots=True)
class Change:
    """What is asked for, and how it is told."""

    kind: str  # the command
    workflow: str  # type
    id: str
    agent: str
    input: Mapping[str, Any]
    wait: bool = False
    as_json: bool = False


async def ask(change: Change, data_dir: Path | None) -> int:
    """Start the change; return 0 when it waits for people or, waited for, is done."""
    client = await temporal(environment.present(data_dir))
    handle, is_new = await _start(client, change)
    ending = asyncio.create_task(handle.result())
    try:
        row = await _until_known(handle, ending)
        if row is not None:
            _tell(change, handle, row)
        if not is_new:  # (3)
            note(f"{plain(change.id)} was under way already: nothing new was started")
            return EXIT_FAILED
        if row is not None and not change.wait:
            return 0
        return _done(change, await ending)
    except WorkflowFailureError as failure:
        return _refused(change, failure)
    finally:
        ending.cancel()


def reasons(cause: BaseException | None) -> tuple[str, list[str]]:
    """Return the type of a failure and everything that is not met (2)."""
    if not isinstance(cause, ApplicationError):
        return type(cause).__name__, [plain(cause)]
    report = cause.details[0] if cause.details else None
    unmet = report.get("unmet") if isinstance(report, dict) else None
    why = unmet if isinstance(unmet, list) and unmet else [cause.message]
    return cause.type or "ApplicationError", [plain(each) for each in why]


def waiting_lines(run: str, row: GateRow) -> Iterator[str]:
    """Yield what a person reads of the gate that waits (2)."""
    yield f"waiting  {plain(row.gate)} of {plain(run)}, until {plain(row.due)}"
    yield f"what     {plain(row.description)}"
    yield f"needed   {plain(row.still_needed_of)}"
    yield f"answer   {answer(run, row)}"


def answer(run: str, row: GateRow) -> str:
    """Return the line that approves."""
    return f"mandate approve {quote(plain(run))} {quote(plain(row.gate))} --reason '...'"


async def _start(client: Client, change: Change) -> tuple[WorkflowHandle[Any, Any], bool]:
    try:
        handle = await client.start_workflow(
            change.workflow, dict(change.input), id=change.id, task_queue=QUEUE
        )
    except WorkflowAlreadyStartedError as error:
        return client.get_workflow_handle(change.id, run_id=error.run_id), False
    return handle, True


async def _until_known(
    handle: WorkflowHandle[Any, Any], ending: asyncio.Task[Any]
) -> GateRow | None:
    """Return the gate that waits; None when the run is over.

    Raises:
        RefusalError: neither within ``ANSWER``.
    """
    try:
        async with asyncio.timeout(ANSWER.total_seconds()):
            while not ending.done():
                rows = await pending(handle, within=ANSWER)
                if rows:
                    return rows[0]
                await asyncio.wait([ending], timeout=_POLL_S)
    except TimeoutError:
        raise RefusalError(
            f"no answer within {ANSWER.total_seconds():g} s, and it goes on; see: "
            f"temporal workflow query -w {quote(handle.id)} --type status"
        ) from None
    return None


def _tell(change: Change, handle: WorkflowHandle[Any, Any], row: GateRow) -> None:
    if change.as_json:
        shown = {"agent": change.agent, "state": "waiting", "run": handle.id}
        print(json.dumps({**shown, "gate": row.model_dump(), "answer": answer(handle.id, row)}))
    else:
        print("\n".join(waiting_lines(handle.id, row)), flush=True)


def _done(change: Change, report: Any) -> int:
    """Tell what was changed; return 0 when every store was seen to hold it."""
    if not isinstance(report, dict):
        raise RefusalError("its report cannot be read")
    lines = [each for each in report.get("lines") or () if isinstance(each, dict)]
    code = 0 if all(each.get("confirmed") is True for each in lines) else EXIT_FAILED
    if change.as_json:
        print(json.dumps({"agent": change.agent, "state": _DONE[change.kind], "report": report}))
        return code
    was, now, entry = (plain(report.get(name)) for name in ("was", "now", "grant"))
    print(
        f"{_DONE[change.kind]}: {plain(change.agent)} from {was} to {now}, granted by ledger "
        f"entry {entry}"
    )
    for each in lines:
        word = "confirmed" if each.get("confirmed") is True else "NOT confirmed"
        print(f"  {word}: {plain(each.get('what'))}, {plain(each.get('detail'))}")
    return code


def _refused(change: Change, failure: WorkflowFailureError) -> int:
    kind, unmet = reasons(failure.cause)
    if change.as_json:
        told = {"agent": change.agent, "state": "refused", "type": kind, "unmet": unmet}
        print(json.dumps(told))
    else:
        lines = [f"refused: {plain(change.agent)} stays as it is"]
        print("\n".join([*lines, *(f"  - {each}" for each in unmet)]))
    return EXIT_FAILED
