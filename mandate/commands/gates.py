"""``mandate gates``: what waits for an answer, across all runs: what, why, until when, for whom."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dsl.rules.gate_rules import NO_OUTPUT
from mandate.commands.run import address
from mandate.people import inbox
from mandate.people.door import enter, note, temporal
from mandate.people.inbox import INBOX_RUNS_MAX, Run
from mandate.people.rows import NONE, GateRow
from mandate.people.words import plain
from mandate.stack import environment


def run(*, as_json: bool, data_dir: Path | None) -> int:
    """Print the inbox; an empty one is no failure."""
    return enter("gates", _gates(environment.present(data_dir), as_json=as_json))


def lines(found: Run, row: GateRow, env: Mapping[str, str]) -> Iterator[str]:
    """Yield what a person reads of one pending gate."""
    yield f"{plain(row.gate)}  in  {plain(found.workflow)}  ({plain(found.type)})"
    yield f"  what     {plain(row.description or _approved(row))}"
    if not row.subject:
        yield f"  binds    {NO_OUTPUT}"
    yield f"  since    {plain(row.since)}, due {plain(row.due)}"
    escalated = ", escalated" if row.escalated else ""
    yield f"  needed   {plain(row.still_needed_of)}{escalated}"
    yield f"  asks     {', '.join(_asks(row))}"
    yield f"  subject  {plain(row.subject_digest)}"
    if row.vault.state != NONE:
        detail = f" ({plain(row.vault.detail)})" if row.vault.detail else ""
        yield f"  vault    {plain(row.vault.state)}{detail}"
    yield f"  link     {plain(address(env, found.workflow, found.run))}"


def record(found: Run, row: GateRow, env: Mapping[str, str]) -> dict[str, Any]:
    """Return the same for a program."""
    where = {"run": found.workflow, "run_id": found.run, "type": found.type}
    return {**where, **row.model_dump(mode="json"), "link": address(env, found.workflow, found.run)}


async def _gates(env: Mapping[str, str], *, as_json: bool) -> int:
    found = await inbox.look(await temporal(env))
    for each in found.runs:
        _show(each, env, as_json=as_json)
    if not any(each.rows or each.why for each in found.runs) and not as_json:
        print("no gate waits for an answer")
    if not found.complete:
        note(f"there are more than {INBOX_RUNS_MAX} runs: these are the newest")
    return 0


def _show(found: Run, env: Mapping[str, str], *, as_json: bool) -> None:
    if found.why:
        if as_json:
            print(json.dumps({"run": found.workflow, "run_id": found.run, "error": found.why}))
        else:
            print(f"{plain(found.workflow)}: {found.why}")
    for row in found.rows:
        if as_json:
            print(json.dumps(record(found, row, env)))
        else:
            print("\n".join(lines(found, row, env)))


def _approved(row: GateRow) -> str:
    return f"the outputs of {', '.join(sorted(row.subject))}" if row.subject else "going on"


def _asks(row: GateRow) -> Iterator[str]:
    yield plain(" or ".join(row.identity) or "claimed")
    if row.reason_required:
        yield "a reason"
    if row.excluded:
        yield "not " + plain(" or ".join(row.excluded))
