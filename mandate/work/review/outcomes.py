"""``mandate review outcomes``: what became of suggestions, from the ledger and onto it.

1. Recording is a workflow's, which puts it on the ledger with whose word it is: the person's who is
   logged in, else the name of whoever runs this command, as claimed.
2. What is listed is read from the ledger's file: the latest first, at most ``SHOWN_MAX``, and what
   is learned from all of them, by kind, with the formula of ``dsl.rules.review.ranking``.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowFailureError

from activities.contracts.specs import QUEUE, REVIEW_OUTCOME_WORKFLOW
from dsl.review.outcome import OutcomeKind, SuggestionOutcome, remedy_in
from dsl.rules.proofs.proof import REVIEW, reason_digest
from dsl.rules.review.ranking import acceptance
from dsl.rules.run.reserved import review_outcome_id
from dsl.shown.surfaces import Terminal
from integrations.ledger.entries import Entry
from mandate._entry import EXIT_FAILED
from mandate.columns import columns
from mandate.people.door import enter, temporal
from mandate.people.errors import UsageError, words_of_cause
from mandate.people.gates.word import in_whose_word, report_of
from mandate.stack import environment
from mandate.terminal import say, say_json
from mandate.work.review.learned import told_in

SHOWN_MAX: Final = 50
_TOKEN_BYTES: Final = 8
_UNPROVEN: Final = Terminal("mandate review: recorded without a proof of whose word it is")


def show(*, as_json: bool, data_dir: Path | None) -> int:
    """List the outcomes on the ledger."""
    return enter("review outcomes", _show(environment.present(data_dir), as_json=as_json))


def record(suggestion: str, outcome: str, reason: str, *, data_dir: Path | None) -> int:
    """Put an outcome on the ledger; return 0 when it is there."""
    env = environment.present(data_dir)
    return enter("review outcomes", _record(env, suggestion, outcome, reason))


async def _show(env: Mapping[str, str], *, as_json: bool) -> int:
    told = await asyncio.to_thread(told_in, environment.ledger_of(env))
    outcomes = [outcome for _, outcome in told]
    rows = [entry for entry, _ in told[: -SHOWN_MAX - 1 : -1]]
    if as_json:
        for entry in rows:
            say_json({"seq": entry.seq, "ts": entry.ts, **entry.payload})
        return 0
    if not rows:
        say(Terminal("no outcome is on the ledger yet"))
        return 0
    say(*_table(rows), Terminal(""), *_learned(outcomes))
    return 0


def _table(rows: Sequence[Entry]) -> Iterator[Terminal]:
    table: list[tuple[Any, ...]] = [("ENTRY", "SUGGESTION", "OUTCOME", "BY", "REASON")]
    for entry in rows:
        said = entry.payload
        who = f"{said.get('by')} ({said.get('how')})"
        words = (said.get("suggestion"), said.get("outcome"), who, said.get("reason"))
        table.append((str(entry.seq), *map(str, words)))
    yield from columns(table)


def _learned(outcomes: Sequence[SuggestionOutcome]) -> Iterator[Terminal]:
    table: list[tuple[str, ...]] = [("KIND", "ACCEPTANCE")]
    known = sorted(acceptance(outcomes).items(), key=lambda pair: (-pair[1], pair[0]))
    table += [(kind.value, f"{float(share):.2f}") for kind, share in known]
    yield from columns(table)


async def _record(env: Mapping[str, str], suggestion: str, outcome: str, reason: str) -> int:
    try:
        remedy_in(suggestion)
    except ValueError as error:
        raise UsageError("{}", error) from None
    try:
        kind = OutcomeKind(outcome)
    except ValueError:
        raise UsageError("an outcome is {}, got {}", " or ".join(OutcomeKind), outcome) from None
    if not reason.strip():
        raise UsageError("say why: --reason TEXT")
    client = await temporal(env)
    said = {"suggestion": suggestion, "outcome": kind.value, "reason": reason}
    about = {**said, "reason": reason_digest(reason)}
    handle = await client.start_workflow(
        REVIEW_OUTCOME_WORKFLOW,
        {**said, **await in_whose_word(env, REVIEW, about, _UNPROVEN)},
        id=review_outcome_id(suggestion, secrets.token_hex(_TOKEN_BYTES)),
        task_queue=QUEUE,
    )
    try:
        report = await report_of(handle)
    except WorkflowFailureError as failure:
        say(Terminal.of("refused: {}", words_of_cause(failure.cause)))
        return EXIT_FAILED
    by, how = report.get("by"), report.get("how")
    at = Terminal.listed(report.get("ledger") or (), " to ")
    say(Terminal.of("{} {}: by {} ({}), ledger entries {}", suggestion, kind.value, by, how, at))
    return 0
