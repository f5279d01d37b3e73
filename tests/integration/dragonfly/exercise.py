"""Drive every script to every answer it can give.

Run as a program it does so on a simulated server of the kind fakeredis has, whose Lua version
the environment chooses; that checks the portability of the scripts, not the server.
"""

from __future__ import annotations

import asyncio
import sys

from redis.asyncio import Redis

from dsl.core import ErrorBudget
from integrations.dragonfly.budgets import Budgets
from integrations.dragonfly.errors import LeaseLostError
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.dragonfly.guards import AgentGuards
from integrations.dragonfly.leases import Lease, Leases
from integrations.dragonfly.readiness import Readiness
from integrations.dragonfly.revocations import Revocations
from integrations.dragonfly.states import FIELDS_MAX, States
from integrations.errors import ColdError, ConflictError, RevokedError
from tests.integration.dragonfly.holders import claimed, new_name, seeded, take

BUDGET = ErrorBudget(errors=1, window_ms=60_000)


async def every_answer(client: Redis) -> None:
    """Fail on the first answer that is not the expected one."""
    await _cold(client)
    lease = await _leases(client)
    await _states(client, lease)
    await _readiness(client, lease)
    await _budgets(client, lease.agent)
    await _revocations(client, lease)


async def _cold(client: Redis) -> None:
    stranger, known = new_name("agent"), await seeded(client)
    await _expect(ColdError, take(client, stranger))
    lease = await take(client, known)
    await client.delete(f"agent:{known}:guard")
    await _expect(ColdError, Leases(client).beat(lease))
    await _expect(ColdError, States(client).write(lease, op_id="1", fields={}))
    await _expect(ColdError, Revocations(client).lift(known, 1, "too early"))


async def _leases(client: Redis) -> Lease:
    agent = await seeded(client)
    first = await take(client, agent)
    assert (await take(client, agent)).fence == first.fence
    second = await take(client, agent, nonce="attempt-2")
    assert second.fence > first.fence
    await _expect(ConflictError, take(client, agent, owner="run-2"))
    await _expect(LeaseLostError, Leases(client).beat(first))
    assert not await Leases(client).release(first)
    assert await Leases(client).release(second)
    assert not await Leases(client).release(second)
    bound = await Leases(client).bind(await take(client, agent, nonce="attempt-3"))
    claiming = asyncio.create_task(take(client, agent, nonce="attempt-4", begun_ms=4))
    await claimed(client, agent)
    await _expect(LeaseLostError, Leases(client).beat(bound))
    await _expect(LeaseLostError, take(client, agent, nonce="attempt-3"))
    assert await Leases(client).unbind(bound)
    assert not await Leases(client).unbind(bound)
    assert (await claiming).fence > bound.fence
    assert not await Leases(client).unbind(bound)
    assert await Leases(client).release(await claiming)
    dead = new_name("dead")
    await client.sadd(f"project:project-of-{agent}:agents", dead)
    await client.zadd(f"project:project-of-{agent}:heartbeats", {dead: 1})
    lease = await Leases(client).beat(await take(client, agent, nonce="attempt-5"))
    assert await client.smembers(f"project:project-of-{agent}:agents") == {agent}
    return lease


async def _states(client: Redis, lease: Lease) -> None:
    states = States(client)
    many = {f"field-{number}": str(number) for number in range(FIELDS_MAX)}
    assert await states.write(lease, op_id="1", fields=many) == 1
    assert await states.write(lease, op_id="1", fields=many) == 1
    assert await states.write(lease, op_id="2", fields={"a": "b"}, ready="v1", expected=1) == 2
    await _expect(ConflictError, states.write(lease, op_id="3", fields={}, expected=1))
    assert (await states.read(lease.holder))["fence"] == str(lease.fence)
    orphan = await take(client, await seeded(client))
    await Leases(client).release(orphan)
    await _expect(LeaseLostError, states.write(orphan, op_id="1", fields={}))


async def _readiness(client: Redis, lease: Lease) -> None:
    project = lease.project
    await client.sadd(f"project:{project}:agents", "unheard", "silent")
    await client.zadd(f"project:{project}:heartbeats", {"silent": 1})
    await take(client, await seeded(client), holder="behind", project=project)
    # "behind" joined last and swept "silent" out, so put it back.
    await client.sadd(f"project:{project}:agents", "silent")
    await client.zadd(f"project:{project}:heartbeats", {"silent": 1})
    answer = await Readiness(client).of(project, 5_000, "v1")
    assert (answer.ready, answer.members) == (1, 4)
    assert (answer.unheard, answer.silent, answer.behind) == (
        ("unheard",),
        ("silent",),
        ("behind",),
    )


async def _budgets(client: Redis, agent: str) -> None:
    budgets = Budgets(client)
    assert not (await budgets.spend(agent, "e1", BUDGET)).is_spent
    assert (await budgets.spend(agent, "e2", BUDGET)).is_first
    assert (await budgets.spend(agent, "e2", BUDGET)).is_first
    assert not (await budgets.spend(agent, "e3", BUDGET)).is_first
    assert (await budgets.read(agent, BUDGET)).errors == 3
    assert not (await budgets.read(new_name("agent"), BUDGET)).is_spent


async def _revocations(client: Redis, lease: Lease) -> None:
    revocations = Revocations(client)
    assert await revocations.revoke(lease.agent, 5, "because")
    assert not await revocations.revoke(lease.agent, 5, "because")
    assert not await revocations.revoke(lease.agent, 4, "late")
    await _expect(RevokedError, take(client, lease.agent))
    await _expect(RevokedError, Leases(client).beat(lease))
    await _expect(RevokedError, States(client).write(lease, op_id="9", fields={}))
    assert not await revocations.lift(lease.agent, 5, "a tie")
    assert await revocations.lift(lease.agent, 6, "forgiven")
    await AgentGuards(client).seed(lease.agent, GuardSeed(0, 6, revoked=True))
    assert await AgentGuards(client).read(lease.agent) == GuardSeed(lease.fence, 6, revoked=True)


async def _expect(error: type[Exception], call: object) -> None:
    try:
        await call  # type: ignore[misc]  # any coroutine will do
    except error:
        return
    raise AssertionError(f"expected {error.__name__}")


async def _simulated() -> None:
    from fakeredis import FakeAsyncRedis  # noqa: PLC0415 - reads the Lua version as it loads

    client = FakeAsyncRedis(server_type="dragonfly", decode_responses=True)
    print(await client.eval("return _VERSION", 0))
    await every_answer(client)
    await client.aclose()


if __name__ == "__main__":
    asyncio.run(_simulated())
    sys.stdout.flush()
