"""The votes at a run's gates, counted anew from what came, by the rules of ``dsl.rules.gates``.

Nothing that the run said of its gates is believed but that a decision was put on the ledger.
Rules:

1. Only what comes while a gate is open counts: see ``dsl.rules.chaos.gate_openings``.
2. A vote with a proof is nobody's unless its signature is by the key of the person it names, it is
   about this very opening, it was good when it came, and it was not used before. A claim is a
   claim.
3. Where members advise and no people are asked, the members' own outputs are counted anew.
4. A guard before a stage whose plan was clarified opens anew, about the clarified plan as well: its
   digest is in what is approved. Of several openings that counts in which people have approved
   exactly what the stage works by; where no plan is clarified, there is one.
5. Where people are asked how a plan is clarified, only what answers that counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from dsl.core import StageStatus
from dsl.plan import GateStep, Plan, walk
from dsl.rules.chaos.answering import answering
from dsl.rules.chaos.evidence import Evidence, Person
from dsl.rules.chaos.excluded import excluded_of
from dsl.rules.chaos.gate_openings import GateOpening, openings_of
from dsl.rules.chaos.histories import COMPILE, message_name, message_of
from dsl.rules.chaos.standing import Standing, Subject
from dsl.rules.gates.consensus import CLAIMED, Decision, Verdict, Vote, tally
from dsl.rules.gates.council import APPROVE, Member, advise
from dsl.rules.gates.gate_rules import has_people, rules_of
from dsl.rules.gates.guards import acting_on, is_guard
from dsl.rules.gates.questions import answer_of
from dsl.rules.health.clarification import Clarification
from dsl.rules.proofs.proof import (
    VOTE,
    VOUCHED,
    Proof,
    ProofError,
    decode,
    reason_digest,
    refuse_matter,
    refuse_time,
)
from dsl.rules.reconciliation.history import (
    History,
    HistoryCall,
    at_ms,
    event_id,
)
from dsl.rules.reconciliation.implied import report_in
from dsl.rules.review.hearing import advise_on
from dsl.values.canonical import digest_of

_END: Final = 1 << 62  # behind every event


class Recount:
    """The gates of one run."""

    def __init__(self, run: History, plan: Plan, evidence: Evidence) -> None:
        self.run = run
        self._plan = plan
        self._evidence = evidence
        self._gates = [step for step in walk(plan.steps) if isinstance(step, GateStep)]
        self._acted_on = acting_on(plan)
        self._signed = {each.proof for each in evidence.proofs if each.is_signed}
        self._people = {each.entity: each for each in evidence.people}
        self._by_id = {event_id(event): event for event in run.events}
        compiled = next(run.of_type(COMPILE), None)
        told = compiled.result if compiled is not None else None
        self._compiled: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
        self.digest = str(self._compiled.get("digest", ""))

    def at(self, event: int, about: Subject | None = None) -> dict[str, Standing]:
        """Return what every gate had come to just before ``event``, by path.

        ``about`` is what a guard has approved besides: a clarified plan by stage and name (4).
        """
        return {step.path: self._standing(step, event, about or {}) for step in self._gates}

    def of_own(
        self, step: GateStep, subject: Subject, clarified: Clarification | None = None
    ) -> Standing:
        """Return what a gate has come to that no plan names, about ``subject`` alone.

        ``clarified``: the plan that is proposed there; who approves says what becomes of it (5).
        """
        openings = list(openings_of(self.run, step))
        if not openings:
            return Standing(approved=False, why="it was never opened")
        return self._of(step, openings, _END, subject, clarified)

    def was_opened(self, step: GateStep) -> bool:
        """Tell whether a gate has ever asked anybody."""
        return any(openings_of(self.run, step))

    def _standing(self, step: GateStep, until: int, about: Subject) -> Standing:
        acted_on = step.path in self._acted_on
        openings = [
            each
            for each in openings_of(self.run, step, is_acted_on=acted_on)
            if each.opened < until
        ]
        if not openings:
            return self._advised(step, until)
        if not is_guard(step):
            return self._of(step, openings, until, {})
        found = [  # (4) the one about exactly this
            self._of(step, openings[: place + 1], until, about) for place in range(len(openings))
        ]
        return next((each for each in reversed(found) if each.approved), found[-1])

    def _of(
        self,
        step: GateStep,
        openings: Sequence[GateOpening],
        until: int,
        about: Subject,
        clarified: Clarification | None = None,
    ) -> Standing:
        """Return what the last of ``openings`` has come to."""
        last = openings[-1]
        if last.is_void or not last.closed or last.closed > until:
            return Standing(approved=False, why="it was still open, or void")
        is_escalated = not has_people(step) or (
            step.on_timeout == "escalate" and len(openings) > 1 and openings[-2].fired
        )
        subject = {**self._subject(step, last), **about}
        try:
            identity = step.identity or (self._default_identity(),)
            excluded = excluded_of(step, self._evidence.ledger, self._run_ids(), self.digest)
            rules = rules_of(step, escalated=is_escalated, identity=identity, excluded=excluded)
        except ValueError as error:
            return Standing(approved=False, why=str(error))
        votes = list(self._votes(step, last, subject, escalated=is_escalated))
        if clarified is not None:
            votes = answering(rules, step.path, votes, clarified)
        result = tally(rules, votes, step.path)
        if result.verdict is not Verdict.PASSED:
            void = f"; {result.void[0][1]}" if result.void else ""
            return Standing(
                approved=False, why=f"{result.verdict}: {result.detail}{void}", subject=subject
            )
        if not 0 < last.recorded < until:
            return Standing(
                approved=False, why="its decision was not on the ledger yet", subject=subject
            )
        answer = answer_of(result.counted) if clarified is not None else ""
        return Standing(approved=True, why=result.detail, subject=subject, answer=answer)

    def _votes(
        self, step: GateStep, opening: GateOpening, subject: Mapping[str, Any], *, escalated: bool
    ) -> Iterator[Vote]:
        used: set[str] = set()
        for number in range(opening.opened + 1, opening.closed):
            event = self._by_id.get(number)
            said = message_of(event) if event is not None and _is_vote(event) else None
            if event is None or not isinstance(said, Mapping) or not self._is_for(step, said):
                continue
            reason = str(said.get("reason") or said.get("answer") or "")
            try:
                decision = Decision(str(said.get("decision")))
            except ValueError:
                continue
            word = said.get("proof")
            if not word:
                yield Vote(str(said.get("voter")), decision, reason=reason)
                continue
            about = {
                "workflow": self.run.workflow_id,
                "gate": step.path,
                "opening": opening.number,
                "escalated": escalated,
                "plan": self.digest,
                "inputs": digest_of(self._compiled.get("inputs") or {}),
                "subject": digest_of(subject),
                "decision": decision.value,
                "reason": reason_digest(reason),
            }
            person, door = self._person(str(word), about, at_ms(event), used)
            if person is not None and (door or person.name == said.get("voter")):
                yield Vote(
                    person.name,
                    decision,
                    person=person.entity,
                    groups=person.groups,
                    proven=not door,
                    reason=reason,
                    door=door,
                )

    def _person(
        self, word: str, about: Mapping[str, Any], came_ms: int, used: set[str]
    ) -> tuple[Person | None, str]:
        """Return whose proof of ``about`` it is (2), and the door that vouches for it."""
        try:
            proof: Proof = decode(word)
        except ProofError:
            return None, ""
        said = proof.statement
        is_vouched = proof.purpose == VOUCHED
        whose = {**about, "run": said.get("run")}
        if is_vouched:
            whose |= {name: said[name] for name in ("door", "account")}
        purpose = VOUCHED if is_vouched else VOTE
        is_ours = said.get("run") in self._run_ids()
        refused = refuse_matter(proof, purpose, whose) or refuse_time(proof, came_ms / 1000)
        if word not in self._signed or refused or not is_ours or proof.nonce in used:
            return None, ""
        used.add(proof.nonce)
        return self._people.get(proof.entity), str(said["door"]) if is_vouched else ""

    def _run_ids(self) -> set[str]:
        return {call.run_id for call in self.run.activities} | {self.run.run_id}

    def _is_for(self, step: GateStep, said: Mapping[str, Any]) -> bool:
        name = said.get("gate")
        if name == step.path:
            return True
        alike = [each for each in self._gates if each.path.rpartition("/")[2] == name]
        return alike == [step] and name not in {each.path for each in self._gates}

    def _subject(self, step: GateStep, opening: GateOpening) -> dict[str, dict[str, str]]:
        """Return the digests of what the gate approves, as they were when it opened."""
        subject: dict[str, dict[str, str]] = {}
        for path in step.approves:
            report = self._report(path, opening.opened)
            if report.get("outputs"):
                outputs = report["outputs"]
                subject[path] = {str(each["name"]): str(each["digest"]) for each in outputs}
        return subject

    def _report(self, path: str, until: int) -> Mapping[str, Any]:
        """Return what the last workflow of a stage had reported just before ``until``."""
        calls = [
            call
            for call in self.run.children
            if call.id == f"{self.run.workflow_id}/{path}" and 0 < call.ended < until
        ]
        return _told(calls[-1]) if calls else {}

    def _advised(self, step: GateStep, until: int) -> Standing:
        """Return what members alone have decided (3)."""
        if not step.members or has_people(step):
            return Standing(approved=False, why="it was never opened")
        heard = [
            self._member(member.stage, until, member.weight, member.min_confidence)
            for member in step.members
        ]
        if step.decides is not None:
            suggester = self._member(step.decides, until)
            advice = advise_on(suggester, heard, quorum=step.quorum)
        else:
            advice = advise(heard, quorum=step.quorum)
        return Standing(approved=advice.verdict == APPROVE, why=advice.detail)

    def _member(
        self, stage: str, until: int, weight: int = 0, min_confidence: float = 0.0
    ) -> Member:
        report = self._report(stage, until)
        return Member(
            stage,
            weight,
            min_confidence,
            completed=report.get("status") == StageStatus.COMPLETED,
            output=report.get("output") or {},
        )

    def _default_identity(self) -> str:
        policy = self._compiled.get("policy")
        told = policy.get("gate_identity") if isinstance(policy, Mapping) else None
        return str(told or CLAIMED)


def _is_vote(event: Mapping[str, Any]) -> bool:
    return message_name(event) == "vote"


def _told(call: HistoryCall) -> Mapping[str, Any]:
    if isinstance(call.result, Mapping):
        return call.result
    failure = (call.failure or {}).get("cause") or call.failure
    return report_in(failure)
