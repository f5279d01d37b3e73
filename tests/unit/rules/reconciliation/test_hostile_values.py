"""Whatever somebody has put into a history, it is compared: no value ends the comparison."""

from __future__ import annotations

import pytest

from tests.fixtures.chaos.recorded import changed, evidence_of, payload, with_history
from tests.unit.rules.reconciliation.test_reconcile import RUN, disagreements

NONE = ["x", {"a": 1}, [1], None, True, -(2**80), 1e300]


@pytest.mark.parametrize("value", NONE, ids=repr)
@pytest.mark.parametrize("field", ["fence", "facts", "outputs", None])
def test_whatever_a_phase_was_made_to_answer_is_compared(field: str | None, value: object):
    evidence = evidence_of(*RUN)
    stage = evidence.histories[1]
    for call in stage.activities:
        if call.type.startswith("agent.") and not call.is_local:
            told = value if field is None else {**call.result, field: value}
            stage = changed(stage, call.ended, result=payload(told))

    assert isinstance(disagreements(with_history(evidence, stage)), list)


@pytest.mark.parametrize("value", NONE, ids=repr)
@pytest.mark.parametrize("field", ["tier", "payload", "action", "agent", "entries", None])
def test_whatever_a_record_was_made_to_ask_is_a_disagreement_or_none(
    field: str | None, value: object
):
    evidence = evidence_of(*RUN)
    stage = evidence.histories[1]
    [call, *_] = [each for each in stage.of_type("ledger.record") if not each.is_local]
    draft = {**call.request["entries"][0], field: value}
    asked = {**call.request, "entries": value if field == "entries" else [draft]}
    stage = changed(stage, call.asked, input=payload(value if field is None else asked))

    assert isinstance(disagreements(with_history(evidence, stage)), list)


@pytest.mark.parametrize("value", NONE, ids=repr)
def test_whatever_a_proof_was_said_to_stand_at_is_compared(value: object):
    evidence = evidence_of("proven", "proven__look")
    proven = next(each for each in evidence.histories[0].of_type("ledger.prove") if each.is_done)
    told = payload({**proven.result, "entry": value})
    run = changed(evidence.histories[0], proven.ended, result=told)

    assert isinstance(disagreements(with_history(evidence, run)), list)


def test_a_tier_that_is_none_stands_on_no_ledger():
    evidence = evidence_of(*RUN)
    stage = evidence.histories[1]
    [call, *_] = [each for each in stage.of_type("ledger.record") if not each.is_local]
    drafts = [{**each, "tier": 9} for each in call.request["entries"]]
    told = changed(stage, call.asked, input=payload({**call.request, "entries": drafts}))

    said = disagreements(with_history(evidence, told))

    assert any("which says something else" in each for each in said)
