"""History and ledger agree, or it is said where they do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dsl.rules.chaos.evidence import Evidence
from dsl.rules.reconciliation.chain import broken
from dsl.rules.reconciliation.history import History, attributes, type_of
from dsl.rules.reconciliation.implied import implied
from dsl.rules.reconciliation.reconcile import reconcile
from dsl.rules.reconciliation.recorded import Recorded
from tests.fixtures.chaos.recorded import (
    chained,
    changed,
    evidence_of,
    history,
    payload,
    with_history,
)

Change = Callable[[tuple[Recorded, ...]], list[Recorded]]
RUN = ("approved", "approved__review", "approved__publish")


def disagreements(evidence: Evidence) -> list[str]:
    found = reconcile(evidence.histories, evidence.ledger, evidence.namespace)
    return [f"{each.expected} | {each.found} | {each.where}" for each in found]


def of(ledger: tuple[Recorded, ...], action: str) -> Recorded:
    return next(entry for entry in ledger if entry.action == action)


def tampered(evidence: Evidence, action: str, **fields: object) -> Evidence:
    """Return evidence whose first entry of that action says something else, chained anew."""
    old = of(evidence.ledger, action)
    new = replace(old, **fields)  # type: ignore[arg-type]  # fields of an entry
    return replace(
        evidence, ledger=chained([new if each is old else each for each in evidence.ledger])
    )


@pytest.mark.parametrize(
    "names",
    [
        RUN,
        ("proven", "proven__look"),
        ("stopped", "stopped__look"),
        ("cancelled", "cancelled__look"),
        ("exhausted", "exhausted__review"),
        ("fails-twice", "fails-twice__review"),
        ("parked", "parked__work"),
        ("store-emptied", "store-emptied__look"),
        ("repeated",),
    ],
    ids=lambda names: names[0],
)
def test_recorded_runs_agree_with_the_ledger_they_have_left(names):
    evidence = evidence_of(*names)

    assert disagreements(evidence) == []
    assert list(broken(evidence.ledger)) == []


@pytest.mark.parametrize(("name", "ended"), [("approved", "run.ended"), (RUN[1], "agent.ended")])
def test_an_end_that_was_recorded_before_a_reset_is_not_recorded_again(name, ended):
    told = history(name)
    events = [dict(each) for each in told.events]
    last = max(n for n, each in enumerate(events) if type_of(each) == "WORKFLOW_TASK_COMPLETED")
    first = attributes(events[0])["originalExecutionRunId"]
    events[last] = {
        "eventId": events[last]["eventId"],
        "eventType": "EVENT_TYPE_WORKFLOW_TASK_FAILED",
        "workflowTaskFailedEventAttributes": {
            "cause": "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW",
            "baseRunId": first,
            "newRunId": "anew",
        },
    }
    anew = History(told.workflow_id, "anew", told.type, tuple(events))
    [found] = [each for each in implied(anew, "default") if each.action == ended]

    assert first in found.runs
    assert found.is_all  # word for word, as it was acknowledged


def test_an_acknowledged_entry_that_is_not_there_is_missing():
    evidence = evidence_of(*RUN)
    gone = of(evidence.ledger, "agent.package")
    lost = tampered(evidence, "agent.package", key="another", workflow_id="nobody", run_id="none")

    said = disagreements(lost)

    assert any("since the ledger has acknowledged it | no such entry" in each for each in said)
    assert any("since the phase has answered with facts | no such entry" in each for each in said)
    assert all(gone.workflow_id in each for each in said)


@pytest.mark.parametrize(
    "fields",
    [{"payload": {"manifest": "another"}}, {"agent": "another"}, {"tier": "T4"}, {"run_id": "r"}],
    ids=lambda fields: next(iter(fields)),
)
def test_an_acknowledged_entry_that_says_something_else_is_found(fields):
    [*said] = disagreements(tampered(evidence_of(*RUN), "agent.package", **fields))

    assert any("which says something else" in each for each in said)


def test_an_entry_that_no_activity_can_have_made_is_unexplained():
    evidence = evidence_of(*RUN)
    run = evidence.histories[0]
    forged = replace(
        evidence.ledger[0],
        seq=len(evidence.ledger),
        key="default/approved/forged/0",
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        action="gate.decided",
    )

    [said] = disagreements(replace(evidence, ledger=chained([*evidence.ledger, forged])))

    assert "gate.decided, which none of its activities can have made" in said
    assert f"entry {forged.seq}" in said


def test_a_proof_that_was_told_and_is_not_recorded_there_is_found():
    evidence = tampered(evidence_of("proven", "proven__look"), "vote.proven", payload={"name": "x"})

    assert any(each.startswith("vote.proven on the ledger") for each in disagreements(evidence))


def test_a_vote_that_a_service_vouches_for_is_recorded_as_that_and_as_nothing_else():
    evidence = evidence_of("vouched", "vouched__look")
    assert list(disagreements(evidence)) == []
    assert len([each for each in evidence.ledger if each.action == "vote.vouched"]) == 2
    evidence = tampered(evidence, "vote.vouched", payload={"name": "x"})

    assert any(each.startswith("vote.vouched on the ledger") for each in disagreements(evidence))


def test_a_forged_answer_of_the_ledger_is_found():
    evidence = evidence_of("proven", "proven__look")
    run = evidence.histories[0]
    call = next(call for call in run.of_type("ledger.prove"))
    forged = {**call.result, "name": "mallory"}
    run = changed(run, call.ended, result=payload(forged))

    assert any("vote.proven on the ledger" in e for e in disagreements(with_history(evidence, run)))


def test_an_effect_without_its_intent_is_out_of_order():
    evidence = evidence_of(*RUN)
    stage = evidence.histories[2]
    first = next(call for call in stage.of_type("ledger.record"))
    entries = first.request["entries"]
    unsaid = [{**each, "payload": {**each["payload"], "attempt": 7}} for each in entries]
    stage = changed(stage, first.asked, input=payload({**first.request, "entries": unsaid}))

    said = disagreements(with_history(evidence, stage))

    assert any("the intent of try 1 to be acknowledged before EXECUTE" in each for each in said)


def test_a_fence_and_an_end_that_nobody_recorded_are_missing():
    evidence = evidence_of(*RUN)
    stage = evidence.histories[2]
    last = list(stage.of_type("ledger.record"))[-1]
    kept = [each for each in last.request["entries"] if each["action"] == "agent.execute"]
    stage = changed(stage, last.asked, input=payload({**last.request, "entries": kept}))
    ledger = [each for each in evidence.ledger if each.workflow_id != stage.workflow_id]

    said = disagreements(replace(with_history(evidence, stage), ledger=chained(ledger)))

    assert any("lease.granted on the ledger, since a lease was taken" in each for each in said)
    assert any("agent.ended on the ledger, since the stage has ended" in each for each in said)


@pytest.mark.parametrize(("status", "missing"), [("CANCELED", 0), ("COMPLETED", 2)])
def test_an_answer_that_came_when_the_stage_was_to_end_is_on_no_record(status: str, missing: int):
    evidence = evidence_of(*RUN)
    stage = evidence.histories[2]
    after = {
        c.asked
        for c in stage.activities
        if c.type in ("agent.verify", "agent.package", "agent.report")
    }
    last = list(stage.of_type("ledger.record"))[-1]
    kept = [each for each in last.request["entries"] if each["action"] == "agent.ended"]
    stage = changed(stage, last.asked, input=payload({**last.request, "entries": kept}))
    end = {**stage.events[-1], "eventType": f"EVENT_TYPE_WORKFLOW_EXECUTION_{status}"}
    if status == "CANCELED":
        end = {key: end[key] for key in ("eventId", "eventTime", "eventType")}
    events = [e for e in stage.events[:-1] if int(e["eventId"]) not in after]
    early = {"agent.bootstrap", "agent.preflight", "agent.plan"}
    events = [
        e
        for e in events
        if int(e["eventId"]) not in {c.asked for c in stage.activities if c.type in early}
    ]
    own = [
        e
        for e in evidence.ledger
        if e.workflow_id != stage.workflow_id or e.action in ("agent.intended", "agent.ended")
    ]
    ended = next(e for e in own if (e.workflow_id, e.action) == (stage.workflow_id, "agent.ended"))
    key = ended.key.rpartition("/")[0] + "/0"
    own = [replace(e, key=key) if e is ended else e for e in own]
    cut = replace(stage, events=(*events, end))

    said = disagreements(replace(with_history(evidence, cut), ledger=chained(own)))

    assert len(said) == missing


def test_a_run_that_was_terminated_owes_nothing_but_what_was_acknowledged():
    evidence = evidence_of("cancelled", "cancelled__look")
    run = evidence.histories[0]
    events = [
        *run.events[:-1],
        {**run.events[-1], "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED"},
    ]
    last = list(run.of_type("ledger.record"))[-1]
    cut = replace(run, events=tuple(e for e in events if int(e["eventId"]) != last.ended))
    ledger = [each for each in evidence.ledger if each.action != "run.ended"]

    assert disagreements(replace(with_history(evidence, cut), ledger=chained(ledger))) == []


def test_runs_whose_history_is_not_at_hand_are_nobodys():
    evidence = evidence_of(*RUN)

    assert disagreements(replace(evidence, histories=evidence.histories[:1])) == []


def _gap(ledger: tuple[Recorded, ...]) -> list[Recorded]:
    return [*ledger[:3], *ledger[4:]]


def _edited(ledger: tuple[Recorded, ...]) -> list[Recorded]:
    return [*ledger[:3], replace(ledger[3], action="agent.promoted"), *ledger[4:]]


def _unlinked(ledger: tuple[Recorded, ...]) -> list[Recorded]:
    return [*ledger[:3], replace(ledger[3], prev_hash="0" * 64), *ledger[4:]]


def _twice(ledger: tuple[Recorded, ...]) -> list[Recorded]:
    again = replace(ledger[2], seq=len(ledger))
    return list(chained([*ledger, again]))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_gap, "entry 4"),
        (_edited, "entry 3, agent.promoted"),
        (_unlinked, "entry 3"),
        (_twice, "entry {last}"),
    ],
    ids=["a gap", "an edit", "a link", "a key twice"],
)
def test_a_chain_that_does_not_hold_is_found_where_it_breaks(change: Change, found: str):
    ledger = change(evidence_of(*RUN).ledger)

    said = list(broken(ledger))

    assert said
    assert said[0].where.startswith(found.format(last=ledger[-1].seq))
