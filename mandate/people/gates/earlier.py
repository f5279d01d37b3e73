"""The last approval of the same gate and plan, and what has changed since.

1. It is looked for among the newest ``EARLIER_RUNS_MAX`` runs of the same type that are over, for
   ``EARLIER_S`` at most. The plan is the same when it has the same name. That nothing was found is
   said together with how far was looked.
2. What is told is what the report of that run says, which is no proof; no vote is bound to it.
3. Accounts that the engine keeps of each phase differ in every run: they are counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from activities.contracts.specs import QUEUE
from activities.runtime.engine import described
from dsl.shown.heads import OWN, rank
from dsl.shown.surfaces import Terminal
from mandate.people.gates.rows import GateRow
from mandate.people.outputs import Put, report_of
from mandate.unanswered import words_of

EARLIER_RUNS_MAX: Final = 50
EARLIER_S: Final = 5.0
ASKED_AT_ONCE: Final = 10
CHANGES_SHOWN_MAX: Final = 20
APPROVED: Final = "approved"


class _LenientReport(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Vote(_LenientReport):
    voter: str
    identity: str = ""


class _Decided(_LenientReport):
    gate: str
    verdict: str
    votes: tuple[_Vote, ...] | int = ()  # a large report has only their number


class _Stage(_LenientReport):
    outputs: tuple[Put, ...] = ()


class _Report(_LenientReport):
    pipeline: str
    plan: str
    approvals: tuple[_Decided, ...] = ()
    stages: dict[str, _Stage] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of an earlier approval; without ``run`` nothing was found."""

    run: str = ""
    when: datetime | None = None
    plan: str = ""  # digest
    voters: tuple[tuple[str, str], ...] = ()  # name, and how known
    outputs: dict[str, dict[str, Put]] | None = None  # of its stages, by name
    looked_at: int = 0  # runs
    why: Terminal = Terminal()  # noqa: RUF009 - immutable  # it is not known


async def last_approval(client: Client, run: tuple[str, str], plan: str, gate: str) -> Earlier:
    """Return the last approval of ``gate`` in a run of the plan of that name (1).

    Args:
        client: of Temporal.
        run: workflow id and run id of the one that is to be approved now.
        plan: its name.
        gate: a path.
    """
    try:
        async with asyncio.timeout(EARLIER_S):
            return await _find(client, run, plan, gate)
    except TimeoutError:
        return Earlier(why=Terminal.of("the server took more than {:g} s to tell", EARLIER_S))
    except RPCError as error:
        return Earlier(why=Terminal.of("{}", words_of(error)))


def since_lines(earlier: Earlier, row: GateRow) -> Iterator[Terminal]:
    """Yield what an approver is told first."""
    if earlier.why:
        yield Terminal.of("before   not known: {}", earlier.why)
        return
    if not earlier.run:
        yield _never(earlier.looked_at)
        return
    when = earlier.when.isoformat(timespec="seconds") if earlier.when else "?"
    by = Terminal.joined(", ", (Terminal.of("{} ({})", *each) for each in earlier.voters))
    yield Terminal.of(
        "before   {} was approved by {} and ended {}, says its report",
        *(earlier.run, by or Terminal("agents"), when),
    )
    same = Terminal("the same plan") if earlier.plan == row.plan else Terminal("another plan")
    yield Terminal.of("since    {}; {}", same, _changes_in_short(earlier, row))
    yield from _changes(earlier, row)


def _never(looked_at: int) -> Terminal:
    """Say that nothing was found, in so many runs."""
    nothing = Terminal("before   no approval of this gate and plan")
    if not looked_at:
        return Terminal.of("{}: no run of this type is over yet", nothing)
    if looked_at == 1:
        return Terminal.of("{} in the one run that is over", nothing)
    return Terminal.of("{} in the last {} runs that are over", nothing, looked_at)


async def _find(client: Client, run: tuple[str, str], plan: str, gate: str) -> Earlier:
    kind = (await described(client, *run)).type.name
    if '"' in kind or "\\" in kind:
        return Earlier(why=Terminal.of("type {} cannot be looked for", kind))
    query = (
        f'WorkflowType="{kind}" AND TaskQueue="{QUEUE}" '
        'AND ExecutionStatus IN ("Completed", "Failed")'
    )
    found = [each async for each in client.list_workflows(query, limit=EARLIER_RUNS_MAX)]
    newest = sorted(found, key=_ended, reverse=True)
    for start in range(0, len(newest), ASKED_AT_ONCE):
        batch = newest[start : start + ASKED_AT_ONCE]
        reports = await asyncio.gather(*(_report(client, each) for each in batch))
        for each, report in zip(batch, reports, strict=True):
            approval = _approval(report, plan, gate)
            if report is not None and approval is not None:
                return _earlier(each, report, approval)
    return Earlier(looked_at=len(newest))


def _ended(run: WorkflowExecution) -> float:
    return run.close_time.timestamp() if run.close_time else 0.0


async def _report(client: Client, run: WorkflowExecution) -> _Report | None:
    said = await report_of(client.get_workflow_handle(run.id, run_id=run.run_id))
    try:
        return _Report.model_validate(said)
    except ValidationError:
        return None


def _approval(report: _Report | None, plan: str, gate: str) -> _Decided | None:
    if report is None or report.pipeline != plan:
        return None
    approved = [a for a in report.approvals if (a.gate, a.verdict) == (gate, APPROVED)]
    return approved[-1] if approved else None


def _earlier(run: WorkflowExecution, report: _Report, approval: _Decided) -> Earlier:
    votes = approval.votes if isinstance(approval.votes, tuple) else ()
    return Earlier(
        run=run.id,
        when=run.close_time,
        plan=report.plan,
        voters=tuple((vote.voter, vote.identity) for vote in votes),
        outputs={
            path: {each.name: each for each in stage.outputs}
            for path, stage in report.stages.items()
        },
    )


@dataclass(frozen=True, slots=True)
class _Change:
    what: str
    stage: str
    name: str
    counts: bool  # as more than an account of the engine (3)


def _compared(earlier: Earlier, row: GateRow) -> list[_Change]:
    phases = {(each.stage, each.name): each.phase for each in row.outputs}
    changes = []
    for stage in sorted(row.subject):
        now, then = row.subject[stage], (earlier.outputs or {}).get(stage, {})
        for name in sorted({*now, *then}):
            phase = then[name].phase if name in then else phases.get((stage, name), "")
            telling = rank(phase, name) == OWN
            changes.append(_Change(_what(now.get(name), then.get(name)), stage, name, telling))
    return changes


def _what(now: str | None, then: Put | None) -> str:
    if now is None:
        return "gone"
    if then is None:
        return "new"
    return "same" if then.digest == now else "changed"


def _changes_in_short(earlier: Earlier, row: GateRow) -> Terminal:
    changes = _compared(earlier, row)
    telling = [each for each in changes if each.counts]
    counted = ", ".join(_counts(telling)) or "nothing to compare"
    accounts = sum(each.what != "same" for each in changes if not each.counts)
    return Terminal.of("outputs: {}; accounts of the engine: {} changed", counted, accounts)


def _counts(changes: Iterable[_Change]) -> Iterator[str]:
    whats = [each.what for each in changes]
    for what in ("same", "changed", "new", "gone"):
        if what in whats:
            yield f"{whats.count(what)} {what}"


def _changes(earlier: Earlier, row: GateRow) -> Iterator[Terminal]:
    changed = [each for each in _compared(earlier, row) if each.counts and each.what != "same"]
    for each in changed[:CHANGES_SHOWN_MAX]:
        yield Terminal.of("  {:<8} {}: {}", Terminal.of("{}", each.what), each.stage, each.name)
    if len(changed) > CHANGES_SHOWN_MAX:
        yield Terminal.of("  and {} more", len(changed) - CHANGES_SHOWN_MAX)
