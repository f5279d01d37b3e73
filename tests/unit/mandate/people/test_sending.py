"""What is told of a vote that was sent: refused is what the server says that it has refused."""

from __future__ import annotations

from typing import Any, cast

import pytest
from temporalio.service import RPCError, RPCStatusCode

from mandate.people.gates.sending import NoVerdictError, send
from mandate.people.gates.voting import Ready
from mandate.people.gates.wishes import APPROVE, Wish

REFUSED = ("NOT_FOUND", "INVALID_ARGUMENT", "FAILED_PRECONDITION")
LOST = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN", "ABORTED")


class Server:
    """One that answers every update with an error."""

    def __init__(self, status: str) -> None:
        self._error = RPCError("away", RPCStatusCode[status], b"")

    async def execute_update(self, *_words: object, **_more: object) -> Any:
        raise self._error


async def sent(status: str) -> tuple[bool, str]:
    ready = Ready(cast("Any", Server(status)), {}, "n")
    return await send(ready, Wish("r", "g", APPROVE))


@pytest.mark.parametrize("status", REFUSED)
async def test_what_the_server_refuses_has_not_counted(status: str):
    assert await sent(status) == (False, "refused: away")


@pytest.mark.parametrize("status", LOST)
async def test_what_was_lost_on_the_way_may_count_yet(status: str):
    with pytest.raises(NoVerdictError, match="may count yet"):
        await sent(status)
