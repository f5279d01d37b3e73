"""``mandate tools replay``: what would another table have made of the calls of past runs?

The calls are those that the ledger has, with the arguments that were asked for; the table is that
of the stage of the same path in another document. The rule that decides in a run decides here, and
what it lets through counts for its limits, as it would have. Nothing is called or written.

Exit code 0: it would have decided alike about every call; 1: about some of them otherwise; 2: wrong
usage, or nothing to decide about. Whether people would have approved is not known: what they were
asked about is compared by that, not by what they said.
"""

from __future__ import annotations

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
from mandate.people.starting import parse_inputs
from mandate.terminal import complain, note, say, say_json
from mandate.work.look.ledger import locate

ARGUMENTS_SHOWN_MAX: Final = 60  # characters
_ASKS: Final = ToolPolicy.APPROVE.value
_OPENED: Final = "gate.opened"


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call as the ledger has it."""

    run: str
    stage: str
    agent: str
    ordinal: int
    server: str
    tool: str
    arguments: Mapping[str, Any] | None  # None: it was no call, and the ledger has only its name
    at_ms: int
    policy: str  # what was made of it


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was made of a call, and what would have been."""

    call: PastCall
    ruling: Ruling

    @property
    def differs(self) -> bool:
        """Tell whether it would have been decided otherwise."""
        return self.call.policy != self.ruling.policy.value


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
        past = list(calls_of(entries_after(locate(ledger, data_dir), -1), runs))
        if not past:
            raise UsageError(
                "the ledger knows no call of {}: runs that called are shown by mandate show RUN",
                ", ".join(runs),
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


def calls_of(entries: Iterable[Entry], runs: Sequence[str]) -> Iterator[PastCall]:
    """Yield the calls of runs, each once, in the order in which the ledger has them."""
    seen: set[str] = set()
    asked: set[str] = set()  # occurrences that gates were opened about
    for entry in entries:
        if entry.action == _OPENED and entry.workflow_id in runs:
            asked |= _subjects(entry)
        run = next((each for each in runs if entry.workflow_id.startswith(f"{each}/")), "")
        if not run or entry.action not in (TOOL_INTENDED, TOOL_DENIED):
            continue
        told = entry.payload
        occurrence = str(told.get("occurrence") or entry.seq)
        if occurrence in seen:  # intended, and denied after all
            continue
        seen.add(occurrence)
        server, _, tool = str(told.get("call", "")).partition("/")
        arguments = told.get("arguments")
        denied = _ASKS if occurrence in asked else ToolPolicy.DENY.value
        yield PastCall(
            run=run,
            stage=entry.workflow_id.removeprefix(f"{run}/"),
            agent=entry.agent,
            ordinal=int(told.get("ordinal", 0)),
            server=server,
            tool=tool,
            arguments=arguments if isinstance(arguments, dict) else None,
            at_ms=moment_ms(entry),
            policy=str(told.get("policy", "")) if entry.action == TOOL_INTENDED else denied,
        )


def replayed(
    past: Sequence[PastCall], steps: Mapping[str, AgentStep], inputs: Mapping[str, Any]
) -> Iterator[Replayed]:
    """Yield what the tables of ``steps`` would have made of the calls."""
    passed: dict[tuple[str, str], list[Passed]] = {}
    for each in past:
        ruling = _ruling(each, steps.get(each.stage), inputs, passed)
        if ruling.policy is not ToolPolicy.DENY:
            place = (each.run, each.stage)
            passed.setdefault(place, []).append(Passed(ruling.rule, each.at_ms))
        yield Replayed(each, ruling)


def _ruling(
    past: PastCall,
    step: AgentStep | None,
    inputs: Mapping[str, Any],
    passed: Mapping[tuple[str, str], Sequence[Passed]],
) -> Ruling:
    if past.arguments is None:
        return Ruling(ToolPolicy.DENY, 0, "it was no call, whatever a table says")
    if step is None:
        return Ruling(ToolPolicy.DENY, 0, f"the document has no agent stage {past.stage!r}")
    try:
        call: ToolCall = call_of(past.server, past.tool, dict(past.arguments))
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
        "would_be": each.ruling.policy.value,
        "rule": each.ruling.rule,
        "why": each.ruling.why,
        "differs": each.differs,
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
                each.ruling.policy.value,
                each.ruling.why,
            )
        )
    say(*columns(rows))
    differing = sum(each.differs for each in found)
    note(Terminal.of("{} of {} calls would have been decided otherwise", differing, len(found)))
