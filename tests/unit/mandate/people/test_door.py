"""How a command of people ends where an argument is no text."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from temporalio.api.common.v1 import WorkflowExecution

from mandate import terminal
from mandate.people import door
from mandate.people.door import enter, temporal


def test_an_argument_that_is_no_text_is_one_sentence(capsys):
    async def asks() -> int:
        WorkflowExecution(workflow_id="run-\udcff")
        raise AssertionError("unreachable")

    assert enter("approve", asks()) == 2
    assert capsys.readouterr().err == "mandate approve: 'run-\\udcff' is no text in UTF-8\n"


async def test_a_server_that_is_frozen_is_not_waited_for_in_silence(monkeypatch):
    said: asyncio.Queue[str] = asyncio.Queue()
    monkeypatch.setattr(door, "SILENT_S", 0.0)
    monkeypatch.setattr(terminal, "note", said.put_nowait)
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # it takes who comes, and never answers
        address = f"127.0.0.1:{frozen.getsockname()[1]}"
        waiting = asyncio.create_task(temporal({"TEMPORAL_ADDRESS": address}))
        told = await said.get()
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting

    assert told == f"waiting for Temporal at {address}, which has not answered yet"
