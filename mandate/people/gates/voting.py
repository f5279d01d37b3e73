"""From what a person types to a vote with its proof, for ``approve``, ``reject`` and ``sign``.

1. The run that is current now is meant, and no other: a reset makes a new one.
2. Everything is looked at before anything is signed: that the digests are those of what is shown,
   and that what waits in Vault is what the plan declares.
3. A person sees what the signature is for: the gate, the plan, each output with its digest and its
   head, who has voted; and first, where asked for, what changed since the last approval.
4. A person who is asked takes time to read. What is signed is what was shown: the run is looked at
   again after the answer, and where it asks for something else, that is shown and nothing signed.
5. Approving gives the person's word in Vault first: a vote that counts can be given only once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from dsl.limits import REASON_LENGTH_MAX
from dsl.plan import Plan
from dsl.rules.gates.consensus import is_reason
from dsl.rules.gates.questions import ANSWERS_NOTHING
from dsl.rules.proofs.proof import VOTE
from dsl.shown.surfaces import Terminal
from mandate.people.errors import RefusalError, UsageError, over
from mandate.people.gates import control_groups
from mandate.people.gates.contents import read_contents
from mandate.people.gates.earlier import Earlier, last_approval, since_lines
from mandate.people.gates.queries import ask, refuse_no_gate, row_of
from mandate.people.gates.rows import ASKING, GateRow, bound, refuse_digest
from mandate.people.gates.shown import summary
from mandate.people.gates.statements import about_vote, sign
from mandate.people.gates.wishes import APPROVE, Wish
from mandate.people.holders import newest, refuse_stranger
from mandate.people.login.session import Session
from mandate.people.runs import word_of

FILING_S: Final = 10.0  # until the requests behind a gate are filed in Vault
_POLL_S: Final = 0.5

Say = Callable[[Terminal], None]
Confirm = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A gate that waits, as a person is shown it."""

    handle: WorkflowHandle[Any, Any]
    row: GateRow
    plan: Plan

    def binds(self) -> tuple[object, ...]:
        """Return all that a vote is bound to (4)."""
        return (self.handle.run_id, *bound(self.row))


@dataclass(frozen=True, slots=True)
class Ready:
    """A vote that can be sent, and the run it is for."""

    handle: WorkflowHandle[Any, Any]
    vote: dict[str, str]
    nonce: str


async def prepare(
    client: Client,
    session: Session,
    wish: Wish,
    say: Say,
    *,
    env: Mapping[str, str],
    confirm: Confirm | None = None,
) -> Ready:
    """Look, show, ask where somebody can be asked, authorise where that is due, and sign.

    Raises:
        RefusalError: it is not signed, and why.
        integrations.errors.IntegrationError: Vault does not do its part.
    """
    seen = await looked(client, session, wish)
    if wish.decision == APPROVE:
        for line in since_lines(await before(client, seen), seen.row):
            say(line)
    await _show(seen, wish, env, say)  # (3) what the signature is for
    if confirm is not None:
        if not await confirm():
            raise RefusalError("nothing is signed")
        again = await looked(client, session, wish)
        if again.binds() != seen.binds():  # (4) it asks for something else now
            await _show(again, wish, env, say)
            raise RefusalError(
                "what {!r} asks for changed while you read: nothing is signed; what it asks for "
                "now is shown above",
                seen.row.gate,
            )
        seen = again
    return await signed(session, wish, seen, say)


async def signed(session: Session, wish: Wish, seen: Seen, say: Say) -> Ready:
    """Sign a vote at what was seen, and authorise where that is due.

    Raises:
        integrations.errors.IntegrationError: Vault does not do its part.
    """
    row, handle = seen.row, seen.handle
    about = about_vote(
        row,
        workflow=handle.id,
        run=handle.run_id or "",
        decision=wish.decision,
        reason=wish.reason,
    )
    proof = await sign(session, VOTE, about)
    if wish.decision == APPROVE:
        # (5) Vault first: a vote counts once
        await control_groups.authorise(session.person, row.vault.requests, say)
    vote = {
        "gate": row.gate,
        "decision": wish.decision,
        "voter": session.login.name,
        "reason": wish.reason,
        "proof": proof.word,
    }
    return Ready(handle, vote, proof.nonce)


async def seen_at(client: Client, run: str, gate: str) -> Seen:
    """Return what waits, if its digests are those of what it shows (2).

    Raises:
        NotThereError: there is no such run, or it has no such gate.
        RefusalError: it does not wait, or its digests are others.
    """
    handle = await current(client, run, gate)
    row = await row_of(handle, gate)
    mismatch = refuse_digest(row)
    if mismatch is not None:
        raise RefusalError("{}: not signed", mismatch)
    return Seen(handle, row, control_groups.read_plan(await ask(handle, "plan"), row))


async def looked(client: Client, session: Session, wish: Wish, seen: Seen | None = None) -> Seen:
    """Return what waits, of which everything was found to be what it says it is (2).

    Args:
        client: of Temporal.
        session: of whoever votes.
        wish: what they want.
        seen: the gate, where the wish was made at what was just seen of it.

    Raises:
        RefusalError: it is not, or the wish is none that could count there.
    """
    _refuse_long(wish)
    seen = seen or await seen_at(client, wish.run, wish.gate)
    row = seen.row
    if wish.is_answer and row.question is None:
        raise UsageError(ANSWERS_NOTHING, row.gate, typed="say --reason, which decides nothing")
    if row.reason_required and not is_reason(wish.reason):
        raise UsageError("gate {!r} requires a reason", row.gate, typed="add --reason TEXT")
    if row.question is not None and wish.decision == APPROVE and not wish.reason.strip():
        of = f", one of {', '.join(row.question.choices)}" if row.question.choices else ""
        raise UsageError(
            "gate {!r} asks: {}: it takes an answer{}",
            *(row.gate, row.question.text, of),
            typed="add --answer TEXT",
        )
    if wish.decision == APPROVE:
        row = await _filed(seen.handle, row)
        await control_groups.examine(session.person, seen.plan, row)
    return Seen(seen.handle, row, seen.plan)


async def before(client: Client, seen: Seen) -> Earlier:
    """Return the last approval of the same gate and plan."""
    run = (seen.handle.id, seen.handle.run_id or "")
    return await last_approval(client, run, seen.plan.name, seen.row.gate)


async def _show(seen: Seen, wish: Wish, env: Mapping[str, str], say: Say) -> None:
    contents = await asyncio.to_thread(read_contents, env, seen.row)
    for line in summary(wish, seen.row, seen.plan, contents):
        say(line)


async def current(client: Client, run: str, gate: str) -> WorkflowHandle[Any, Any]:
    """Return the run of that workflow id that is running now (1).

    Raises:
        NotThereError: there is no such run, or it is over and never had that gate.
        RefusalError: it is over, or has an id that is for something else.
    """
    state = await newest(client, run)
    if state.status is not WorkflowExecutionStatus.RUNNING:
        await refuse_no_gate(client.get_workflow_handle(run, run_id=state.run_id), gate)
        raise over(run, word_of(state))
    await refuse_stranger(client, run, state.run_id)
    return client.get_workflow_handle(run, run_id=state.run_id)


async def _filed(handle: WorkflowHandle[Any, Any], row: GateRow) -> GateRow:
    """Wait until Vault has been asked for what stands behind the gate."""
    for _ in range(int(FILING_S / _POLL_S)):
        if row.vault.state != ASKING:
            return row
        await asyncio.sleep(_POLL_S)
        again = await row_of(handle, row.gate)
        if (again.opening, again.subject_digest) != (row.opening, row.subject_digest):
            raise RefusalError("gate {!r} was opened anew meanwhile: look again", row.gate)
        row = again
    if row.vault.state == ASKING:
        raise RefusalError(
            "what waits behind {!r} is not filed in Vault after {:g} s: is the worker of queue "
            "mandate-t3 running? Nothing is signed: try again",
            row.gate,
            FILING_S,
        )
    return row


def _refuse_long(wish: Wish) -> None:
    length = len(wish.reason)
    if length <= REASON_LENGTH_MAX:
        return
    words = (REASON_LENGTH_MAX, length)
    if wish.is_answer:
        raise UsageError("expected an answer of at most {} characters, got {}", *words)
    raise UsageError("expected a reason of at most {} characters, got {}", *words)
