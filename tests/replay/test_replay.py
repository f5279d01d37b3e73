"""Workflow code of today replays the histories of earlier runs, and asks for the same things.

The histories were recorded from real runs by ``tests/replay/record.py``. One that does not replay
means that runs of people out there would be wedged by an upgrade.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from activities.contracts.specs import REVIEW_PIPELINE
from mandate.work.look.deep_replay import scheduled
from tests.fixtures.history import activities_in
from tests.replay.deep import replay
from tests.replay.record import (
    HISTORIES,
    RELEASED,
    SEPARATOR,
    file_of,
    freeze,
    read_released,
    workflow_id_of,
)
from tests.replay.scenarios import SCENARIOS, run_of

FILES = sorted(HISTORIES.glob("*.json"))
PHASES = ("bootstrap", "preflight", "plan", "execute", "verify", "package", "report", "exit")
OTHER_ACTIVITIES = {
    "ledger.record",
    "run.feasible",
    "ledger.authority",
    "ledger.prove",
    "ledger.resume",
    "ledger.reuse",
    "trust.register",
    "trust.sweep",
    "ledger.close",
    "gate.request",
    "gate.withdraw",
    "ledger.evidence",
    "ledger.grant",
    "ledger.rebind",
    "trust.inspect",
    "trust.promote",
    "trust.rebind",
    "trust.reinstate",
    "trust.lift",
    "trust.demote",
    "revoke.identity",
    "revoke.guard",
    "revoke.runs",
    "revoke.runs-over",
    "ledger.revoke",
    "agent.processes",
    "agent.begin",
    "agent.hold",
    "circuit.look",
    "circuit.change",
    "circuit.standing",
    "notify.observe",
    "notify.deliver",
}


def load(file: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(workflow_id_of(file), file.read_text())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_recorded_history_replays_with_the_same_activities_and_arguments(file):
    assert await replay(load(file)) == []


@pytest.mark.parametrize(
    "file",
    sorted(RELEASED.glob("*/*.json.gz")),
    ids=lambda file: f"{file.parent.name}-{file.name.removesuffix('.json.gz')}",
)
async def test_a_history_of_an_earlier_release_replays(file):
    name = file.name.removesuffix(".json.gz").replace(SEPARATOR, "/")

    assert await replay(WorkflowHistory.from_json(name, read_released(file))) == []


def test_a_release_keeps_every_history_once(tmp_path):
    folder = freeze("1.2.3", tmp_path)

    kept = {file.name.removesuffix(".gz"): read_released(file) for file in folder.iterdir()}
    assert kept == {file.name: file.read_text() for file in FILES}
    with pytest.raises(FileExistsError):
        freeze("1.2.3", tmp_path)


def test_every_scenario_is_recorded_with_every_agent_it_started():
    runs = {file_of(run_of(scenario)) for scenario in SCENARIOS}
    agents = {
        file_of(asked.id)
        for file in FILES
        for asked in scheduled(load(file))
        if asked.type in ("Agent", REVIEW_PIPELINE)
    }

    assert runs | agents == set(FILES)


def test_the_histories_show_every_activity_and_every_way_to_end():
    histories = [load(file) for file in FILES]
    kinds = {asked.type for history in histories for asked in scheduled(history)}
    kinds |= {called.type for history in histories for called in activities_in(history.events)}
    ends = {EventType.Name(history.events[-1].event_type) for history in histories}
    events = {EventType.Name(e.event_type) for e in itertools.chain(*(h.events for h in histories))}

    assert kinds >= {f"agent.{phase}" for phase in PHASES} | OTHER_ACTIVITIES | {"Agent"}
    assert ends == {
        "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED",
        "EVENT_TYPE_WORKFLOW_EXECUTION_FAILED",
        "EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED",
    }
    assert events >= {
        "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED",
        "EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED",
        "EVENT_TYPE_TIMER_FIRED",
        "EVENT_TYPE_ACTIVITY_TASK_CANCELED",
        "EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED",
        "EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
        "EVENT_TYPE_WORKFLOW_TASK_FAILED",  # a reset leaves it behind
    }


async def test_another_activity_in_its_place_is_noticed():
    history = load(file_of("approved/review"))
    changed = _scheduled_events(history)[1]
    changed.activity_type.name = "agent.exit"

    (said,) = await replay(history)

    assert said.startswith("replay failed: ")


async def test_another_argument_is_noticed_though_temporal_replays_it():
    history = load(file_of("approved/review"))
    changed = _scheduled_events(history)[1]
    payload = changed.input.payloads[0]
    payload.data = payload.data.replace(b"approved", b"another")

    (said,) = await replay(history)

    assert said.startswith(f"{changed.activity_id} ({changed.activity_type.name}), project: was ")


async def test_an_argument_that_is_left_out_now_is_noticed():
    history = load(file_of("approved/review"))
    changed = _scheduled_events(history)[1]
    payload = changed.input.payloads[0]
    payload.data = payload.data.replace(b'{"pipeline"', b'{"of_old":0,"pipeline"', 1)

    assert await replay(history) != []


async def test_an_activity_that_is_not_asked_for_any_more_is_noticed():
    history = load(file_of("approved/review"))
    changed = _scheduled_events(history)[-1]
    changed.activity_id = "publish/EXIT#1"

    assert await replay(history) != []


def _scheduled_events(history: WorkflowHistory):
    return [
        event.activity_task_scheduled_event_attributes
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
