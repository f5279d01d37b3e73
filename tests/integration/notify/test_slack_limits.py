"""Whatever a run is called and says, a message of it is one that Slack takes."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.core import StageStatus, StageType
from dsl.limits import NOTIFY_DECIDED_MAX, NOTIFY_GATES_MAX, NOTIFY_STAGES_MAX
from dsl.rules.notify.changes import Event, changes
from dsl.rules.notify.snapshot import DecidedSnapshot, GateSnapshot, RunSnapshot, StageSnapshot
from dsl.steps.notify import Happening
from integrations.notify.links import SitePages
from integrations.slack.board import (
    board_blocks,
    closed_blocks,
    decided_blocks,
    gate_blocks,
    happened,
    reason_dialog,
)
from tests.fixtures.notify.slack_limits import faults_of

PAGES = SitePages("https://ui.example", "https://console.example")
MARK_UP, EAST = "<&>", "\u66f8"


def worst(word: str, **more: Any) -> RunSnapshot:
    """Return a run with as much of everything as there may be, all of it called so."""
    long = word * 1_000
    gate = {
        "asked": long,
        "due": long,
        "description": long,
        "subject": long,
        "outputs": (long,) * 9,
    }
    return RunSnapshot(
        workflow=long[: 1_000 if word.isascii() else 333],  # the server takes 1,000 bytes
        run=long[:36],
        pipeline=long,
        version=long,
        status=long,
        ended=True,
        detail=long,
        gates=tuple(
            GateSnapshot(path=long, opening=number, **gate, **more)
            for number in range(NOTIFY_GATES_MAX)
        ),
        more_gates=900,
        decided=(DecidedSnapshot(path=long, opening=1, verdict=long, detail=long),)
        * NOTIFY_DECIDED_MAX,
        stages=(
            StageSnapshot(path=long, type=StageType.AGENT, status=StageStatus.FAILED, detail=long),
        )
        * NOTIFY_STAGES_MAX,
        counts={f"{long}{number}": number for number in range(9)},
    )


@pytest.mark.parametrize("word", ["x", "&", MARK_UP, EAST, "\u202e", "`", "\n"])
@pytest.mark.parametrize("identity", [("slack",), ("verified",)])
def test_the_largest_of_each_message_is_taken(word: str, identity: tuple[str, ...]):
    run = worst(word, identity=identity)
    for pages in (PAGES, SitePages(), SitePages(PAGES.ui)):
        link, gate = pages.run(run), run.gates[0]
        for blocks in (
            board_blocks(run, link),
            gate_blocks(gate, run, pages, has_door=True),
            gate_blocks(gate, RunSnapshot(workflow="w", run="r"), pages, has_door=True),
            decided_blocks(run.decided[0], run, link),
            closed_blocks(run, link),
        ):
            assert faults_of({"blocks": blocks}) == []
    events = [*changes(None, run), Event(kind=Happening.GATE_REMINDER, id="x", gate=run.gates[0])]
    assert [faults_of({"text": happened(each, run)}) for each in events] == [[]] * len(events)


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_the_dialog_is_taken(decision: str):
    assert faults_of({"view": reason_dialog(decision, "x" * 3_000, MARK_UP * 300)}) == []


def test_what_slack_refuses_is_found():
    text = {"type": "mrkdwn", "text": "x" * 3_001}
    button = {"type": "button", "text": {"type": "plain_text", "text": "x" * 76}, "action_id": "a"}
    view = {
        **reason_dialog("approve", "x" * 3_001, "g"),
        "title": {"type": "plain_text", "text": ""},
    }
    for said in (
        {"blocks": [{"type": "section", "text": text}]},
        {"blocks": [{"type": "context", "elements": [text]}]},
        {"blocks": [{"type": "context", "elements": []}]},
        {"blocks": [{"type": "actions", "elements": [button]}]},
        {"blocks": [{"type": "actions", "elements": [{**button, "value": "x" * 2_001}]}]},
        {"blocks": [{"type": "divider"}] * 51},
        {"text": "x" * 40_001},
        {"view": view},
    ):
        assert faults_of(said) != [], said
