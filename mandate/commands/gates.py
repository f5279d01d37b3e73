"""``mandate gates``: what waits for an answer, across all runs: what, why, until when, for whom.

1. Where nothing waits, it says which runs are under way and what they do: one of them may ask soon.
2. ``--watch`` looks again every ``LOOK_S`` and prints when something has changed, until Ctrl-C. For
   a program each gate is printed once for as long as it says the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from temporalio.client import Client

from dsl.rules.gate_rules import NO_OUTPUT
from dsl.surfaces import Terminal
from mandate.commands.run import ADDRESS_MAX, address
from mandate.people import inbox, runs
from mandate.people.contents import brief_lines
from mandate.people.door import enter, temporal
from mandate.people.inbox import INBOX_RUNS_MAX, Run
from mandate.people.rows import NONE, GateRow
from mandate.stack import environment
from mandate.terminal import clear, note, say, say_json

LOOK_S: Final = 2.0
UNDER_WAY_MAX: Final = 20  # runs that are named while nothing waits


def run(*, watch: bool = False, as_json: bool = False, data_dir: Path | None = None) -> int:
    """Print the inbox; an empty one is no failure."""
    env = environment.present(data_dir)
    return enter("gates", _watch(env, as_json=as_json) if watch else _gates(env, as_json=as_json))


def lines(found: Run, row: GateRow, env: Mapping[str, str]) -> Iterator[Terminal]:
    """Yield what a person reads of one pending gate."""
    yield Terminal.of("{}  in  {}  ({})", row.gate, found.workflow, found.type)
    yield Terminal.of("  what     {}", row.description or _approved(row))
    if not row.subject:
        yield Terminal.of("  binds    {}", NO_OUTPUT)
    yield Terminal.of("  since    {}, due {}", row.since, row.due)
    escalated = ", escalated" if row.escalated else ""
    yield Terminal.of("  needed   {}{}", row.still_needed_of, escalated)
    yield Terminal.of("  asks     {}", Terminal.joined(", ", _asks(row)))
    for line in brief_lines(row):
        yield Terminal.of("  {}", line)
    yield Terminal.of("  subject  {}", row.subject_digest)
    if row.vault.state != NONE:
        detail = Terminal.of(" ({})", row.vault.detail) if row.vault.detail else ""
        yield Terminal.of("  vault    {}{}", row.vault.state, detail)
    yield Terminal.of("  link     {}", address(env, found.workflow, found.run), limit=ADDRESS_MAX)


def record(found: Run, row: GateRow, env: Mapping[str, str]) -> dict[str, Any]:
    """Return the same for a program."""
    where = {"run": found.workflow, "run_id": found.run, "type": found.type}
    return {**where, **row.model_dump(mode="json"), "link": address(env, found.workflow, found.run)}


async def _gates(env: Mapping[str, str], *, as_json: bool) -> int:
    client = await temporal(env)
    if as_json:
        _print_new(await _records(client, env), [])
    else:
        say(*await _page(client, env))
    return 0


async def _watch(env: Mapping[str, str], *, as_json: bool) -> int:
    """Print on each change (2); Ctrl-C is how it ends, and no failure."""
    client = await temporal(env)
    try:
        await (_stream(client, env) if as_json else _redraw(client, env))
    except asyncio.CancelledError:
        return 0


async def _redraw(client: Client, env: Mapping[str, str]) -> NoReturn:
    shown: list[Terminal] = []
    while True:
        page = await _page(client, env)
        if page != shown:
            clear()
            say(*page)
            shown = page
        await asyncio.sleep(LOOK_S)


async def _stream(client: Client, env: Mapping[str, str]) -> NoReturn:
    shown: list[dict[str, Any]] = []
    while True:
        records = await _records(client, env)
        _print_new(records, shown)
        shown = records
        await asyncio.sleep(LOOK_S)


async def _page(client: Client, env: Mapping[str, str]) -> list[Terminal]:
    """Return what a person reads of all pending gates."""
    found = await inbox.look(client)
    page = [Terminal.of("{}: {}", each.workflow, each.why) for each in found.runs if each.why]
    for each in found.runs:
        page += (line for row in each.rows for line in lines(each, row, env))
    if not page:
        page = await _under_way(client)
    if not found.complete:
        page.append(
            Terminal.of("there are more than {} runs: these are the newest", INBOX_RUNS_MAX)
        )
    return page


async def _under_way(client: Client) -> list[Terminal]:
    """Return what is under way while no gate waits (1)."""
    nothing = Terminal("no gate waits for an answer")
    found = await runs.look(client, limit=UNDER_WAY_MAX, running=True)
    if not found.runs:
        return [Terminal.of("{}, and no run is under way", nothing)]
    page = [Terminal.of("{}; under way:", nothing)]
    for each in found.runs:
        doing = Terminal.listed(each.doing) or Terminal.of("{}", each.status)
        page.append(Terminal.of("  {}  ({})  {}", each.workflow, each.pipeline or each.type, doing))
    if not found.complete:
        page.append(Terminal("  and more: mandate runs"))
    return page


async def _records(client: Client, env: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the same for a program, one for each gate or run that does not answer."""
    found = await inbox.look(client)
    if not found.complete:
        note(Terminal.of("there are more than {} runs: these are the newest", INBOX_RUNS_MAX))
    records = []
    for each in found.runs:
        if each.why:
            records.append({"run": each.workflow, "run_id": each.run, "error": each.why})
        records += (record(each, row, env) for row in each.rows)
    return records


def _print_new(records: list[dict[str, Any]], shown: list[dict[str, Any]]) -> None:
    for each in records:
        if each not in shown:
            say_json(each)


def _approved(row: GateRow) -> Terminal:
    if not row.subject:
        return Terminal("going on")
    return Terminal.of("the outputs of {}", Terminal.listed(sorted(row.subject)))


def _asks(row: GateRow) -> Iterator[Terminal]:
    yield Terminal.listed(row.identity or ("claimed",), " or ")
    if row.reason_required:
        yield Terminal("a reason")
    if row.excluded:
        yield Terminal.of("not {}", Terminal.listed(row.excluded, " or "))
