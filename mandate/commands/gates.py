"""``mandate gates``: what waits for an answer, across all runs: what, why, until when, for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dsl.rules.gate_rules import NO_OUTPUT
from dsl.surfaces import Terminal
from mandate.commands.run import ADDRESS_MAX, address
from mandate.people import inbox
from mandate.people.contents import brief_lines
from mandate.people.door import enter, temporal
from mandate.people.inbox import INBOX_RUNS_MAX, Run
from mandate.people.rows import NONE, GateRow
from mandate.stack import environment
from mandate.terminal import note, say, say_json


def run(*, as_json: bool, data_dir: Path | None) -> int:
    """Print the inbox; an empty one is no failure."""
    return enter("gates", _gates(environment.present(data_dir), as_json=as_json))


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
    found = await inbox.look(await temporal(env))
    for each in found.runs:
        _show(each, env, as_json=as_json)
    if not any(each.rows or each.why for each in found.runs) and not as_json:
        say(Terminal("no gate waits for an answer"))
    if not found.complete:
        note(Terminal.of("there are more than {} runs: these are the newest", INBOX_RUNS_MAX))
    return 0


def _show(found: Run, env: Mapping[str, str], *, as_json: bool) -> None:
    if found.why:
        if as_json:
            say_json({"run": found.workflow, "run_id": found.run, "error": found.why})
        else:
            say(Terminal.of("{}: {}", found.workflow, found.why))
    for row in found.rows:
        if as_json:
            say_json(record(found, row, env))
        else:
            say(*lines(found, row, env))


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
