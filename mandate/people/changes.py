"""Asking for a change of an agent's trust: start it, say at once what came of that, or wait.

1. Whoever asks decides nothing, so nobody has to be logged in: criteria and people decide.
2. What is not met is printed whole; what waits is printed with the line that answers it. That there
   is no such agent is one sentence.
3. One at a time: where one is under way, that one is shown, and nothing is started. What merely
   holds its id is said to be that, and nothing of it is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from activities.contracts.specs import QUEUE
from dsl.rules.trust.admission import unregistered
from dsl.shown.surfaces import Terminal, pasteable
from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.people.door import temporal
from mandate.people.errors import RefusalError, no_agent
from mandate.people.gates.queries import pending
from mandate.people.gates.rows import GateRow
from mandate.people.holders import refuse_stranger
from mandate.people.standing import likely_at
from mandate.stack import environment
from mandate.terminal import note, say, say_json

ANSWER: Final = timedelta(seconds=60)  # until there is a refusal or a gate
_POLL_S: Final = 0.2
ANSWER_LINE: Final = "mandate approve {} {} --reason '...'"
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
    env = environment.present(data_dir)
    client = await temporal(env)
    handle, is_new = await _start(client, change)
    ending = asyncio.create_task(handle.result())
    try:
        row = await _until_known(handle, ending)
        if row is not None:
            _tell(change, handle, row)
        if not is_new:  # (3) one at a time
            note(Terminal.of("{} was under way already: nothing new was started", change.id))
            return EXIT_FAILED
        if row is not None and not change.wait:
            return 0
        return _done(change, await ending)
    except WorkflowFailureError as failure:
        return _refused(change, failure, env)
    finally:
        ending.cancel()


def reasons(cause: BaseException | None) -> tuple[str, list[str]]:
    """Return the type of a failure and everything that is not met (2)."""
    if not isinstance(cause, ApplicationError):
        return type(cause).__name__, [str(cause)]
    report = cause.details[0] if cause.details else None
    unmet = report.get("unmet") if isinstance(report, dict) else None
    why = unmet if isinstance(unmet, list) and unmet else [cause.message]
    return cause.type or "ApplicationError", [str(each) for each in why]


def waiting_lines(run: str, row: GateRow) -> Iterator[Terminal]:
    """Yield what a person reads of the gate that waits (2)."""
    yield Terminal.of("waiting  {} of {}, until {}", row.gate, run, row.due)
    yield Terminal.of("what     {}", row.description)
    yield Terminal.of("needed   {}", row.still_needed_of)
    yield Terminal.of("answer   {}", Terminal.command(ANSWER_LINE, run, row.gate))


async def _start(client: Client, change: Change) -> tuple[WorkflowHandle[Any, Any], bool]:
    try:
        handle = await client.start_workflow(
            change.workflow, dict(change.input), id=change.id, task_queue=QUEUE
        )
    except WorkflowAlreadyStartedError as error:
        await refuse_stranger(client, change.id, error.run_id)  # (3) what merely holds its id
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
            "no answer within {:g} s, and it goes on; see: {}",
            ANSWER.total_seconds(),
            Terminal.command("temporal workflow query -w {} --type status", handle.id),
        ) from None
    return None


def _tell(change: Change, handle: WorkflowHandle[Any, Any], row: GateRow) -> None:
    if change.as_json:
        shown = {"agent": change.agent, "state": "waiting", "run": handle.id}
        line = pasteable(ANSWER_LINE, handle.id, row.gate)
        say_json({**shown, "gate": row.model_dump(), "answer": line})
    else:
        say(*waiting_lines(handle.id, row))


def _done(change: Change, report: Any) -> int:
    """Tell what was changed; return 0 when every store was seen to hold it."""
    if not isinstance(report, dict):
        raise RefusalError("its report cannot be read")
    lines = [each for each in report.get("lines") or () if isinstance(each, dict)]
    code = 0 if all(each.get("confirmed") is True for each in lines) else EXIT_FAILED
    if change.as_json:
        say_json({"agent": change.agent, "state": _DONE[change.kind], "report": report})
        return code
    was, now, entry = (report.get(name) for name in ("was", "now", "grant"))
    done = _DONE[change.kind]
    say(
        Terminal.of(
            "{}: {} from {} to {}, granted by ledger entry {}", done, change.agent, was, now, entry
        )
    )
    for each in lines:
        word = "confirmed" if each.get("confirmed") is True else "NOT confirmed"
        say(Terminal.of("  {}: {}, {}", word, each.get("what"), each.get("detail")))
    return code


def _refused(change: Change, failure: WorkflowFailureError, env: Mapping[str, str]) -> int:
    kind, unmet = reasons(failure.cause)
    is_there = unmet != [unregistered(change.agent)]
    if change.as_json:
        say_json({"agent": change.agent, "state": "refused", "type": kind, "unmet": unmet})
    elif not is_there:
        raise no_agent(change.agent, likely_at(change.agent, env))
    else:
        say(Terminal.of("refused: {} stays as it is", change.agent))
        say(*(Terminal.of("  - {}", each) for each in unmet))
    return EXIT_FAILED if is_there else EXIT_USAGE
