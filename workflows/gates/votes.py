"""What becomes of a vote: counted, or refused with the reason. Never an error of the run.

1. A vote without a proof is a claim: it is counted at once where claims are taken, and refused
   where they are not.
2. A vote with a proof is never taken as a claim. Its shape and its matter are looked at here; the
   rest is for ``ledger.prove``, which asks Vault and puts the proof on the ledger, once.
3. Proofs are looked at side by side, and votes are counted in the order they came: whoever was
   first counts first, and nobody's proof grows old in the queue.
4. When the opening ends, votes that are still being judged are refused. They hold up nobody.
5. At most ``VERIFICATIONS_MAX`` proofs per opening are given to ``ledger.prove``, and that many
   refusals recorded, each with the digest of its proof. Nonsense uses up no proof's place.
"""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts import messages, specs
from dsl.limits import VERIFICATIONS_MAX, VOTES_MAX
from dsl.rules.gates.consensus import DOORS, Decision, Vote, refuse
from dsl.rules.gates.questions import ANSWERS_NOTHING, refuse_answer, refuse_clarification
from dsl.rules.proofs.proof import VOTE, VOUCHED, Proof, ProofError, decode, refuse_matter
from dsl.shown.surfaces import Markdown
from dsl.values.canonical import digest_of_bytes
from workflows.gates.opening import Opening
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.messages.inputs import VoteMessage
from workflows.runtime import failures

REFUSED = "refused"


class VoteJudge:
    """Judges the votes of a run."""

    def __init__(self, records: LedgerBuffer) -> None:
        self._records = records
        self._count: dict[str, int] = {}  # verifications, by gate

    def refuse(self, opening: Opening, message: VoteMessage) -> str | None:
        """Say why a vote is not even judged; None when it will be."""
        path = opening.step.path
        if len(opening.votes) >= VOTES_MAX:
            return f"gate {path!r} has had {VOTES_MAX} votes"
        if "answer" in message.model_fields_set and opening.matter.question is None:
            return ANSWERS_NOTHING.format(path)  # "no" is no approval
        if message.proof or not opening.takes_claims():
            if opening.verifications < VERIFICATIONS_MAX:
                return None
            return f"gate {path!r} has had {VERIFICATIONS_MAX} proofs in this opening: wait for it"
        return _refuse(opening, _claim(message))  # (1) a claim: counted at once, or refused

    async def cast(self, opening: Opening, message: VoteMessage) -> dict[str, Any]:
        """Judge a vote that ``refuse`` let through, and say what it did."""
        if message.proof or (opening.takes_claims() and opening.judging):
            why = await self._judge(opening, message)
        elif opening.takes_claims():
            why = self._count_in(opening, _claim(message), "")
        else:
            why = f"{message.voter!r} has not proven who they are, and this gate demands it"
        if why is not None:
            self._note_refusal(opening, message, why)
        return _answer(opening, message, why)

    def close(self, opening: Opening) -> None:
        """Let go of the votes that are still being judged (4)."""
        for task in opening.judging:
            task.cancel()

    async def _judge(self, opening: Opening, message: VoteMessage) -> str | None:
        before = opening.judging[-1] if opening.judging else None
        task = asyncio.create_task(self._in_turn(opening, message, before))
        opening.judging.append(task)
        await asyncio.wait([task])
        opening.judging.remove(task)
        if task.cancelled():
            return f"gate {opening.step.path!r} was closed before the proof could be checked"
        return task.result()

    async def _in_turn(
        self, opening: Opening, message: VoteMessage, before: asyncio.Task[str | None] | None
    ) -> str | None:
        """Return why the vote does not count; None when it does."""
        vote = await self._prove(opening, message) if message.proof else _claim(message)
        if before is not None:
            await asyncio.wait([before])  # (3): what became of it is its own sender's concern
        return vote if isinstance(vote, str) else self._count_in(opening, vote, message.proof)

    async def _prove(self, opening: Opening, message: VoteMessage) -> Vote | str:
        """Return the vote of a person, or why it is none (2)."""
        path = opening.step.path
        proof = _read(message, opening.about(message))
        if isinstance(proof, str):
            return proof
        is_vouched = proof.purpose == VOUCHED
        about = {k: v for k, v in proof.matter().items() if k not in ("workflow", "run")}
        opening.verifications += 1  # (5) so many are given to ledger.prove
        number = self._count[path] = self._count.get(path, 0) + 1
        try:
            proven = await self._records.client.ask(
                specs.prove,
                messages.ProveRequest(
                    purpose=proof.purpose,
                    about=about,
                    proof=message.proof,
                    voter="" if is_vouched else message.voter,
                    groups=tuple(sorted(opening.rules.asked_groups())),
                ),
                activity_id=f"{path}/vote#{number}",
                summary=Markdown.of("whose vote is this at {}?", path),
            )
        except ActivityError as error:
            return f"the proof could not be checked: {failures.cause_of(error)[1]}"
        if proven.refusal:
            return proven.refusal
        if not proven.entity or not proven.name:  # a forged completion
            return "the proof could not be checked: the answer names nobody"
        return Vote(
            voter=proven.name,
            decision=Decision(message.decision),
            person=proven.entity,
            groups=frozenset(proven.groups),
            proven=not is_vouched,
            reason=message.reason,
            door=str(about["door"]) if is_vouched else "",
        )

    def _count_in(self, opening: Opening, vote: Vote, proof: str) -> str | None:
        why = _refuse(opening, vote)
        if why is None:
            if proof and vote.proven:
                opening.proofs[len(opening.votes)] = proof
            opening.count(vote)
        return why

    def _note_refusal(self, opening: Opening, message: VoteMessage, why: str) -> None:
        opening.refusals += 1
        if opening.refusals > VERIFICATIONS_MAX:  # (5) so many are recorded
            return
        self._records.note(
            "vote.refused",
            gate=opening.step.path,
            opening=opening.number,
            sent_as=message.voter,
            decision=message.decision,
            why=why,
            proof=digest_of_bytes(message.proof.encode(errors="replace")) if message.proof else "",
        )


def _refuse(opening: Opening, vote: Vote) -> str | None:
    """Say why a vote does not count, or answers nothing where an answer is asked for."""
    why = refuse(opening.rules, opening.step.path, opening.votes, vote)
    question = opening.matter.question
    if why is not None or question is None:
        return why
    why = refuse_answer(question, vote, opening.votes)
    proposed = opening.matter.clarification
    return why if why or proposed is None else refuse_clarification(proposed.plan, vote)


def _read(message: VoteMessage, about: dict[str, Any]) -> Proof | str:
    """Return the proof of a vote, or of a door's word for one; or what else it is about (2)."""
    info = workflow.info()
    try:
        proof = decode(message.proof)
    except ProofError as error:
        return str(error)
    said = proof.statement
    # The run is left to the activity: after a reset this one would name the old one.
    known = {**about, "workflow": info.workflow_id, "run": said.get("run")}
    if proof.purpose != VOUCHED:
        return refuse_matter(proof, VOTE, known) or proof
    if said["door"] not in DOORS:
        return f"no door is called {str(said['door'])[:20]!r}"
    whose = {name: said[name] for name in ("door", "account")}  # for the activity to judge
    return refuse_matter(proof, VOUCHED, {**known, **whose}) or proof


def _claim(message: VoteMessage) -> Vote:
    return Vote(voter=message.voter, decision=Decision(message.decision), reason=message.reason)


def _answer(opening: Opening, message: VoteMessage, why: str | None) -> dict[str, Any]:
    now = opening.tally()
    answer = {
        "gate": opening.step.path,
        "voter": message.voter,
        "decision": message.decision,
        "counted": why is None,
        "verdict": now.verdict.value if why is None else REFUSED,
        "still_needed": now.needed,
        "detail": now.detail,
    }
    return answer if why is None else {**answer, "why": why}
