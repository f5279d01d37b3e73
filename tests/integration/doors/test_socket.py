"""Clicks by the socket: one that nobody can be told of, not even Slack, was taken all the same."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from slack_sdk.socket_mode.builtin import SocketModeClient

from integrations.doors import telling
from integrations.doors.telling import Taken
from integrations.errors import DeniedError
from integrations.slack import socket_mode
from integrations.slack.socket_mode import listening
from tests.fixtures.notify.slack import APP, FakeSlack, fake_slack
from tests.integration.stack.probes import eventually


class Clicks:
    """Takes clicks, of which nobody can be told; some wait to be told for good."""

    def __init__(self) -> None:
        self.taken: list[Mapping[str, Any]] = []
        self.told: list[asyncio.Event] = []

    async def take(self, payload: Mapping[str, Any]) -> Taken:
        self.taken.append(payload)
        if payload.get("fails"):
            raise DeniedError("expected a button of ours")
        return Taken("counted", self.wait if payload.get("waits") else self.tell)

    async def wait(self) -> None:
        self.told.append(asyncio.Event())
        await self.told[-1].wait()

    async def tell(self) -> None:
        raise DeniedError("slack answers 'missing_scope'")


async def read() -> str:
    return APP


def gone(*_: Any) -> None:
    raise OSError("the socket is closed")


async def pressed(slack: FakeSlack, payload: dict[str, Any], log: pytest.LogCaptureFixture) -> str:
    """Press, and return what the log says of it."""
    log.clear()
    await slack.click(payload)
    await eventually(lambda: "click" in log.text)
    return log.text


async def test_the_log_says_whether_a_click_was_taken_or_only_not_told_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING, logger="integrations.slack.socket_mode")
    monkeypatch.setattr(telling, "REFUSED_FOR_S", 0.0)
    clicks = Clicks()
    async with (
        fake_slack() as slack,
        listening(f"{slack.http.url}/api", read, clicks.take, within_s=30.0),
    ):
        untold = await pressed(slack, {"type": "block_actions"}, caplog)
        await eventually(lambda: len(slack.acknowledged) == 1)
        refused = await pressed(slack, {"type": "block_actions", "fails": True}, caplog)
        monkeypatch.setattr(SocketModeClient, "send_socket_mode_response", gone)
        unheard = await pressed(slack, {"type": "block_actions"}, caplog)

    assert "somebody was not told what became of their click (DeniedError)" in untold
    assert "missing_scope" in untold
    assert "a click was not taken (DeniedError): expected a button of ours" in refused
    assert "a click was taken, and not acknowledged (OSError): the socket is closed" in unheard
    assert "a click was not taken" not in unheard
    assert len(clicks.taken) == 3


async def test_who_waits_to_be_told_takes_the_place_of_nobody_who_is_to_be_heard(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(socket_mode, "TAKEN_MAX", 1)
    monkeypatch.setattr(socket_mode, "TOLD_MAX", 2)
    clicks = Clicks()
    async with (
        fake_slack() as slack,
        listening(f"{slack.http.url}/api", read, clicks.take, within_s=30.0),
    ):
        for number in range(1, 5):
            await slack.click({"type": "block_actions", "waits": True})
            both = [number, number]
            await eventually(lambda: [len(slack.acknowledged), len(clicks.told)] == both)  # noqa: B023 - awaited here
        # Who had waited longest; the others are when the server ends.
        await eventually(lambda: caplog.text.count("not told what became of their vote") == 2)

    assert len(clicks.taken) == 4
    assert "a click was not taken" not in caplog.text
