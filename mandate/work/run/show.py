"""``mandate show``: the board of a run, under way or over, on one page.

1. The exit code is how the run ended: ``EXITS``. A run under way has a code of its own, since it
   has neither succeeded nor failed; so has one of which nothing can be told.
2. Of more than ``ROWS_MAX`` stages, gates or outputs it shows what matters most and counts the
   rest; ``--all`` and ``--json`` show each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from temporalio.service import RPCError

from dsl.shown.heads import rank
from dsl.shown.surfaces import Terminal
from integrations.errors import IntegrationError
from integrations.settings import read_settings
from mandate._entry import EXIT_FAILED
from mandate.columns import columns
from mandate.people.accounts import (
    Account,
    CountedVote,
    DecidedGate,
    PendingGate,
    StageAccount,
    account_of,
)
from mandate.people.budgets import live_budgets
from mandate.people.door import enter, temporal
from mandate.people.errors import RefusalError, UsageError
from mandate.people.outputs import latest
from mandate.people.runs import stages_said
from mandate.stack import environment
from mandate.terminal import ERROR_MAX, laid_out, note, say, say_json
from mandate.unanswered import words_of
from mandate.work.run.calls import CallOfStage, calls_in
from mandate.work.run.resumed import resumed
from mandate.work.run.stages import IDLE, AtWork, lasted, phases_in, stages_record, stages_table

ROWS_MAX: Final = 100
STAGES_ASKED_MAX: Final = 100  # for phase and budget of those at work, and for calls
EXIT_UNDER_WAY: Final = 3
EXITS: Final[Mapping[str, int]] = {  # by the kind of a bad end
    "GateRejected": 4,
    "Cancelled": 5,
    "Terminated": 5,
    "TimedOut": 6,
    "Revoked": 7,
}


def run(workflow: str, *, is_whole: bool, as_json: bool, data_dir: Path | None) -> int:
    """Print the board; return how the run ended (1)."""
    env = environment.present(data_dir)
    return enter("show", _show(workflow, env, is_whole=is_whole, as_json=as_json))


async def _show(workflow: str, env: Mapping[str, str], *, is_whole: bool, as_json: bool) -> int:
    try:
        client = await temporal(env)
        account = await account_of(client, workflow)
    except (IntegrationError, RefusalError) as error:  # 1 would say that it failed
        raise UsageError("{}", error) from None
    except RPCError as error:  # nor has it here
        raise UsageError("temporal: {}", words_of(error)) from None
    rows = account.told.stages.items() if account.is_under_way else ()
    running = [path for path, row in rows if (row.type, row.status) == ("agent", "running")]
    begun = [path for path, row in account.told.stages.items() if _has_begun(row)]
    running, begun = running[:STAGES_ASKED_MAX], begun[:STAGES_ASKED_MAX]
    said = await stages_said(client, workflow, dict.fromkeys((*running, *begun)))
    of_running = {path: said[path] for path in running}
    budgets = await live_budgets(read_settings(env), of_running)
    at_work = AtWork(budgets, phases_in(of_running))
    calls = calls_in({path: said[path] for path in begun})
    if as_json:
        told = [each.model_dump(mode="json") for each in calls]
        say_json({**record(account, at_work), "calls": told})
    else:
        say(*page(account, at_work, calls, is_whole=is_whole))
        note(*_missing(account))
    return exit_code(account)


def exit_code(account: Account) -> int:
    """Return how the run ended (1)."""
    if account.is_under_way:
        return EXIT_UNDER_WAY
    if account.status == "completed":
        return 0
    return EXITS.get(account.kind, EXIT_FAILED)


def page(
    account: Account,
    at_work: AtWork = IDLE,
    calls: Sequence[CallOfStage] = (),
    *,
    is_whole: bool = False,
) -> Iterator[Terminal]:
    """Yield the lines of the board."""
    most = None if is_whole else ROWS_MAX
    yield from _head(account)
    for section in (
        stages_table(account.told, most, at_work),
        resumed(account.told.resumed, most),
        _decided(account, most),
        _pending(account, most),
        _called(calls, most),
        _outputs(account, most),
    ):
        lines = list(section)
        if lines:
            yield Terminal()
            yield from lines
    yield Terminal()
    yield from _end(account)


def record(account: Account, at_work: AtWork = IDLE) -> dict[str, Any]:
    """Return the same for a program, whole."""
    told = account.told
    return {
        "run": account.workflow,
        "run_id": account.run,
        "type": account.type,
        "status": account.status,
        "ended": account.kind,
        "detail": account.sentence,
        "since": _time(account.started),
        "until": _time(account.closed),
        "seconds": account.seconds(),
        "answered": account.answered,
        **told.model_dump(mode="json", include={"pipeline", "version", "plan", "paused"}),
        "starter": told.starter or "",
        "stages": stages_record(told, at_work),
        "gates": [each.model_dump(mode="json") for each in told.gates()],
        "waiting_for": [each.model_dump(mode="json") for each in told.waiting_for],
        "ledger": list(told.ledger),
        "not_recorded": told.not_recorded,
        **({"resumed": told.resumed.model_dump(mode="json")} if told.resumed else {}),
        "left_out": list(told.left_out),
        "outputs_left_out": account.outputs_left_out,
    }


def _head(account: Account) -> Iterator[Terminal]:
    told = account.told
    yield Terminal.of("run      {}", account.workflow, limit=ERROR_MAX)
    what = Terminal.of("{} {}", told.pipeline, told.version) if told.pipeline else Terminal()
    if told.kind:
        what = Terminal.of("{} {}", told.kind, told.agent)
    yield Terminal.of("what     {}", what or account.type)
    if told.plan:
        yield Terminal.of("plan     {}", told.plan)
    if told.starter:
        yield Terminal.of("starter  {}", told.starter)
    until = _time(account.closed) or "now"
    times = (lasted(account.seconds()), _time(account.started), until)
    yield Terminal.of("took     {}, {} to {}", *times)
    if told.ledger:
        yield Terminal.of("ledger   entries {}", Terminal.listed(told.ledger, " to "))
    if told.not_recorded:
        yield Terminal.of("ledger   {} entries are not on it", told.not_recorded)


def _decided(account: Account, most: int | None) -> Iterator[Terminal]:
    gates = account.told.gates()
    for gate in gates[:most]:
        words = (gate.gate, gate.verdict, _opening(gate), gate.detail)
        yield Terminal.of("gate     {}: {}{}; {}", *words)
        votes = gate.votes if isinstance(gate.votes, tuple) else ()
        yield from map(_vote, votes[:most])
        more = gate.votes if isinstance(gate.votes, int) else len(votes) - len(votes[:most])
        if more:
            yield Terminal.of("         and {} more votes", more)
    yield from _more(len(gates), most, "gates that were decided")


def _opening(gate: DecidedGate) -> Terminal:
    words = Terminal.of(", opening {}", gate.opening) if gate.opening > 1 else Terminal()
    return Terminal.of("{}, escalated", words) if gate.escalated else words


def _vote(vote: CountedVote) -> Terminal:
    reason = Terminal.of(": {}", vote.reason) if vote.reason else Terminal()
    known = vote.identity or "not known"
    return Terminal.of("         {} by {}, {}{}", vote.decision, vote.voter, known, reason)


def _pending(account: Account, most: int | None) -> Iterator[Terminal]:
    gates = account.told.waiting_for if account.is_under_way else ()
    for gate in gates[:most]:
        yield Terminal.of("waiting  {}: {}, until {}", gate.gate, _asked(gate), gate.due)
        for vote in gate.voted[:most]:
            known = "verified" if vote.proven else "claimed"
            yield Terminal.of("         {} by {}, {}", vote.decision, vote.voter, known)
    yield from _more(len(gates), most, "gates that wait")


def _asked(gate: PendingGate) -> Terminal:
    words = Terminal.listed(gate.approvers)
    return Terminal.of("{}", gate.still_needed_of) if gate.still_needed_of else words


def _has_begun(row: StageAccount) -> bool:
    return row.type == "agent" and row.status not in ("pending", "skipped")


def _called(calls: Sequence[CallOfStage], most: int | None) -> Iterator[Terminal]:
    rows = [
        (each.place, each.call, each.policy, each.status, lasted(each.took_s), each.why)
        for each in calls[:most]
    ]
    if rows:
        yield from columns([("CALL", "TOOL", "DECIDED", "OUTCOME", "TOOK", "WHY"), *rows])
    yield from _more(len(calls), most, "calls")


def _outputs(account: Account, most: int | None) -> Iterator[Terminal]:
    outputs = (
        (path, each) for path, row in account.told.stages.items() for each in latest(row.outputs)
    )
    found = sorted(outputs, key=lambda pair: rank(pair[1].phase, pair[1].name))
    rows = [(each.name, path, f"{each.size:,} bytes") for path, each in found[:most]]
    if rows:
        yield from columns([("OUTPUT", "STAGE", "SIZE"), *rows])
    yield from _more(len(found), most, "outputs")


def _more(count: int, most: int | None, what: str) -> Iterator[Terminal]:
    if most is not None and count > most:
        yield Terminal.of("and {} more {}: --all shows them", count - most, what)


def _end(account: Account) -> list[Terminal]:
    if account.is_under_way:
        doing = "paused" if account.told.paused else "under way"
        return [
            Terminal.of("{}; {}", doing, Terminal.command("mandate watch {}", account.workflow))
        ]
    ended = Terminal.of("ended    {}", account.status)
    return laid_out(ended, account.sentence) if account.sentence else [ended]


def _missing(account: Account) -> Iterator[Terminal]:
    if not account.answered:
        yield Terminal("it did not answer, so its stages are not known: is a worker running?")
    if account.outputs_left_out:
        count = account.outputs_left_out
        yield Terminal.of("what {} stages have put out is not shown: they did not say", count)
    if account.told.left_out:
        yield Terminal.of("too large to be told: {}", Terminal.listed(account.told.left_out))


def _time(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
