"""``mandate promote`` and ``mandate reinstate`` as they are typed, against the running engine."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path

import pytest_asyncio

from dsl.core import Tier
from tests.fixtures.engine import Engine
from tests.fixtures.person import Somebody
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.trust.agents import Subject, long_gone, stranger, subject
from tests.fixtures.voting import signer
from tests.integration.stack.probes import eventually


class Room:
    """Where people sit: one terminal each."""

    def __init__(self, engine: Engine, people: People, folder: Path) -> None:
        self._env = {
            "TEMPORAL_ADDRESS": engine.settings.temporal,
            "VAULT_ADDR": engine.settings.vault_url,
        }
        self._people = people
        self._folder = folder

    def nobody(self) -> Somebody:
        """Return somebody who is not logged in."""
        return Somebody("nobody", "", self._folder / "nobody", self._env)

    async def person(self, name: str) -> Somebody:
        """Return somebody who is logged in."""
        made = Somebody(name, self._people.password(name), self._folder / name, self._env)
        await made.log_in()
        return made


@pytest_asyncio.fixture
async def room(engine: Engine, people: People, tmp_path: Path) -> Room:
    return Room(engine, people, tmp_path)


@pytest_asyncio.fixture
async def ready(engine: Engine, openbao: OpenBao, people: People) -> Subject:
    return await subject(engine, openbao, await signer(people, "ann"), runs=2)


async def until(made: Subject, action: str) -> None:
    """Wait until that stands on the ledger."""
    async with asyncio.timeout(60):
        while action not in made.actions():  # noqa: ASYNC110  # another process asks
            await asyncio.sleep(0.1)


async def test_what_is_not_met_is_printed_at_once_and_is_exit_code_1(room: Room, ready: Subject):
    agent = stranger()
    unknown = await room.nobody().mandate("promote", agent, "--to", "T2")
    told = await room.nobody().mandate("promote", agent, "--to", "T2", "--json")
    skipped = await room.nobody().mandate("promote", ready.agent, "--to", "4", "--json")
    nonsense = await room.nobody().mandate("promote", "a/../b", "--to", "T2")
    never = await room.nobody().mandate("reinstate", ready.agent, "--reason", "why not")

    assert (unknown.code, unknown.out) == (2, "")
    assert f"vault knows no agent '{agent}': nothing was changed; see: " in unknown.err
    assert told.code == 2
    assert json.loads(told.out)["unmet"] == [f"agent '{agent}' is not registered"]
    assert skipped.code == 1
    assert json.loads(skipped.out) == {
        "agent": ready.agent,
        "state": "refused",
        "type": "PromotionRefused",
        "unmet": ["one tier at a time: T3 next, and T4 was asked for"],
    }
    assert (nonsense.code, "expected the id of an agent" in nonsense.err) == (2, True)
    assert (never.code, "there is nothing to reinstate" in never.out) == (1, True)


async def test_what_waits_is_printed_with_the_lines_that_answer_it(room: Room, ready: Subject):
    said = await room.nobody().mandate("promote", ready.agent, "--to", "t3")
    [line] = [each for each in said.out.splitlines() if each.startswith("answer   ")]
    words = shlex.split(line)[2:]
    again = await room.nobody().mandate("promote", ready.agent, "--to", "t3", "--wait")
    told = await room.nobody().mandate("promote", ready.agent, "--to", "t3", "--json")

    async def is_listed() -> bool:  # a list of the server is behind
        return ready.promotion in (await room.nobody().mandate("gates")).out

    await eventually(is_listed)

    assert said.code == 0
    assert f"raise {ready.agent} from T2 to T3" in said.out
    assert words == ["approve", ready.promotion, "consent", "--reason", "..."]
    assert (again.code, again.out) == (1, said.out)
    assert "was under way already: nothing new was started" in again.err
    assert (told.code, json.loads(told.out)["gate"]["gate"]) == (1, "consent")

    unsaid = await (await room.person("ann")).mandate(*words)
    assert (unsaid.code, "requires a reason" in unsaid.err) == (2, True)
    words[-1] = "fifteen clean runs"
    votes = [await (await room.person(name)).mandate(*words) for name in ("ann", "bob")]
    assert [vote.code for vote in votes] == [0, 0]
    assert "input    to = 'T3'" in votes[0].err
    await ready.engine.client.get_workflow_handle(ready.promotion).result()
    assert ready.tier == "T3"


async def test_whoever_waits_sees_the_end(room: Room, ready: Subject):
    waiting = asyncio.create_task(
        room.nobody().mandate("promote", ready.agent, "--to", "T3", "--wait")
    )
    people = [await room.person(name) for name in ("ann", "bob")]
    await until(ready, "gate.opened")
    for each in people:
        vote = await each.mandate("approve", ready.promotion, "consent", "--reason", "seen")
        assert vote.code == 0, vote.err
    said = await waiting

    assert said.code == 0
    assert said.out.splitlines()[-1].startswith(f"promoted: {ready.agent} from T2 to T3, granted")


async def test_a_revoked_agent_comes_back_by_command(engine: Engine, openbao: OpenBao, room: Room):
    made = long_gone(engine, openbao, "typed")
    order = ("reinstate", made.agent, "--reason", "the key was replaced")
    waiting = asyncio.create_task(room.nobody().mandate(*order, "--wait"))
    await until(made, "gate.opened")
    for name in ("cyd", "bob"):
        person = await room.person(name)
        vote = await person.mandate("approve", made.reinstatement, "consent", "--reason", "seen")
        assert vote.code == 0, vote.err
    said = await waiting

    assert said.code == 0
    assert said.out.splitlines()[-1].startswith("  confirmed: dragonfly guard, ")
    assert f"answer   mandate approve {made.reinstatement} consent" in said.out
    assert (made.tier, made.entity["disabled"]) == (Tier.T0.name, False)
