"""The oracles of what happens in a stage: the order of phases, leases, budgets."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from dsl.core import RedisKeys
from dsl.rules.chaos.evidence import CacheValue, Evidence
from dsl.rules.reconciliation.history import History, argument_of, attributes
from tests.fixtures.chaos.recorded import (
    chained,
    changed,
    evidence_of,
    found_by,
    payload,
    with_history,
)

RUN = ("approved", "approved__review", "approved__publish")
AGENT = "code-review.publish"
BUDGET = {"errors": 2, "window_ms": 600_000}


@pytest.fixture
def evidence() -> Evidence:
    return evidence_of(*RUN)


def stage_of(evidence: Evidence) -> History:
    return evidence.histories[2]


def without(stage: History, *activities: str) -> History:
    """Return the stage as if these activities, by id, had never been asked for."""
    gone = {call.asked for call in stage.activities if call.id in activities}
    return replace(stage, events=tuple(e for e in stage.events if int(e["eventId"]) not in gone))


def answering(stage: History, activity: str, **fields: Any) -> History:
    """Return the stage in which an activity has answered something else."""
    [call] = [call for call in stage.activities if call.id == activity]
    result = payload({**call.result, **fields})
    if not call.is_local:
        return changed(stage, call.ended, result=result)
    details = copy.deepcopy(attributes(stage.events[call.ended - 1])["details"])
    return changed(stage, call.ended, details={**details, "result": result})


def with_step(stage: History, **fields: Any) -> History:
    request = stage.request
    return changed(stage, 1, input=payload({**request, "step": {**request["step"], **fields}}))


class TestPhaseOrder:
    def test_the_phases_of_recorded_runs_are_in_order(self, evidence: Evidence):
        assert found_by("phase-order", evidence) == []

    @pytest.mark.parametrize("phase", ["PREFLIGHT", "PLAN", "VERIFY", "PACKAGE", "REPORT"])
    def test_a_phase_that_is_skipped_is_found_twice(self, evidence: Evidence, phase: str):
        stage = without(stage_of(evidence), f"publish/{phase}#1")

        said = found_by("phase-order", with_history(evidence, stage))

        assert [each.found for each in said if phase in each.found] == [
            f"completed without {phase}"
        ]
        assert len(said) == (2 if phase != "REPORT" else 1)

    def test_a_stage_that_is_not_left_is_found(self, evidence: Evidence):
        stage = without(stage_of(evidence), "publish/EXIT#1")

        [said] = found_by("phase-order", with_history(evidence, stage))

        assert (said.expected, said.found) == ("EXIT or REVOKED last", "REPORT last")

    def test_a_phase_behind_one_that_has_not_answered_is_found(self, evidence: Evidence):
        stage = stage_of(evidence)
        [execute] = [call for call in stage.activities if call.id.endswith("EXECUTE#1")]
        events = tuple(e for e in stage.events if int(e["eventId"]) != execute.ended)

        said = found_by("phase-order", with_history(evidence, replace(stage, events=events)))

        assert "VERIFY after EXECUTE" in [each.found for each in said]

    def test_nothing_comes_after_exit(self, evidence: Evidence):
        stage = stage_of(evidence)
        report = next(e for e in stage.events if "publish/REPORT#1" in str(_told(e)))
        late = {**report, "eventId": "31"}
        events = (*stage.events[:-1], late, stage.events[-1])

        said = found_by("phase-order", with_history(evidence, replace(stage, events=events)))

        assert "REPORT after EXIT" in [each.found for each in said]


def _told(event: Any) -> Any:
    details = attributes(event).get("details") or {}
    return argument_of(details.get("data"))


class TestLeases:
    def test_the_fences_of_recorded_runs_rise(self, evidence: Evidence):
        assert found_by("leases", evidence) == []

    def test_a_fence_below_one_that_was_accepted_is_found(self, evidence: Evidence):
        stage = answering(stage_of(evidence), "publish/VERIFY#1", fence=5)

        said = found_by("leases", with_history(evidence, stage))

        assert [each.found for each in said] == ["5"]

    def test_a_fence_that_was_given_twice_is_found(self, evidence: Evidence):
        fence = evidence.histories[1].activities[1].result["fence"]
        stage = with_step(answering(stage_of(evidence), "publish/BOOTSTRAP#1", fence=fence))
        stage = changed(stage, 1, input=payload({**stage.request, "agent": "code-review.review"}))

        said = found_by("leases", with_history(evidence, stage))

        assert [each.expected for each in said] == [
            f"fence {fence} of code-review.review given once"
        ]

    @pytest.mark.parametrize(
        ("guard", "lock", "found"),
        [
            ("9999999999999", None, []),
            ("5", None, ["5"]),
            ("9999999999998", "9999999999999", ["9999999999999"]),
        ],
    )
    def test_guard_and_lock_are_not_behind_what_was_accepted(
        self, evidence: Evidence, guard: str, lock: str | None, found: list[str]
    ):
        cache = {RedisKeys.agent_guard(AGENT): CacheValue({"fence": guard})}
        if lock:
            cache[RedisKeys.agent_lock(AGENT)] = CacheValue({"fence": lock, "owner": "x/y"})

        assert [e.found for e in found_by("leases", replace(evidence, cache=cache))] == found

    def test_two_runs_of_an_agent_that_runs_alone_never_execute_at_once(self, evidence: Evidence):
        stage = with_step(stage_of(evidence), concurrency=1)
        beside = replace(stage, workflow_id="another/publish", run_id="another")
        both = replace(evidence, histories=(stage, beside))

        said = [each for each in found_by("leases", both) if "at a time" in each.expected]

        assert [each.expected for each in said] == [f"one run of {AGENT} at a time"]


class TestBudgets:
    def erred(self, evidence: Evidence, *times: int) -> Evidence:
        """Return evidence of an agent with a budget, that has erred at these times."""
        stage = with_step(stage_of(evidence), error_budget=BUDGET)
        errors = {f"e{number}": at for number, at in enumerate(times)}
        entry = replace(
            evidence.ledger[-1],
            seq=len(evidence.ledger),
            key="erred",
            agent=AGENT,
            action="agent.erred",
            payload={"phase": "EXECUTE", "errors": errors},
        )
        ledger = chained([*evidence.ledger, entry])
        return replace(with_history(evidence, stage), ledger=ledger)

    def began(self, evidence: Evidence) -> int:
        [call] = [c for c in stage_of(evidence).activities if c.id.endswith("EXECUTE#1")]
        return call.began_ms

    def test_an_agent_with_an_error_left_may_execute(self, evidence: Evidence):
        began = self.began(evidence)

        assert found_by("budgets", self.erred(evidence, began - 5)) == []
        assert found_by("budgets", self.erred(evidence, began - 5, began - 700_000)) == []

    def test_an_agent_without_an_error_left_may_not(self, evidence: Evidence):
        began = self.began(evidence)

        [said] = found_by("budgets", self.erred(evidence, began - 5, began - 9))

        assert said.expected == "no EXECUTE after 2 errors"

    def test_what_spends_the_last_error_is_not_accepted(self, evidence: Evidence):
        began = self.began(evidence)
        stage = answering(
            stage_of(self.erred(evidence)),
            "publish/EXECUTE#1",
            erred={"a": began + 5, "b": began + 6},
        )

        [said] = found_by("budgets", with_history(self.erred(evidence), stage))

        assert said.found == "one accepted with 2 errors in its window"

    def test_errors_until_the_plan_was_clarified_are_those_of_the_plan_before(
        self, evidence: Evidence
    ):
        began = self.began(evidence)
        erred = self.erred(evidence, began - 5, began - 9)
        stage = stage_of(erred)
        told = {**stage.request, "clarified": {"errors_until_ms": began - 5}}
        stage = changed(stage, 1, input=payload(told))

        assert found_by("budgets", with_history(erred, stage)) == []

    def clarified(self, evidence: Evidence, *numbers: int, spent: bool = True) -> Evidence:
        stage = with_step(stage_of(evidence), clarifications=2)
        if spent:
            [call] = [c for c in stage.activities if c.id.endswith("EXECUTE#1")]
            event = stage.events[call.ended - 1]
            kind = {"applicationFailureInfo": {"type": "BudgetSpent"}}
            failed = {
                **{key: event[key] for key in ("eventId", "eventTime")},
                "eventType": "EVENT_TYPE_ACTIVITY_TASK_FAILED",
                "activityTaskFailedEventAttributes": {
                    "scheduledEventId": str(call.asked),
                    "failure": kind,
                },
            }
            events = (failed if e is event else e for e in stage.events)
            stage = replace(stage, events=tuple(events))
        run = evidence.histories[0]
        entries = [
            replace(
                evidence.ledger[-1],
                seq=len(evidence.ledger) + place,
                key=f"clarified {place}",
                run_id=run.run_id,
                workflow_id=run.workflow_id,
                action="stage.clarified",
                payload={"path": "publish", "number": number},
            )
            for place, number in enumerate(numbers)
        ]
        ledger = chained([*evidence.ledger, *entries])
        return replace(with_history(evidence, stage), ledger=ledger)

    def test_a_clarification_follows_on_a_spent_budget(self, evidence: Evidence):
        assert found_by("budgets", self.clarified(evidence, 1)) == []

    @pytest.mark.parametrize(("numbers", "spent"), [((1,), False), ((2,), True), ((1, 2), True)])
    def test_a_clarification_that_nothing_called_for_is_found(
        self, evidence: Evidence, numbers: tuple[int, ...], spent: bool
    ):
        [said] = found_by("budgets", self.clarified(evidence, *numbers, spent=spent))

        assert said.expected == "a clarification for each spent budget at most"

    def test_execute_without_the_clarification_that_was_due_is_found(self, evidence: Evidence):
        spent = self.clarified(evidence)
        stage = stage_of(spent)
        later = replace(stage_of(evidence), workflow_id=stage.workflow_id, run_id="later")
        moved = [
            {**each, "eventTime": each["eventTime"].replace("2026-11-29", "2026-11-30")}
            for each in with_step(later, clarifications=2).events
        ]
        again = replace(later, events=tuple(moved))

        said = found_by("budgets", replace(spent, histories=(*spent.histories, again)))

        assert [each.found for each in said] == ["EXECUTE begun again without it"]
