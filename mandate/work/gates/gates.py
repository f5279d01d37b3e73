"""``mandate gates``: what waits for an answer, across all runs: what, why, until when, for whom.

1. Where nothing waits, it says which runs are under way and what they do: one of them may ask soon.
2. ``--watch`` looks again every ``LOOK_S`` and prints when something has changed, until Ctrl-C. For
   a program each gate is printed once for as long as it says the same.
3. ``--wait`` waits until somebody is asked, and prints that. The exit code is 0 then, 1 when the
   run is over, 124 when the time limit came first, and 130 on Ctrl-C, which leaves it alone.
4. Of each gate the lines that answer it are printed, and of its run what was sent in vain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from temporalio.client import Client

from dsl.rules.gates.gate_rules import NO_OUTPUT
from dsl.shown.surfaces import Terminal
from mandate._entry import EXIT_INTERRUPTED
from mandate.people import runs
from mandate.people.door import enter, temporal
from mandate.people.gates import inbox
from mandate.people.gates.answering import answers, rejection
from mandate.people.gates.contents import brief_lines, council_lines
from mandate.people.gates.inbox import INBOX_RUNS_MAX, Inbox, InboxRun
from mandate.people.gates.rows import NONE, GateRow
from mandate.people.gates.shown import call_lines
from mandate.people.runs import ADDRESS_MAX, address
from mandate.people.void import void_lines
from mandate.people.waiting import until_asked
from mandate.stack import environment
from mandate.terminal import clear, note, say, say_json

LOOK_S: Final = 2.0
BRIEF_FOLDS_MAX: Final = 3  # further lines of an argument of a call
UNDER_WAY_MAX: Final = 20  # runs that are named while nothing waits


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at, and how it is told."""

    env: Mapping[str, str]
    run: str | None = None  # all of them
    as_json: bool = False


def run(
    workflow: str | None = None,
    *,
    wait_ms: int | None = None,
    watch: bool = False,
    as_json: bool = False,
    data_dir: Path | None = None,
) -> int:
    """Print the inbox, all of it or that of one run; an empty one is no failure."""
    look = Look(environment.present(data_dir), workflow, as_json)
    if wait_ms is not None:
        return enter("gates", _wait(look, wait_ms))
    return enter("gates", _watch(look) if watch else _gates(look))


def lines(found: InboxRun, row: GateRow, env: Mapping[str, str]) -> Iterator[Terminal]:
    """Yield what a person reads of one pending gate."""
    yield Terminal.of("{}  in  {}  ({})", row.gate, found.workflow, found.type)
    yield Terminal.of("  what     {}", row.description or _approved(row))
    if not row.subject:
        yield Terminal.of("  binds    {}", NO_OUTPUT)
    yield Terminal.of("  since    {}, due {}", row.since, row.due)
    escalated = ", escalated" if row.escalated else ""
    yield Terminal.of("  needed   {}{}", row.still_needed_of, escalated)
    yield Terminal.of("  asks     {}", Terminal.joined(", ", _asks(row)))
    called = () if row.call is None else call_lines(row.call, folds_max=BRIEF_FOLDS_MAX)
    for line in (*called, *council_lines(row), *brief_lines(row)):
        yield Terminal.of("  {}", line)
    yield Terminal.of("  subject  {}", row.subject_digest)
    if row.vault.state != NONE:
        detail = Terminal.of(" ({})", row.vault.detail) if row.vault.detail else ""
        yield Terminal.of("  vault    {}{}", row.vault.state, detail)
    yield Terminal.of("  link     {}", address(env, found.workflow, found.run), limit=ADDRESS_MAX)
    # (4) the lines that answer it
    told = row.model_dump(mode="json")
    for line in answers(found.workflow, told):
        yield Terminal.of("  answer   {}", line)
    yield Terminal.of("  or       {}", rejection(found.workflow, told))


def record(found: InboxRun, row: GateRow, env: Mapping[str, str]) -> dict[str, Any]:
    """Return the same for a program."""
    told = row.model_dump(mode="json")
    return {
        "run": found.workflow,
        "run_id": found.run,
        "type": found.type,
        **told,
        "link": address(env, found.workflow, found.run),
        "answers": list(answers(found.workflow, told)),  # (4) the lines that answer it
        "void_messages": list(found.void.messages),
        "void_messages_dropped": found.void.dropped,
    }


async def _gates(look: Look) -> int:
    client = await temporal(look.env)
    await _print(client, look, await _found(client, look))
    return 0


async def _wait(look: Look, within_ms: int) -> int:
    """Print what waits for somebody, once there is something (3)."""
    client = await temporal(look.env)
    try:
        found = await until_asked(client, look.run, within_ms=within_ms)
    except asyncio.CancelledError:
        note(Terminal("nobody has been asked yet; what runs goes on"))
        return EXIT_INTERRUPTED
    await _print(client, look, found)
    return 0


async def _print(client: Client, look: Look, found: Inbox) -> None:
    if look.as_json:
        _print_new(_records(look, found), [])
    else:
        say(*await _page(client, look, found))


async def _watch(look: Look) -> int:
    """Print on each change (2); Ctrl-C is how it ends, and no failure."""
    client = await temporal(look.env)
    try:
        await (_stream(client, look) if look.as_json else _redraw(client, look))
    except asyncio.CancelledError:
        return 0


async def _found(client: Client, look: Look) -> Inbox:
    if look.run is None:
        return await inbox.look(client)
    return await inbox.look_at(client, look.run)


async def _redraw(client: Client, look: Look) -> NoReturn:
    shown: list[Terminal] = []
    while True:
        page = await _page(client, look, await _found(client, look))
        if page != shown:
            clear()
            say(*page)
            shown = page
        await asyncio.sleep(LOOK_S)


async def _stream(client: Client, look: Look) -> NoReturn:
    shown: list[dict[str, Any]] = []
    while True:
        records = _records(look, await _found(client, look))
        _print_new(records, shown)
        shown = records
        await asyncio.sleep(LOOK_S)


async def _page(client: Client, look: Look, found: Inbox) -> list[Terminal]:
    """Return what a person reads of the pending gates that were found."""
    page: list[Terminal] = []
    for each in found.runs:
        if each.why:
            page.append(Terminal.of("{}: {}", each.workflow, each.why))
        page += (line for row in each.rows for line in lines(each, row, look.env))
        if each.rows:  # else the run is told among those under way
            page += (Terminal.of("  void     {}", line) for line in void_lines(each.void))
    if not page:
        page = _at_work(found.runs[0]) if look.run else await _under_way(client)
    if not found.complete:
        page.append(
            Terminal.of("there are more than {} runs: these are the newest", INBOX_RUNS_MAX)
        )
    return page


def _at_work(found: InboxRun) -> list[Terminal]:
    """Return what the one run that was looked at does while it asks nobody (1)."""
    doing = runs.doing_words(found.doing) or Terminal("nothing that it tells of")
    page = [Terminal.of("no gate of {} waits for an answer; at work: {}", found.workflow, doing)]
    return page + [Terminal.of("  void     {}", line) for line in void_lines(found.void)]


async def _under_way(client: Client) -> list[Terminal]:
    """Return what is under way while no gate waits (1)."""
    nothing = Terminal("no gate waits for an answer")
    found = await runs.look(client, limit=UNDER_WAY_MAX, running=True)
    if not found.runs:
        return [Terminal.of("{}, and no run is under way", nothing)]
    page = [Terminal.of("{}; under way:", nothing)]
    for each in found.runs:
        doing = runs.doing_words(each.doing) or Terminal.of("{}", each.status)
        page.append(Terminal.of("  {}  ({})  {}", each.workflow, each.pipeline or each.type, doing))
        page += (Terminal.of("    void  {}", line) for line in void_lines(each.void))
    if not found.complete:
        page.append(Terminal("  and more: mandate runs"))
    return page


def _records(look: Look, found: Inbox) -> list[dict[str, Any]]:
    """Return the same for a program, one for each gate or run that does not answer."""
    if not found.complete:
        note(Terminal.of("there are more than {} runs: these are the newest", INBOX_RUNS_MAX))
    records = []
    for each in found.runs:
        if each.why:
            records.append({"run": each.workflow, "run_id": each.run, "error": each.why})
        records += (record(each, row, look.env) for row in each.rows)
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
