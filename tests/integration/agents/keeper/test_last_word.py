"""A keeper's last word is heard, also where the worker spoke to it when it had ended already."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from asyncio.subprocess import PIPE

import pytest

from integrations.agents.keeper.process import Process
from integrations.dragonfly.errors import LeaseLostError

LAST = {"exit": 0, "left": 0, "lingering": False, "expired": False, "quota": None}


async def ended_keeper(**said: object) -> Process:
    """Return the worker's end of a keeper that has said its last word, and is gone."""
    ours, theirs = socket.socketpair()
    directory, sender = socket.socketpair()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    reader, writer = await asyncio.open_connection(sock=ours)
    voice = ours.dup()
    voice.settimeout(0)
    theirs.send(json.dumps({**LAST, **said}).encode() + b"\n")
    theirs.close()
    sender.close()
    return Process(process, reader, writer, voice, directory)


@pytest.mark.parametrize("times", [0, 1, 3])
async def test_it_is_heard_whatever_it_was_told_after_it(times: int):
    keeper = await ended_keeper(exit=3)
    for _ in range(times):
        keeper._tell({"deadline": 1.0})

    await keeper.exited()

    assert keeper.exit_code == 3
    await keeper.end()
    keeper.close()


async def test_an_end_by_its_deadline_is_told_as_that():
    keeper = await ended_keeper(expired=True)
    keeper._tell({"deadline": 1.0})

    with pytest.raises(LeaseLostError):
        await keeper.exited()
    await keeper.end()
    keeper.close()
