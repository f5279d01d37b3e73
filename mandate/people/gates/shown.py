"""What a person reads before signing, line by line: all that the signature is for, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dsl.plan import Plan
from dsl.rules.gates.gate_rules import NO_OUTPUT
from dsl.rules.health.clarification import lines_of
from dsl.shown.surfaces import Terminal
from dsl.values.canonical import canonical
from mandate.people.gates.contents import Contents, output_lines
from mandate.people.gates.rows import FILED, NONE, CallRow, GateRow, VoteRow
from mandate.people.gates.wishes import APPROVE, Wish

FOLD: Final = 100  # characters of an argument on one line
FOLDS_MAX: Final = 40  # lines of one argument


def summary(
    wish: Wish, row: GateRow, plan: Plan, contents: Contents | None = None
) -> Iterator[Terminal]:
    """Yield what the signature is for."""
    yield Terminal.of("{:<8} {} of {}", wish.decision, row.gate, wish.run)
    if row.description:
        yield Terminal.of("what     {}", row.description)
    yield Terminal.of("plan     {} {}  {}", plan.name, plan.version, row.plan)
    for name, value in sorted(row.run_inputs.items()):
        yield Terminal.of("input    {} = {}", name, repr(value))
    if row.escalated:
        yield Terminal.of("opening  {}, escalated: those asked first did not answer", row.opening)
    yield from _asked(row)
    yield from output_lines(wish.run, row, contents)
    if not row.subject:
        yield Terminal.of("binds    {}", NO_OUTPUT)
    yield Terminal.of("subject  {}", row.subject_digest)
    yield from counts(row)
    if wish.decision == APPROVE and row.vault.state not in (NONE, FILED):
        yield Terminal.of("vault    {}: {}", row.vault.state, row.vault.detail)


def _asked(row: GateRow) -> Iterator[Terminal]:
    if row.call is not None:
        yield from call_lines(row.call)
    if row.clarification is not None:
        yield Terminal.of("clarify  the plan of {}", row.clarification.stage)
        for what, words in lines_of(row.clarification):
            yield Terminal.of("         {}: {}", what, words)


def call_lines(call: CallRow, folds_max: int = FOLDS_MAX) -> Iterator[Terminal]:
    """Yield what would be called: each argument on a line of its own, a long one folded."""
    yield Terminal.of("call     {} of {}", call.tool, call.server)
    for name, value in sorted(call.arguments.items()):
        text = value if isinstance(value, str) else canonical(value)
        first, *more = [text[at : at + FOLD] for at in range(0, len(text), FOLD)] or [""]
        yield Terminal.of(
            "argument {} = {}", name, repr(first) if isinstance(value, str) else first
        )
        for part in more[:folds_max]:
            yield Terminal.of("         | {}", part)
        if len(more) > folds_max:
            yield Terminal.of("         | ... {} characters in all", len(text))
    if call.rule:
        yield Terminal.of("rule     {}", call.rule)
    if call.purpose:
        yield Terminal.of("it says  {}", call.purpose)


def counts(row: GateRow) -> Iterator[Terminal]:
    """Yield who has voted, and who is still waited for."""
    said = Terminal.joined("; ", map(_vote, row.voted)) if row.voted else Terminal("nobody yet")
    yield Terminal.of("votes    {}", said)
    if row.still_needed_of:
        yield Terminal.of("needed   {}", row.still_needed_of)


def _vote(vote: VoteRow) -> Terminal:
    known = Terminal("verified") if vote.proven else Terminal("claimed")
    return Terminal.of("{}: {} ({})", vote.voter, vote.decision, known)
