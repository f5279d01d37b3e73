"""``mandate review council``: the shipped pipeline on the running stack, and its decisions.

1. The path is one of the workspace that the stack's agents may look at; another is refused with the
   line that helps, before anything starts.
2. What the ledger knows of earlier outcomes goes along, so that the rank is that of now.
3. It waits until the council has decided: where people are asked, it says how they answer, and
   leaves the run to them. The exit code is 1 where the run has failed.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from activities.contracts.specs import QUEUE, REVIEW_PIPELINE
from dsl.rules.review.known import GATE
from dsl.rules.review.ranking import counted
from dsl.shown.surfaces import Terminal
from mandate._entry import EXIT_FAILED
from mandate.columns import columns
from mandate.people.door import enter, temporal
from mandate.people.errors import RefusalError, UsageError
from mandate.people.runs import status_of
from mandate.stack import environment
from mandate.terminal import ERROR_MAX, note, say, say_json
from mandate.work.review.learned import recorded

ANSWER: Final = timedelta(minutes=40)  # what its agents may take together, and more
_LOOK_S: Final = 0.5
_SHOWN_MAX: Final = 40


def run(path: str, checks: str, *, as_json: bool, data_dir: Path | None) -> int:
    """Start a review, wait for the council, print what it has decided."""
    env = environment.present(data_dir)
    return enter("review council", _run(env, path, checks, as_json=as_json))


def inputs_of(env: Mapping[str, str], path: str, checks: str) -> dict[str, str]:
    """Return the inputs of a run.

    Raises:
        UsageError: the stack's agents may not look there (1), or the checks are no command.
    """
    place = place_in(env, path)
    if not (workspace_of(env) / place).is_dir():
        raise UsageError("{} is no folder of {}", path, workspace_of(env))
    try:
        shlex.split(checks)
    except ValueError as error:
        raise UsageError("--checks {!r} is no command: {}", checks, error) from None
    return {"path": place, "checks": checks, "learned": _learned(environment.ledger_of(env))}


async def _run(env: Mapping[str, str], path: str, checks: str, *, as_json: bool) -> int:
    inputs = await asyncio.to_thread(inputs_of, env, path, checks)
    client = await temporal(env)
    handle = await _start(client, inputs)
    if not as_json:
        note(Terminal.of("run {}: agents look, suggest and judge", handle.id))
    try:
        async with asyncio.timeout(ANSWER.total_seconds()):
            decided, waits = await _decided(handle)
    except TimeoutError:
        raise RefusalError(
            "nothing was decided within {:g} s, and it goes on: {}",
            ANSWER.total_seconds(),
            Terminal.command("mandate watch {}", handle.id),
        ) from None
    except WorkflowFailureError as failure:
        note(Terminal.of("{}: {}", handle.id, failure.cause, limit=ERROR_MAX))
        return EXIT_FAILED
    if as_json:
        say_json({"run": handle.id, "waits_for_people": waits, "decisions": decided})
    else:
        say(*_told(handle.id, decided, waits=waits))
    return 0


async def _start(client: Client, inputs: Mapping[str, str]) -> WorkflowHandle[Any, Any]:
    name = f"pipeline/{REVIEW_PIPELINE}/{uuid.uuid4().hex[:8]}"
    return await client.start_workflow(REVIEW_PIPELINE, dict(inputs), id=name, task_queue=QUEUE)


async def _decided(handle: WorkflowHandle[Any, Any]) -> tuple[list[dict[str, str]], bool]:
    """Return what the council has decided, and whether people are asked now (3)."""
    ended = asyncio.ensure_future(handle.result())
    try:
        while not ended.done():
            status = await status_of(handle)
            for row in status.get("waiting_for") or ():
                if row.get("gate") == GATE:
                    return list(row.get("decisions") or ()), True
            await asyncio.wait((ended,), timeout=_LOOK_S)
        report = ended.result()
    finally:
        ended.cancel()
    approvals = report.get("approvals") if isinstance(report, dict) else None
    gates = [each for each in approvals or () if each.get("gate") == GATE]
    return [row for each in gates for row in each.get("decisions") or ()], False


def _told(run: str, decisions: Sequence[Mapping[str, str]], *, waits: bool) -> Iterator[Terminal]:
    if not decisions:
        yield Terminal("nothing was suggested")
    else:
        rows = [("SUGGESTION", "RULING", "RULE", "")]
        rows += [
            (each["suggestion"], each["ruling"], each["rule"], each["why"])
            for each in decisions[:_SHOWN_MAX]
        ]
        yield from columns(rows)
        if len(decisions) > _SHOWN_MAX:
            yield Terminal.of("… {} in all: --json shows them", len(decisions))
    yield Terminal.of(
        "what each says  {}",
        Terminal.command("mandate artifact show {} suggestions.md", f"{run}/suggest"),
    )
    if waits:
        yield Terminal.of("people decide   {}", Terminal.command("mandate gates {}", run))


def workspace_of(env: Mapping[str, str]) -> Path:
    """Return the folder that the stack's agents may look at."""
    return Path(env.get("MANDATE_WORKSPACE") or Path.cwd()).resolve()


def place_in(env: Mapping[str, str], path: str) -> str:
    """Return a path as it is within the workspace, whether or not something is there.

    Raises:
        UsageError: it is not within.
    """
    workspace = workspace_of(env)
    place = Path(path)
    place = (place if place.is_absolute() else workspace / place).resolve()
    if not place.is_relative_to(workspace):
        raise UsageError(
            "{} is not within {}, where the agents of this stack may look: name a folder there, or "
            "start the stack elsewhere (mandate up)",
            path,
            workspace,
        )
    return str(place.relative_to(workspace))


def _learned(ledger: Path) -> str:
    """Return what the ledger knows of earlier outcomes, as the pipeline takes it (2)."""
    counts = counted(recorded(ledger))
    return json.dumps({kind.value: told for kind, told in counts.items()}, sort_keys=True)
