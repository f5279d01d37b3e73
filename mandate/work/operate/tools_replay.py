"""``mandate tools replay``: what would another table have made of the calls of past runs?

The calls are those that the ledger has, with the arguments that were asked for; the table is that
of the stage of the same path in another document. The rule that decides in a run decides here, and
what it lets through counts for its limits, as it would have, at the time at which the call was
decided on. Nothing is called or written.

1. A denial that no table has made is not compared, and said as such: it was no call, an equal one
   stood in its way, its effect was claimed, its stage over. What the table had let through counts.
2. Nor is a call that the ledger has only the digest of: it was too large for an entry.

Exit code 0: it would have decided alike about every call; 1: about some of them otherwise; 2: wrong
usage, or nothing to decide about. Whether people would have approved is not known: what they were
asked about is compared by that, not by what they said.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dsl.actions import TOOL_DENIED, TOOL_INTENDED
from dsl.catalogue import UnknownPipelineError
from dsl.errors import DslError
from dsl.inputs import InputsError, resolve_inputs
from dsl.plan import AgentStep, walk
from dsl.rules.tools.calls import CallRefusedError, ToolCall, call_of
from dsl.rules.tools.kept import arguments_kept
from dsl.rules.tools.ruling import Caller, Passed, Ruling, ToolPolicy, rule_on
from dsl.shown.surfaces import Terminal
from dsl.values.canonical import canonical
from integrations.errors import IntegrationError
from integrations.ledger.entries import Entry
from integrations.ledger.lookup import entries_after, moment_ms
from mandate import catalogue
from mandate._entry import EXIT_USAGE
from mandate.columns import columns
from mandate.people.errors import UsageError
from mandate.terminal import complain, note, say, say_json
from mandate.typed_inputs import parse_inputs
from mandate.work.look.ledger import locate

ARGUMENTS_SHOWN_MAX: Final = 60  # characters
_ASKS: Final = ToolPolicy.APPROVE.value
_OPENED: Final = "gate.opened"
_LET_THROUGH: Final = "let through"  # by whichever policy
_BY_A_TABLE: Final = re.compile(  # the words of entries before ``decided_ms``, whatever it says now
    r"((the condition of )?rule \d+|\d+ calls of the stage were let|"
    r"no rule (of config\.tools|for)) "
)


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call as the ledger has it."""

    run: str
    stage: str
    agent: str
    ordinal: int
    server: str
    tool: str
    arguments: Mapping[str, Any] | None  # None: the ledger has its name, or their digest
    at_ms: int  # when it was decided
    policy: str  # what was made of it
    left_out: str = ""  # why it is not compared
    is_ruled: bool = True  # a table was asked about it


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was made of a call, and what would have been."""

    call: PastCall
    ruling: Ruling | None  # None: nothing can be said, or it is not compared

    @property
    def differs(self) -> bool:
        """Tell whether it would have been decided otherwise."""
        return self.ruling is not None and self.call.policy != self.ruling.policy.value


def run(
    runs: Sequence[str],
    policy: str,
    *,
    inputs: Sequence[str],
    as_json: bool,
    ledger: Path | None,
    data_dir: Path | None,
) -> int:
    """Print what would have been decided, and return the exit code."""
    try:
        plan = catalogue.compile_named(policy, data_dir).plan
        given = resolve_inputs(plan, parse_inputs(plan, inputs))
        past = calls_of(entries_after(locate(ledger, data_dir), -1), runs)
        unknown = [each for each in runs if all(call.run != each for call in past)]
        if unknown:
            raise UsageError(
                "the ledger knows no call of {}: runs that called are shown by mandate show RUN",
                ", ".join(unknown),
            )
        steps = {each.path: each for each in walk(plan.steps) if isinstance(each, AgentStep)}
        found = [*replayed(past, steps, given)]
    except (
        *(DslError, UnknownPipelineError, InputsError, UsageError, ValueError),
        *(IntegrationError, OSError, sqlite3.Error),
    ) as error:
        complain(error, "mandate tools replay")
        return EXIT_USAGE
    if as_json:
        for each in found:
            say_json(_as_json(each))
    else:
        _show(found)
    return 1 if any(each.differs for each in found) else 0


def calls_of(entries: Iterable[Entry], runs: Sequence[str]) -> list[PastCall]:
    """Return the calls of runs, each once, in the order in which they were decided on."""
    found: dict[str, PastCall] = {}  # by occurrence
    asked: set[str] = set()  # occurrences that gates were opened about
    for entry in entries:
        if entry.action == _OPENED and entry.workflow_id in runs:
            asked |= _subjects(entry)
        run = next((each for each in runs if entry.workflow_id.startswith(f"{each}/")), "")
        if not run or entry.action not in (TOOL_INTENDED, TOOL_DENIED):
            continue
        occurrence = str(entry.payload.get("occurrence") or entry.seq)
        if occurrence not in found:  # else intended, and denied after all
            found[occurrence] = _past(entry, run, is_asked=occurrence in asked)
    return sorted(found.values(), key=lambda each: each.at_ms)


def _past(entry: Entry, run: str, *, is_asked: bool) -> PastCall:
    told = entry.payload
    server, _, tool = str(told.get("call", "")).partition("/")
    decided, arguments = told.get("decided_ms"), arguments_kept(told)
    policy, why = _policy(entry, is_asked=is_asked), ""
    if "arguments" not in told:
        why = "it was no call"  # (1) no table was asked
    elif entry.action == TOOL_DENIED and policy != ToolPolicy.DENY.value and not is_asked:
        why = "no table has denied it"  # (1) another reason
    elif arguments is None:
        why = "the ledger has only the digest of its arguments"  # (2) too large
    said = f": {told.get('why')}" if why and entry.action == TOOL_DENIED else ""
    return PastCall(
        run=run,
        stage=entry.workflow_id.removeprefix(f"{run}/"),
        agent=entry.agent,
        ordinal=int(told.get("ordinal", 0)),
        server=server,
        tool=tool,
        arguments=arguments,
        at_ms=decided if type(decided) is int else moment_ms(entry),
        policy=ToolPolicy.DENY.value if why and entry.action == TOOL_DENIED else policy,
        left_out=f"{why}{said}" if why else "",
        is_ruled=bool(policy),
    )


def _policy(entry: Entry, *, is_asked: bool) -> str:
    """Return what the table has made of a call; empty: it was not asked (1)."""
    told = entry.payload
    if entry.action == TOOL_INTENDED or "policy" in told:
        return str(told.get("policy", ""))
    if is_asked:
        return _ASKS
    if "decided_ms" in told:
        return ""
    # Entries of before say it in words alone, and which rule has let the call through.
    if _BY_A_TABLE.match(str(told.get("why", ""))):
        return ToolPolicy.DENY.value
    return _LET_THROUGH if told.get("rule") else ""


def replayed(
    past: Sequence[PastCall], steps: Mapping[str, AgentStep], inputs: Mapping[str, Any]
) -> Iterator[Replayed]:
    """Yield what the tables of ``steps`` would have made of the calls."""
    passed: dict[tuple[str, str], list[Passed]] = {}
    for each in past:
        if each.arguments is None or not each.is_ruled:
            yield Replayed(each, None)
            continue
        ruling = _ruling(each, each.arguments, steps.get(each.stage), inputs, passed)
        if ruling.policy is not ToolPolicy.DENY:
            place = (each.run, each.stage)
            passed.setdefault(place, []).append(Passed(ruling.rule, each.at_ms))
        yield Replayed(each, None if each.left_out else ruling)


def _ruling(
    past: PastCall,
    arguments: Mapping[str, Any],
    step: AgentStep | None,
    inputs: Mapping[str, Any],
    passed: Mapping[tuple[str, str], Sequence[Passed]],
) -> Ruling:
    if step is None:
        return Ruling(ToolPolicy.DENY, 0, f"the document has no agent stage {past.stage!r}")
    try:
        call: ToolCall = call_of(past.server, past.tool, dict(arguments))
    except CallRefusedError as error:
        return Ruling(ToolPolicy.DENY, 0, str(error))
    return rule_on(
        call,
        step.tools,
        caller=Caller(past.agent, step.tier, step.path),
        inputs=inputs,
        earlier=passed.get((past.run, past.stage), ()),
        now_ms=past.at_ms,
    )


def _subjects(entry: Entry) -> set[str]:
    """Return the digests that a gate was opened about."""
    subject = entry.payload.get("subject")
    told = subject.values() if isinstance(subject, Mapping) else ()
    return {str(digest) for each in told if isinstance(each, Mapping) for digest in each.values()}


def _as_json(each: Replayed) -> dict[str, Any]:
    call = each.call
    return {
        "run": call.run,
        "stage": call.stage,
        "ordinal": call.ordinal,
        "call": f"{call.server}/{call.tool}",
        "arguments": call.arguments,
        "was": call.policy,
        "would_be": None if each.ruling is None else each.ruling.policy.value,
        "rule": None if each.ruling is None else each.ruling.rule,
        "why": each.call.left_out if each.ruling is None else each.ruling.why,
        "differs": each.differs,
        "is_compared": each.ruling is not None,
    }


def _show(found: Sequence[Replayed]) -> None:
    rows = [("", "CALL", "TOOL", "ARGUMENTS", "WAS", "WOULD BE", "WHY")]
    for each in found:
        call = each.call
        arguments = "" if call.arguments is None else canonical(call.arguments)
        rows.append(
            (
                "*" if each.differs else "",
                f"{call.run}/{call.stage}#{call.ordinal}",
                f"{call.server}/{call.tool}",
                arguments[:ARGUMENTS_SHOWN_MAX],
                call.policy,
                "-" if each.ruling is None else each.ruling.policy.value,
                call.left_out if each.ruling is None else each.ruling.why,
            )
        )
    say(*columns(rows))
    differing = sum(each.differs for each in found)
    compared = sum(each.ruling is not None for each in found)
    note(Terminal.of("{} of {} calls would have been decided otherwise", differing, compared))
    if compared < len(found):
        note(Terminal.of("{} not compared; why stands beside each", len(found) - compared))
