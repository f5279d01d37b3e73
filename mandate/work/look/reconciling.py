"""``mandate ledger reconcile``: do histories and ledger agree?

1. A run that is named is compared, or it is said why it cannot be, which is 1, or 2 where nobody
   knows it. Without a name it is the latest that are over, so many as are asked for; those on the
   ledger of which the server keeps no history any more are among them, and their entries are
   counted.
2. 1: something does not agree. What could not be compared is said, and is no disagreement.
3. A stage is compared with its run alone: what it was asked for, and what has become of its answer,
   stands there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client
from temporalio.service import RPCError

from activities.ledger.comparing import UNDER_WAY, UNKNOWN, Comparison, compare, gone
from activities.ledger.reconcile import ended_runs
from activities.runtime.engine import described
from dsl.actions import RUN_STARTED
from dsl.rules.run.reserved import AGENT
from dsl.shown.surfaces import Terminal
from integrations.artifacts.store import Artifacts
from integrations.ledger.lookup import latest, moment_ms
from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.people.door import enter, temporal
from mandate.people.errors import NotThereError, RefusalError, UsageError
from mandate.people.gates.contents import store
from mandate.stack import environment
from mandate.terminal import note, say, say_json

AT_ONCE: Final = 4
ID_LENGTH_MAX: Final = 100


def run(
    workflow: str | None,
    ledger: Path,
    last: int,
    *,
    run_id: str = "",
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Print what does not agree; return the exit code (2)."""
    env = environment.present(data_dir)
    work = _run(workflow, run_id, ledger, last, env, as_json=as_json)
    return enter("ledger reconcile", work)


async def _run(
    workflow: str | None,
    run_id: str,
    ledger: Path,
    last: int,
    env: Mapping[str, str],
    *,
    as_json: bool,
) -> int:
    if len(run_id) > ID_LENGTH_MAX:
        raise UsageError("--run-id: expected the id of a run, got {} characters", len(run_id))
    client = await temporal(env)
    artifacts = _artifacts(env)
    if workflow is not None:
        await _refuse_stage(client, workflow, run_id)
        found = [await compare(client, ledger, artifacts, workflow, run_id)]
        if found[0].untold and not found[0].entries and not as_json:
            kind = NotThereError if found[0].untold == UNKNOWN else RefusalError
            which = Terminal.of("run {} of ", run_id) if run_id else Terminal()
            raise kind("{}{!r} was not compared: {}", which, workflow, found[0].untold)
    else:
        found = [each async for each in _latest(client, ledger, artifacts, last)]
    if as_json:
        for each in found:
            say_json(_record(each))
    else:
        say(*_lines(found))
    untold = "" if workflow is None else found[0].untold  # (1) it was asked for
    if untold == UNKNOWN:
        return EXIT_USAGE
    return EXIT_FAILED if untold or any(each.disagreements for each in found) else 0


async def _refuse_stage(client: Client, workflow: str, run_id: str) -> None:
    """Refuse a stage (3); what the server does not know any more is not refused.

    Raises:
        UsageError: it is a stage, and the text names its run.
    """
    try:
        found = await described(client, workflow, run_id or None)
    except RPCError:  # comparing says what there is to say
        return
    if found.type.name == AGENT:
        run = found.parent_execution.workflow_id
        if not run:  # somebody has started it beside any run
            raise UsageError("{!r} is a stage, compared with its run, and has none", workflow)
        its = Terminal.command("mandate ledger reconcile {}", run)
        raise UsageError("{!r} is a stage, compared with its run: {}", workflow, its)


async def _latest(
    client: Client, ledger: Path, artifacts: Artifacts | None, last: int
) -> AsyncIterator[Comparison]:
    """Compare the latest runs that are over, of those that the server or the ledger knows (1)."""
    wanted = await _newest(client, ledger, last)
    left = last
    while wanted and left:
        some, wanted = wanted[: min(AT_ONCE, left)], wanted[min(AT_ONCE, left) :]
        comparing = (compare(client, ledger, artifacts, *each) for each in some)
        for found in await asyncio.gather(*comparing):
            if found.untold != UNDER_WAY:
                left -= 1
                yield found


async def _newest(client: Client, ledger: Path, most: int) -> list[tuple[str, str]]:
    """Return the runs that may be among the latest, the newest first."""
    when: dict[tuple[str, str], float] = {}
    async for each in ended_runs(client, most):
        when[each.id, each.run_id] = (each.close_time or each.start_time).timestamp()
    for entry in await asyncio.to_thread(latest, ledger, RUN_STARTED, most):
        began = moment_ms(entry) / 1_000
        when.setdefault((entry.workflow_id, entry.run_id), began)
    return sorted(when, key=lambda run: when[run], reverse=True)


def _artifacts(env: Mapping[str, str]) -> Artifacts | None:
    try:
        return store(env)
    except RefusalError as error:
        note(Terminal.of("whether outputs are kept was not looked at: {}", error))
        return None


def _lines(found: Iterable[Comparison]) -> Iterator[Terminal]:
    agreed, untold = 0, 0
    for each in found:
        if each.untold:
            untold += 1
            yield Terminal.of("{}: not compared: {}", each.workflow, each.untold)
        elif not each.disagreements:
            agreed += 1
            if each.missing:
                yield Terminal.of("{}: agrees, as far as it is told", each.workflow)
        else:
            count = len(each.disagreements)
            yield Terminal.of("{}: {} disagreement(s), run {}", each.workflow, count, each.run)
        for one in each.disagreements:
            yield Terminal.of("  {}", one.where)
            yield Terminal.of("    expected {}", one.expected)
            yield Terminal.of("    found    {}", one.found)
        for stage in each.missing:
            yield Terminal.of("  not compared: {}", gone(stage))
    yield Terminal.of("{} run(s) agree with the ledger, {} not compared", agreed, untold)


def _record(each: Comparison) -> dict[str, Any]:
    return {
        "run": each.workflow,
        "run_id": each.run,
        "ok": not each.disagreements and not each.untold,
        "entries": each.entries,
        "events": each.events,
        "not_compared": each.untold,
        "missing": list(each.missing),
        "disagreements": [
            {"where": one.where, "expected": one.expected, "found": one.found}
            for one in each.disagreements
        ],
    }
