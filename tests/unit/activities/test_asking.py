"""Who asks a run that is being caught up with gets its answer, and no excuse."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WorkflowQueryFailedError

from activities.runtime import asking
from activities.runtime.asking import ASK_AGAIN, ASKED_MAX, AskingAgain


class Server:
    """Fails as often as told, then answers."""

    def __init__(self, failures: int, why: str) -> None:
        self.asked = 0
        self._failures, self._why = failures, why

    async def query_workflow(self, _input: Any) -> str:
        self.asked += 1
        if self.asked <= self._failures:
            raise WorkflowQueryFailedError(self._why)
        return "an answer"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PAUSE_S", 0)


async def ask(server: Server) -> Any:
    question: Any = None
    next_one: Any = server
    return await AskingAgain().intercept_client(next_one).query_workflow(question)


@pytest.mark.parametrize("failures", [0, 1, ASKED_MAX - 1])
async def test_a_run_that_is_being_caught_up_with_is_asked_again(failures: int):
    server = Server(failures, ASK_AGAIN)

    assert await ask(server) == "an answer"
    assert server.asked == failures + 1


async def test_not_for_ever():
    server = Server(ASKED_MAX, ASK_AGAIN)

    with pytest.raises(WorkflowQueryFailedError, match="ask again"):
        await ask(server)
    assert server.asked == ASKED_MAX


async def test_what_else_has_failed_is_told_at_once():
    server = Server(1, "no such query")

    with pytest.raises(WorkflowQueryFailedError, match="no such query"):
        await ask(server)
    assert server.asked == 1
