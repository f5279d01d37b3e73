"""Slack on its wire: a board that is edited, gates that are answered there, clicks that are one."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle

from mandate.console.doors import SLACK_WAITS_S
from tests.fixtures.engine import Engine, after_look, gate
from tests.fixtures.notify.receiver import Reply
from tests.fixtures.notify.site import (
    SLACK_ANN,
    SLACK_BOB,
    Site,
    pressed_at,
    site_of,
    until,
)
from tests.fixtures.servers.openbao import People

EVERYTHING = ["gate-opened", "gate-decided", "ended"]


@pytest_asyncio.fixture
async def site(engine: Engine, people: People, tmp_path: Path) -> AsyncIterator[Site]:
    async with site_of(engine, people, tmp_path) as found:
        yield found
        assert found.slack.wrong == []


async def asked(site: Site, **fields: Any) -> WorkflowHandle[Any, Any]:
    """Start a run that asks at Slack, and wait until it is shown there."""
    fields = {"approvers": ["group:sre"], "identity": ["slack"], **fields}
    definition = after_look(gate("sign-off", **fields), notify=[{"to": "ops", "when": EVERYTHING}])
    run = await site.engine.start(definition)
    await until(lambda: any("thread_ts" in each for each in site.slack.messages))
    return run


def buttons(site: Site) -> list[dict[str, Any]]:
    return [
        element
        for message in site.slack.messages
        for block in message.get("blocks", ())
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def click(site: Site, user: str = SLACK_ANN, label: str = "Approve") -> dict[str, Any]:
    """What Slack sends when somebody presses."""
    [button] = [each for each in buttons(site) if each["text"]["text"] == label]
    return {
        "type": "block_actions",
        "user": {"id": user},
        "trigger_id": "t-1",
        "response_url": "https://evil.example/take",
        "actions": [{**button, "action_ts": f"{time.time():.6f}"}],
    }


def submitted(site: Site, reason: str, user: str = SLACK_ANN) -> dict[str, Any]:
    view = site.slack.views[-1]["view"]
    return {
        "type": "view_submission",
        "user": {"id": user},
        "view": {
            **view,
            "id": f"V{time.time_ns()}",
            "state": {"values": {"why": {"reason": {"value": reason}}}},
        },
    }


def said(site: Site) -> list[str]:
    """Return what people were told, when something came of their clicks."""
    return [each["text"] for each in site.slack.ephemeral if "try again" not in each["text"]]


async def clicks(site: Site, payload: dict[str, Any]) -> None:
    """Press by the socket until it was taken, as one does whom Slack tells that it was not."""
    while True:
        envelope = await site.slack.click(payload)
        with suppress(TimeoutError):
            async with asyncio.timeout(SLACK_WAITS_S + 1):
                await until(partial(site.slack.acknowledged.__contains__, envelope))
            return


async def test_a_run_is_one_message_and_a_click_by_http_is_a_vote(site: Site):
    run = await asked(site)
    site.slack.refuse["chat.postEphemeral"] = Reply(429, {"Retry-After": "1"})
    assert (await site.presses(click(site))).status == 200
    report = await run.result()
    board = await until(
        lambda: (
            [m for m in site.slack.messages if "completed" in json.dumps(m["blocks"])][:1]
            if site.slack.messages
            else None
        )
    )

    assert report["approvals"][0]["votes"] == [
        {"voter": "ann", "decision": "approve", "reason": "", "identity": "slack"}
    ]
    assert "thread_ts" not in board[0]
    boards = [each for each in site.slack.messages if "thread_ts" not in each]
    assert len(boards) == 1
    assert boards[0]["edited"]
    assert await until(lambda: not buttons(site) or None)
    await until(lambda: said(site))  # it was refused at first
    assert "Counted: approved by ann" in said(site)[0]
    assert not any("evil" in each.path for each in site.slack.http.heard)


async def test_a_click_by_the_socket_is_acknowledged_and_counts_once(site: Site):
    run = await asked(site, quorum=2)
    press = click(site)
    await asyncio.gather(*(clicks(site, press) for _ in range(3)))
    await until(lambda: len(said(site)) >= 3)
    [row] = await run.query("gates")
    assert (row["votes"], row["refused"]) == (1, 0)  # the same answer to the same click
    await clicks(site, click(site, SLACK_BOB))
    report = await run.result()

    assert [vote["voter"] for vote in report["approvals"][0]["votes"]] == ["ann", "bob"]
    assert len(set(said(site)[:3])) == 1


async def test_rejecting_asks_why_and_the_reason_is_shown_and_does_nothing(site: Site):
    run = await asked(site)
    await site.presses(click(site, label="Reject"))
    await until(lambda: site.slack.views)
    hostile = "no {{template}} <!channel> *bold* `x` @here https://evil.example"
    await site.presses(submitted(site, hostile))
    await until(lambda: said(site))
    await until(
        lambda: any("rejected" in json.dumps(m.get("blocks", "")) for m in site.slack.messages)
    )

    [decided] = (await run.query("status"))["approvals"]
    assert decided["votes"][0]["reason"] == hostile
    assert "<!channel>" not in json.dumps(site.slack.messages)


async def test_a_gate_that_asks_for_a_proof_has_no_buttons_and_takes_no_click(site: Site):
    run = await asked(site, identity=["verified"])
    [message] = [each for each in site.slack.messages if "thread_ts" in each]
    await site.presses(await pressed_at(run, SLACK_ANN))
    await until(lambda: said(site))

    assert buttons(site) == []
    assert f"mandate approve {run.id} sign-off" in json.dumps(message["blocks"])
    assert "this gate asks for a proof" in said(site)[0]
    assert (await run.query("gates"))[0]["votes"] == 0


async def test_who_is_nobody_here_is_told_and_so_is_what_was_opened_anew(site: Site):
    await asked(site)
    await site.presses(click(site, "U0STRANGER"))
    old = click(site)
    old["actions"][0]["value"] = old["actions"][0]["value"].replace('"o":1', '"o":7')
    await site.presses(old)
    file = site.engine.settings.notify  # who has left is nobody from then on
    assert file is not None
    file.write_text(file.read_text().replace(SLACK_ANN, "U0OTHER"))
    await site.presses(click(site, SLACK_ANN))
    await until(lambda: len(said(site)) == 3)

    assert any("account U0STRANGER is nobody here" in each for each in said(site))
    assert any("was opened anew since" in each for each in said(site))
    assert any(f"account {SLACK_ANN} is nobody here" in each for each in said(site))


@pytest.mark.parametrize(("field", "said_of_it"), [("i", "another run"), ("s", "something else")])
async def test_a_button_of_another_run_or_of_other_outputs_counts_for_nothing(
    site: Site, field: str, said_of_it: str
):
    run = await asked(site)
    old = click(site)
    value = json.loads(old["actions"][0]["value"])
    old["actions"][0]["value"] = json.dumps({**value, field: "of before"})
    await site.presses(old)
    await until(lambda: said(site))

    assert said_of_it in said(site)[0]
    assert (await run.query("gates"))[0]["votes"] == 0


async def test_a_gate_that_is_closed_without_a_word_of_it_loses_its_buttons(site: Site):
    config = {"approvers": ["group:sre"], "identity": ["slack"]}
    notify = [{"to": "ops", "when": ["gate-opened"]}]
    run = await site.engine.start(after_look(gate("sign-off", **config), notify=notify))
    await until(lambda: buttons(site))
    await run.terminate("enough")

    assert await until(lambda: not buttons(site))


async def test_a_deleted_board_is_written_anew_and_a_lost_answer_writes_nothing_twice(site: Site):
    site.slack.faults = [Reply(429, {"Retry-After": "1"}), Reply(500)]
    run = await asked(site)
    boards = [each for each in site.slack.messages if "thread_ts" not in each]
    assert len(boards) == 1
    site.slack.messages.remove(boards[0])
    await run.execute_update(
        "vote", {"gate": "sign-off", "decision": "approve", "voter": "x", "proof": "x"}
    )
    await site.presses(click(site))
    await run.result()
    await until(
        lambda: [
            m
            for m in site.slack.messages
            if "thread_ts" not in m and "completed" in json.dumps(m["blocks"])
        ]
    )


async def test_an_unknown_channel_is_one_sentence_and_nothing_is_lost(site: Site):
    site.slack.error = "channel_not_found"
    definition = after_look(gate("sign-off"), notify=[{"to": "ops", "when": EVERYTHING}])
    run = await site.engine.start(definition)
    await site.engine.pending(run, "sign-off")
    async with asyncio.timeout(60):
        found = None
        while found is None:
            async for each in site.engine.client.list_workflows('WorkflowType="Notification"'):
                if each.id.startswith(f"notification/{run.id}/"):
                    found = site.engine.client.get_workflow_handle(each.id)
            await asyncio.sleep(0.05)
        while not (state := (await found.query("status"))["ops"])["trouble"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    assert "is the channel's id right, and the app in it?" in state["trouble"]
    assert state["waiting"] >= 1
    await found.terminate("the test ends")


HOSTILE: dict[str, tuple[Any, dict[str, Any], int]] = {
    "signed by another": ({"type": "block_actions"}, {"secret": "another secret, of many"}, 401),
    "old": ({"type": "block_actions"}, {"at": 1_790_000_000.0}, 401),
    "no UTF-8": (b"payload=%ff%fe", {}, 400),
    "no JSON": (b"payload={", {}, 400),
    "no form": (b"nothing", {}, 400),
    "10 MB": (b"payload=" + b"x" * (10 << 20), {}, 413),
    "odd": ({"type": "odd"}, {}, 400),
    "no action": ({"type": "block_actions", "actions": "x", "user": 5}, {}, 400),
    "no dialog": ({"type": "view_submission", "view": {"callback_id": "mandate-reason"}}, {}, 400),
}


async def test_what_is_hostile_is_refused_and_never_a_500(site: Site):
    for what, (payload, how, status) in HOSTILE.items():
        reply = await site.slack_sends(payload, **how)

        assert reply.status == status, what
    assert said(site) == []
