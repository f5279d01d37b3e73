"""The oracle of approvals: votes are counted anew from what came, not from what the run says."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from dsl.rules.chaos.evidence import CheckedProof, Evidence, Person
from dsl.rules.proofs.proof import VOTE, Proof, encode, reason_digest, statement_of
from dsl.rules.reconciliation.history import History, argument_of, at_ms, attributes, type_of
from dsl.values.canonical import digest_of
from tests.fixtures.chaos.recorded import (
    changed,
    events_of,
    evidence_of,
    found_by,
    payload,
    with_history,
)

ENTITY = "b84266da-d0d6-6525-0db5-81343493e229"
SIGNATURE = f"vault:v1:{'A' * 86}=="
SIGNALED = "WORKFLOW_EXECUTION_SIGNALED"


@pytest.fixture
def evidence() -> Evidence:
    """A run whose second stage stands behind a gate, approved by a claim."""
    return evidence_of("approved", "approved__review", "approved__publish")


def objections(evidence: Evidence, run: History | None = None) -> list[str]:
    found = found_by("approvals", with_history(evidence, run) if run else evidence)
    return [f"{each.expected} | {each.found} | {each.where}" for each in found]


def run_of(evidence: Evidence) -> History:
    return evidence.histories[0]


def vote_of(run: History) -> tuple[int, dict[str, Any]]:
    [event] = events_of(run, SIGNALED)
    return event, argument_of(attributes(run.events[event - 1])["input"])


def with_vote(run: History, **said: Any) -> History:
    event, vote = vote_of(run)
    return changed(run, event, input=payload({**vote, **said}))


def with_gate(run: History, **fields: Any) -> History:
    """Return the run of a plan whose gate says something else."""
    compiled = next(run.of_type("pipeline.compile"))
    told = copy.deepcopy(compiled.result)
    [gate] = [step for step in told["plan"]["steps"] if step["type"] == "gate"]
    gate.update(fields)
    details = copy.deepcopy(attributes(run.events[compiled.ended - 1])["details"])
    details["result"] = payload(told)
    return changed(run, compiled.ended, details=details)


def test_an_approved_stage_executes(evidence: Evidence):
    assert objections(evidence) == []


def test_a_vote_of_somebody_nobody_asked_approves_nothing(evidence: Evidence):
    [said] = objections(evidence, with_vote(run_of(evidence), voter="mallory"))

    assert said.startswith("'sign-off' approved before EXECUTE of 'publish' | sign-off: pending: ")
    assert "'mallory' is not an approver" in said
    assert "approved/publish" in said
    assert "event 15" in said


@pytest.mark.parametrize(
    "said", [{"decision": "reject"}, {"decision": "perhaps"}, {"gate": "another"}, {"voter": 3}]
)
def test_a_vote_that_is_none_approves_nothing(evidence: Evidence, said: dict[str, Any]):
    assert len(objections(evidence, with_vote(run_of(evidence), **said))) == 1


def test_a_vote_that_nobody_can_read_approves_nothing(evidence: Evidence):
    event, _ = vote_of(run_of(evidence))

    assert len(objections(evidence, changed(run_of(evidence), event, input=None))) == 1


def test_a_vote_before_the_gate_is_open_approves_nothing(evidence: Evidence):
    run = run_of(evidence)
    event, vote = vote_of(run)
    early = dict(
        run.events[event - 1], eventId="4", eventType="EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED"
    )
    events = [e for e in run.events if int(e["eventId"]) not in (4, event)]
    moved = replace(run, events=(*events[:3], early, *events[3:]))

    assert vote["decision"] == "approve"
    assert len(objections(evidence, moved)) == 1


def test_a_gate_that_was_never_opened_has_approved_nothing(evidence: Evidence):
    run = run_of(evidence)
    unopened = [e for e in run.events if "WAITING" not in str(_summary(e))]

    [said] = objections(evidence, replace(run, events=tuple(unopened)))

    assert "it was never opened" in said


def _summary(event: Any) -> Any:
    summary = (event.get("userMetadata") or {}).get("summary")
    return argument_of({"payloads": [summary]}) if summary else None


def test_a_gate_that_is_still_open_has_approved_nothing(evidence: Evidence):
    run = run_of(evidence)
    still = [
        e
        for e in run.events
        if not (type_of(e) == "TIMER_CANCELED" and "WAITING" in str(_summary(e)))
    ]

    [said] = objections(evidence, replace(run, events=tuple(still)))

    assert "still open" in said


def test_a_decision_that_is_not_on_the_ledger_yet_approves_nothing(evidence: Evidence):
    run = run_of(evidence)
    [record] = [
        call
        for call in run.of_type("ledger.record")
        if any(each["action"] == "gate.decided" for each in call.request["entries"])
    ]
    unsaid = [e for e in record.request["entries"] if e["action"] != "gate.decided"]

    [said] = objections(
        evidence, changed(run, record.asked, input=payload({**record.request, "entries": unsaid}))
    )

    assert "not on the ledger yet" in said


def test_a_reset_voids_what_was_open(evidence: Evidence):
    run = run_of(evidence)
    event, _ = vote_of(run)
    reset = {
        "eventId": str(event - 1),
        "eventType": "EVENT_TYPE_WORKFLOW_TASK_FAILED",
        "workflowTaskFailedEventAttributes": {
            "cause": "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW",
            "baseRunId": run.run_id,
        },
    }
    events = [reset if int(e["eventId"]) == event - 1 else e for e in run.events]

    [said] = objections(evidence, replace(run, events=tuple(events)))

    assert "void" in said


def test_what_was_decided_before_what_a_reset_repeats_stands(evidence: Evidence):
    run = run_of(evidence)
    [record] = [
        call
        for call in run.of_type("ledger.record")
        if any(each["action"] == "gate.decided" for each in call.request["entries"])
    ]
    reset = {
        "eventId": str(record.ended),
        "eventType": "EVENT_TYPE_WORKFLOW_TASK_FAILED",
        "workflowTaskFailedEventAttributes": {
            "cause": "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW",
            "newRunId": run.run_id,
        },
    }
    events = [*run.events]
    place = next(n for n, e in enumerate(events) if int(e["eventId"]) == record.ended)
    events.insert(place + 1, reset)  # beside its answer: the task that reads it is repeated

    assert objections(evidence, replace(run, events=tuple(events))) == []


def test_what_was_handed_on_is_what_was_approved(evidence: Evidence):
    stage = evidence.histories[2]
    told = copy.deepcopy(stage.request)
    told["given"]["review"][0]["digest"] = "sha256:" + "0" * 64

    [said] = objections(with_history(evidence, changed(stage, 1, input=payload(told))))

    assert "as it was approved" in said


def test_a_stage_of_another_plan_than_that_of_its_run_is_found(evidence: Evidence):
    stage = evidence.histories[2]

    [said] = objections(
        with_history(
            evidence, changed(stage, 1, input=payload({**stage.request, "plan": "sha256:x"}))
        )
    )

    assert said.endswith("| sha256:x | " + said.rpartition(" | ")[2])


def test_a_stage_that_the_plan_does_not_know_is_found(evidence: Evidence):
    stage = evidence.histories[2]
    told = {**stage.request, "step": {**stage.request["step"], "path": "elsewhere"}}

    [said] = objections(with_history(evidence, changed(stage, 1, input=payload(told))))

    assert "stage 'elsewhere'" in said


def test_an_agent_that_nobody_has_started_as_a_stage_executes_nothing(evidence: Evidence):
    alone = replace(evidence, histories=evidence.histories[2:])

    [said] = objections(alone)

    assert said.startswith("EXECUTE as a stage of a run with a plan | no such run")


class TestProofs:
    """A gate that takes verified identities only."""

    def proven(self, evidence: Evidence, *, is_signed: bool = True, **bent: Any) -> Evidence:
        """Return evidence of the run with a proven vote, ``bent`` as it was signed."""
        run = with_gate(run_of(evidence), identity=["verified"], approvers=["ann"])
        event, vote = vote_of(run)
        compiled = next(run.of_type("pipeline.compile")).result
        review = run.children[0].result["outputs"]
        subject = {"review": {each["name"]: each["digest"] for each in review}}
        about = {
            "workflow": run.workflow_id,
            "run": run.run_id,
            "gate": "sign-off",
            "opening": 1,
            "escalated": False,
            "plan": compiled["digest"],
            "inputs": digest_of(compiled["inputs"]),
            "subject": digest_of(subject),
            "decision": "approve",
            "reason": reason_digest("seen"),
        }
        came = at_ms(run.events[event - 1]) // 1000
        expires = bent.pop("expires", came + 60)
        statement = statement_of(
            VOTE, {**about, **bent}, entity=ENTITY, expires=expires, nonce="0" * 32
        )
        word = encode(Proof(statement, SIGNATURE))
        vote = {**vote, "gate": "sign-off", "voter": "ann", "reason": "seen", "proof": word}
        run = changed(run, event, input=payload(vote))
        return replace(
            with_history(evidence, run),
            proofs=(CheckedProof(word, is_signed=is_signed),),
            people=(Person(ENTITY, "ann"),),
        )

    def test_a_proof_that_holds_approves(self, evidence: Evidence):
        assert objections(self.proven(evidence)) == []

    def test_a_claim_approves_nothing(self, evidence: Evidence):
        run = with_gate(run_of(evidence), identity=["verified"])

        assert len(objections(evidence, run)) == 1

    def test_a_signature_of_nobody_approves_nothing(self, evidence: Evidence):
        assert len(objections(self.proven(evidence, is_signed=False))) == 1

    def test_a_proof_of_nobody_approves_nothing(self, evidence: Evidence):
        assert len(objections(replace(self.proven(evidence), people=()))) == 1

    @pytest.mark.parametrize(
        "bent",
        [
            {"opening": 2},
            {"escalated": True},
            {"plan": "sha256:" + "1" * 64},
            {"inputs": "sha256:" + "1" * 64},
            {"subject": "sha256:" + "1" * 64},
            {"decision": "reject"},
            {"reason": "sha256:" + "1" * 64},
            {"workflow": "another"},
            {"run": "another"},
            {"gate": "another"},
            {"expires": 1},
        ],
        ids=lambda bent: next(iter(bent)),
    )
    def test_a_proof_about_something_else_approves_nothing(self, evidence: Evidence, bent: Any):
        assert len(objections(self.proven(evidence, **bent))) == 1

    @pytest.mark.parametrize("role", ["starter", "author"])
    def test_a_gate_that_excludes_somebody_nobody_knows_approves_nothing(
        self, evidence: Evidence, role: str
    ):
        proven = self.proven(evidence)
        run = with_gate(run_of(proven), exclude=[role])

        [said] = objections(proven, run)

        assert f"excludes the {role}, and nobody is that" in said


def test_a_council_of_agents_alone_is_heard_anew():
    evidence = evidence_of("advised", "advised__look")
    assert found_by("approvals", evidence) == []
