"""The oracles of what is left: credentials, revocations, endings, leftovers, objective, replays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dsl.core import RedisKeys
from dsl.limits import LEASE_TTL_MS, PROBLEMS_MAX
from dsl.rules.chaos.evidence import (
    AgentEntity,
    CacheValue,
    Evidence,
    LeftProcess,
    LiveToken,
    Replayed,
    Watched,
)
from dsl.rules.chaos.judge import judge
from dsl.rules.reconciliation.history import History
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
EPOCH = 5


@pytest.fixture
def evidence() -> Evidence:
    return evidence_of(*RUN)


def stage_of(evidence: Evidence) -> History:
    return evidence.histories[2]


def token(evidence: Evidence, *, asks: bool = False, **meta: str) -> LiveToken:
    stage, run = stage_of(evidence), evidence.histories[0]
    about = {"phase": "EXECUTE", "run": stage.workflow_id, "run_id": stage.run_id}
    if asks:
        about = {"workflow": run.workflow_id, "run": run.run_id}
    return LiveToken("accessor-1", "entity-1", {**about, **meta}, 12, asks=asks)


class TestCredentials:
    def test_none_that_is_alive_is_well(self, evidence: Evidence):
        assert found_by("credentials", evidence) == []

    @pytest.mark.parametrize("asks", [False, True])
    @pytest.mark.parametrize(("later_ms", "found"), [(4_000, 0), (6_000, 1)])
    def test_one_that_outlives_its_stage_by_seconds_is_found(
        self, evidence: Evidence, asks: bool, later_ms: int, found: int
    ):
        of = evidence.histories[0] if asks else stage_of(evidence)
        exits = [call.ended_ms for call in of.activities if call.type == "agent.exit"]
        left = max(exits) if exits else of.end.at_ms if of.end else 0
        alive = replace(evidence, tokens=(token(evidence, asks=asks),), looked_ms=left + later_ms)

        said = found_by("credentials", alive)

        assert len(said) == found
        assert all("accessor-1" in each.where for each in said)

    def test_one_of_a_run_that_is_not_looked_at_is_nobodys(self, evidence: Evidence):
        alive = replace(evidence, tokens=(token(evidence, run="another", run_id="x"),))

        assert found_by("credentials", alive) == []

    def test_a_revoked_agent_has_none_at_all(self, evidence: Evidence):
        agents = (AgentEntity(AGENT, "entity-1", is_disabled=True),)
        alive = token(evidence, run="another", run_id="x")

        [said] = found_by("credentials", replace(evidence, tokens=(alive,), agents=agents))

        assert said.expected == "no token of a revoked agent"


class TestRevocations:
    def revoked(self, evidence: Evidence, at_ms: int, *more: str) -> Evidence:
        """Return evidence in which the agent was revoked at that time."""
        guard = {
            "eventId": "2",
            "eventTime": "2026-11-29T12:00:00Z",
            "eventType": "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED",
            "activityTaskScheduledEventAttributes": {
                "activityId": "revoke/guard#1",
                "activityType": {"name": "revoke.guard"},
            },
        }
        done = {
            "eventId": "3",
            "eventTime": _time(at_ms),
            "eventType": "EVENT_TYPE_ACTIVITY_TASK_COMPLETED",
            "activityTaskCompletedEventAttributes": {"scheduledEventId": "2"},
        }
        started = {
            "eventId": "1",
            "eventTime": _time(at_ms),
            "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
            "workflowExecutionStartedEventAttributes": {},
        }
        name = f"revocation/{AGENT}"
        history = History(name, "r", "Revocation", (started, guard, done))
        entries = [
            replace(
                evidence.ledger[-1],
                seq=len(evidence.ledger) + place,
                key=f"revoked {place}",
                workflow_id=name,
                run_id="r",
                agent=AGENT,
                action=action,
                payload={"epoch": EPOCH},
                ts=_time(at_ms + place),
            )
            for place, action in enumerate(("agent.revoked", *more))
        ]
        return replace(
            evidence,
            histories=(*evidence.histories, history),
            ledger=chained([*evidence.ledger, *entries]),
        )

    def test_what_was_accepted_before_is_well(self, evidence: Evidence):
        end = stage_of(evidence).end
        assert end is not None

        assert found_by("revocations", self.revoked(evidence, end.at_ms + 1)) == []

    def test_phases_that_are_accepted_afterwards_are_found(self, evidence: Evidence):
        before = stage_of(evidence).began_ms - 1_000

        said = [each.found for each in found_by("revocations", self.revoked(evidence, before))]

        assert any(each.startswith("EXECUTE, begun ") for each in said)
        assert not any(each.startswith("EXIT") for each in said)

    def test_what_is_accepted_after_it_was_reinstated_is_well(self, evidence: Evidence):
        before = stage_of(evidence).began_ms - 1_000
        again = self.revoked(evidence, before, "agent.reinstated")

        assert found_by("revocations", again) == []

    def test_one_whose_guard_was_never_read_back_is_judged_by_the_ledger(self, evidence: Evidence):
        before = self.revoked(evidence, stage_of(evidence).began_ms - 1_000)
        order = before.histories[-1]
        not_done = replace(order, events=order.events[:-1])  # the brake has not answered

        said = [each.found for each in found_by("revocations", with_history(before, not_done))]

        assert any(each.startswith("EXECUTE, begun ") for each in said)

    @pytest.mark.parametrize(
        ("agents", "cache", "found"),
        [
            ((AgentEntity(AGENT, "e", is_disabled=True),), {}, None),
            ((AgentEntity(AGENT, "e"),), {}, f"entity e of {AGENT} enabled"),
            ((), {RedisKeys.agent_guard(AGENT): {"epoch": "5", "revoked": "1"}}, None),
            ((), {RedisKeys.agent_guard(AGENT): {"epoch": "6", "revoked": "1"}}, None),
            ((), {RedisKeys.agent_guard(AGENT): {"epoch": "5", "revoked": "0"}}, "'revoked': '0'"),
            ((), {RedisKeys.agent_guard(AGENT): {"epoch": "4", "revoked": "1"}}, "'epoch': '4'"),
            ((), {RedisKeys.agent_lock(AGENT): {"owner": "x/y"}}, "'owner': 'x/y'"),
        ],
    )
    def test_every_store_says_that_it_is_revoked(
        self,
        evidence: Evidence,
        agents: tuple[AgentEntity, ...],
        cache: dict[str, Any],
        found: str | None,
    ):
        end = stage_of(evidence).end
        assert end is not None
        kept = {key: CacheValue(value) for key, value in cache.items()}
        revoked = replace(self.revoked(evidence, end.at_ms + 1), agents=agents, cache=kept)

        said = found_by("revocations", revoked)

        assert len(said) == (found is not None)
        assert all(found in each.found for each in said if found)

    def test_outputs_of_a_revoked_stage_are_handed_to_nobody(self, evidence: Evidence):
        review = evidence.histories[1]
        [left] = [call for call in review.activities if call.type == "agent.exit"]
        marker = review.events[left.ended - 1]
        revoked_as = {
            **marker,
            "markerRecordedEventAttributes": {
                **marker["markerRecordedEventAttributes"],
                "details": {
                    "data": payload(
                        {"activity_id": "review/REVOKED#1", "activity_type": "agent.revoked"}
                    )
                },
            },
        }
        events = tuple(revoked_as if e is marker else e for e in review.events)
        request = {**review.request, "agent": AGENT}
        review = changed(replace(review, events=events), 1, input=payload(request))
        end = review.end
        assert end is not None
        revoked = self.revoked(with_history(evidence, review), end.at_ms + 100_000)

        said = [each.found for each in found_by("revocations", revoked)]

        assert any("was handed on" in each for each in said)


def _time(at_ms: int) -> str:

    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")


class TestEndings:
    def test_runs_that_ended_in_time_are_well(self, evidence: Evidence):
        assert found_by("endings", evidence) == []

    def test_a_run_that_took_too_long_is_found(self, evidence: Evidence):
        slow = replace(evidence, watched=(Watched("approved", 10),))

        [said] = found_by("endings", slow)

        assert said.expected == "an end within 10 ms"

    def test_a_run_that_nobody_has_seen_is_found(self, evidence: Evidence):
        [said] = found_by("endings", replace(evidence, watched=(Watched("gone", 10),)))

        assert (said.found, said.where) == ("none", "gone")

    def test_a_run_that_is_still_under_way_is_found_with_what_temporal_reports(
        self, evidence: Evidence
    ):
        stage = stage_of(evidence)
        wedged = with_history(evidence, replace(stage, events=stage.events[:-1]))

        [said] = found_by("endings", replace(wedged, wedged={stage.workflow_id: "category=X"}))

        assert said.found == "under way; temporal reports category=X"

    @pytest.mark.parametrize(
        ("cause", "found"),
        [("NON_DETERMINISTIC_ERROR", 1), ("RESET_WORKFLOW", 0), ("UNHANDLED_COMMAND", 0)],
    )
    def test_a_workflow_task_that_failed_for_a_fault_is_found(
        self, evidence: Evidence, cause: str, found: int
    ):
        stage = stage_of(evidence)
        failed = {
            "eventId": "2",
            "eventType": "EVENT_TYPE_WORKFLOW_TASK_FAILED",
            "workflowTaskFailedEventAttributes": {
                "cause": f"WORKFLOW_TASK_FAILED_CAUSE_{cause}",
                "failure": {"message": "a fault"},
            },
        }
        events = (stage.events[0], failed, *stage.events[2:])

        said = found_by("endings", with_history(evidence, replace(stage, events=events)))

        assert [each.found for each in said] == [f"{cause}: a fault"] * found


class TestLeftovers:
    def test_nothing_left_is_well(self, evidence: Evidence):
        assert found_by("leftovers", evidence) == []

    def test_a_process_and_a_token_are_found(self, evidence: Evidence):
        left = replace(
            evidence,
            processes=(LeftProcess(7, AGENT, "python inventory.py"),),
            tokens=(token(evidence), token(evidence, asks=True)),
        )

        said = found_by("leftovers", left)

        assert [each.where for each in said] == ["pid 7", *["vault, accessor accessor-1"] * 2]

    def test_a_process_of_a_run_that_is_under_way_is_no_leftover(self, evidence: Evidence):
        stage = stage_of(evidence)
        at_work = with_history(evidence, replace(stage, events=stage.events[:-1]))

        assert found_by("leftovers", replace(at_work, processes=(LeftProcess(7, AGENT),))) == []

    def held(self, evidence: Evidence, owner: History, later_ms: int) -> Evidence:
        assert owner.end is not None
        lock = {"owner": f"{owner.workflow_id}/{owner.run_id}", "fence": "1"}
        cache = {RedisKeys.agent_lock("x"): CacheValue(lock, 900)}
        return replace(evidence, cache=cache, looked_ms=owner.end.at_ms + later_ms)

    def test_a_lease_that_was_given_back_and_is_held_is_found(self, evidence: Evidence):
        [said] = found_by("leftovers", self.held(evidence, stage_of(evidence), 1))

        assert said.where == "dragonfly, agent:x:lock"

    @pytest.mark.parametrize(("later_ms", "found"), [(1, 0), (LEASE_TTL_MS + 1, 1)])
    def test_one_that_could_not_be_given_back_may_run_out(
        self, evidence: Evidence, later_ms: int, found: int
    ):
        run = evidence.histories[0]  # has no EXIT of its own

        assert len(found_by("leftovers", self.held(evidence, run, later_ms))) == found

    def test_a_lease_of_somebody_else_is_nobodys(self, evidence: Evidence):
        lock = CacheValue({"owner": "other/run", "fence": "1"}, 900)

        assert found_by("leftovers", replace(evidence, cache={"agent:x:lock": lock})) == []


class TestObjective:
    def test_a_run_that_completed_with_all_that_must_be_ready_is_well(self, evidence: Evidence):
        watched = (Watched("approved", 600_000, ready=("review", "publish")),)

        assert found_by("objective", replace(evidence, watched=watched)) == []

    def test_a_stage_that_is_not_ready_is_found(self, evidence: Evidence):
        watched = (Watched("approved", 600_000, ready=("sign-off", "another")),)

        [said] = found_by("objective", replace(evidence, watched=watched))

        assert said.expected == "stage another completed"

    def test_an_output_that_is_gone_is_found(self, evidence: Evidence):
        watched = (Watched("approved", 600_000, ready=("review",)),)
        gone = replace(evidence, watched=watched, artifacts={})

        said = found_by("objective", gone)

        assert said
        assert all("gone or altered" in each.found for each in said)

    def test_a_report_that_does_not_say_completed_is_found(self, evidence: Evidence):
        run = evidence.histories[0]
        assert run.end is not None
        told = changed(run, run.end.event, result=payload({"status": "failed"}))

        [said] = found_by("objective", with_history(evidence, told))

        assert said.expected == "a report that says completed"

    @pytest.mark.parametrize("name", ["exhausted", "proven", "run-too-slow", "over-reaching"])
    def test_a_failure_that_says_why_is_well(self, name: str):
        assert found_by("objective", evidence_of(name)) == []

    @pytest.mark.parametrize(
        "failure",
        [
            {"message": "", "applicationFailureInfo": {"type": "StageFailed"}},
            {"message": "it broke", "applicationFailureInfo": {}},
            {"message": "it broke", "applicationFailureInfo": {"type": "StageFailed"}},
            {
                "message": "it broke",
                "stackTrace": "line 1",
                "applicationFailureInfo": {"type": "RuntimeError", "details": payload({"a": 1})},
            },
        ],
        ids=["no sentence", "no type", "no report", "a fault"],
    )
    def test_a_failure_that_does_not_is_found(self, failure: dict[str, Any]):
        evidence = evidence_of("exhausted")
        run = evidence.histories[0]
        assert run.end is not None

        told = changed(run, run.end.event, failure=failure)

        assert len(found_by("objective", with_history(evidence, told))) == 1


class TestReplays:
    def test_histories_that_ask_for_the_same_are_well(self, evidence: Evidence):
        assert found_by("replays", evidence) == []

    def test_what_is_asked_for_otherwise_is_found(self, evidence: Evidence):
        stage = stage_of(evidence)
        other = Replayed(stage.workflow_id, stage.run_id, ("publish/EXECUTE#1: asked for as …",))
        kept = [each for each in evidence.replays if each.run_id != stage.run_id]

        [said] = found_by("replays", replace(evidence, replays=(*kept, other)))

        assert said.where == f"{stage.workflow_id}, run {stage.run_id}"

    def test_a_history_of_ours_that_was_not_replayed_is_not_well(self, evidence: Evidence):
        assert len(found_by("replays", replace(evidence, replays=()))) == len(RUN)

    def test_the_work_of_somebody_else_is_not_ours_to_replay(self, evidence: Evidence):
        stage = stage_of(evidence)
        parent = {"workflowId": stage.workflow_id, "runId": stage.run_id}
        started = {"workflowExecutionStartedEventAttributes": {"parentWorkflowExecution": parent}}
        body = History("approved/publish/EXECUTE", "x", "Body", (started,))

        said = found_by("replays", replace(evidence, histories=(*evidence.histories, body)))

        assert said == []


def test_an_oracle_that_objects_without_end_is_cut(evidence: Evidence):
    endless = replace(evidence, watched=(Watched("gone", 1),) * (PROBLEMS_MAX + 7))

    said = judge(endless)

    assert [each.oracle for each in said].count("endings") == PROBLEMS_MAX
    assert str(said[0]) == "endings: expected a history of every run, found none (gone)"
