"""Servers that stay up between calls: for one stage, unless their operator says for all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dsl.rules.tools.calls import call_of
from dsl.tools.folders import ToolFolders
from integrations.agents.processes.roster import Roster
from integrations.errors import DeniedError
from integrations.tools import warm as warm_servers
from integrations.tools.calling import make_call
from integrations.tools.serving import Surroundings
from integrations.tools.warm import WarmServers, Whom
from integrations.tools.wire import OutcomeUnknownError
from tests.fixtures.tools.shop import Shop

ANN = Whom("ann", "run/work", "1", 1)
FIRST, SECOND = "call 1 of this process", "call 2 of this process"


class Counter:
    """A server that counts the calls of its process, and whom it may be lent to."""

    def __init__(self, folder: Path, roster: Path) -> None:
        self.shop = Shop(folder / "tools", folder / "room")
        self._folders = ToolFolders([folder / "tools"])
        self.roster = Roster(roster)
        self.hurries: list[Callable[[], None]] = []
        self.warm = WarmServers(Surroundings(), roster=self.roster, watching=self._watching)

    @contextmanager
    def _watching(self, _agent: str, hurry: Callable[[], None]) -> Iterator[None]:
        hurry()  # as the watcher of a worker does
        self.hurries.append(hurry)
        yield
        self.hurries.remove(hurry)

    async def call(self, whom: Whom = ANN, **environment: str) -> str:
        known = self._folders.named(self.shop.name).files[self.shop.name].known()
        call = call_of(self.shop.name, "refund", {"amount": 1})
        lend = self.warm.to(whom)
        given: dict[str, Any] = {"environment": environment, "lend": lend}
        return (await make_call(call, known, Surroundings(), **given)).text

    async def until_left(self, *agents: str) -> None:
        """Wait until the processes that are left are those of ``agents``."""

        async def left() -> list[str]:
            return [each.agent for each in await asyncio.to_thread(self.roster.alive)]

        async with asyncio.timeout(60):
            while await left() != list(agents):  # noqa: ASYNC110 - processes tell nobody
                await asyncio.sleep(0.02)


@pytest.fixture
async def counter(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Counter]:
    for name in ("tools", "room"):
        (tmp_path / name).mkdir()
    made = Counter(tmp_path, tmp_path_factory.mktemp("roster"))
    await made.shop.open("counts")
    yield made
    await made.warm.close()
    assert made.roster.alive() == []
    assert made.hurries == []


async def test_a_stage_is_served_by_one_process_and_nobody_else_by_that(counter: Counter):
    assert [await counter.call(), await counter.call()] == [FIRST, SECOND]
    others = [
        ANN._replace(agent="bob"),
        ANN._replace(workflow="run/other"),
        ANN._replace(run="2"),
        ANN._replace(tier=2),
    ]
    assert [await counter.call(whom) for whom in others] == [FIRST] * 4
    assert await counter.call() == "call 3 of this process"
    assert {each.agent for each in counter.roster.alive()} == {"ann", "bob"}


async def test_two_calls_at_once_have_two_processes(counter: Counter):
    assert set(await asyncio.gather(counter.call(), counter.call())) == {FIRST}


async def test_what_was_handed_a_secret_serves_one_call(counter: Counter):
    assert [await counter.call(TOKEN="t-1"), await counter.call(TOKEN="t-1")] == [FIRST, FIRST]
    assert await counter.call() == FIRST


@pytest.mark.parametrize(("keep", "second"), [("call", FIRST), ("shared", SECOND)])
async def test_an_operator_may_say_for_one_call_or_for_all(counter: Counter, keep, second):
    counter.shop.declare("counts", keep=keep)
    told = [await counter.call(), await counter.call(ANN._replace(agent="bob", run="2"))]
    assert told == [FIRST, second]
    assert counter.roster.alive() == []  # a shared one is no agent's


async def test_another_declaration_is_another_process(counter: Counter):
    await counter.call()
    counter.shop.declare("counts", environment={"A": "b"})
    assert await counter.call() == FIRST


async def test_one_that_has_died_at_rest_was_asked_nothing(counter: Counter):
    counter.shop.declare("dies-at-rest")
    assert [await counter.call(), await counter.call()] == [FIRST, FIRST]
    assert len(counter.shop.paid) == 2


async def test_a_tool_that_turns_once_it_is_trusted_is_not_called_again(counter: Counter):
    counter.shop.declare("turns")
    await counter.call()
    with pytest.raises(DeniedError, match="the tool is changed"):
        await counter.call()
    assert len(counter.shop.paid) == 1
    await counter.until_left()


@pytest.mark.parametrize("mode", ["lost", "slow"])
async def test_one_of_which_nobody_knows_what_it_does_is_ended(counter: Counter, mode):
    counter.shop.declare(mode, timeout="1s")
    with pytest.raises(OutcomeUnknownError):
        await counter.call()
    assert counter.roster.alive() == []


async def test_an_agent_that_may_be_revoked_keeps_none(counter: Counter):
    await counter.call()
    assert [each.agent for each in counter.roster.alive()] == ["ann"]
    counter.hurries[0]()
    await counter.until_left()
    assert await counter.call() == FIRST


async def test_a_call_that_is_cancelled_leaves_none(counter: Counter):
    counter.shop.declare("slow")
    calling = asyncio.ensure_future(counter.call())
    async with asyncio.timeout(60):
        while not counter.shop.paid:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert counter.roster.alive() == []


async def test_rest_has_an_end_and_so_has_their_number(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(warm_servers, "RESTING_MAX", 1)
    await counter.call()
    await counter.call(ANN._replace(agent="bob"))  # the last one to rest stays
    await counter.until_left("bob")
    monkeypatch.setattr(warm_servers, "REST_S", 0.1)
    await counter.call(ANN._replace(agent="bob"))
    await counter.until_left()


async def test_no_word_of_a_call_is_left_to_the_next(counter: Counter):
    """What it says beyond its answer is read by nobody, and costs the process at most."""
    counter.shop.declare("chatters")
    assert [json.loads(await counter.call())["amount"] for _ in range(2)] == [1, 1]
