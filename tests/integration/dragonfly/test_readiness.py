"""When is a project ready? On a real Valkey."""

from __future__ import annotations

from redis.asyncio import Redis

from dsl.core import RedisKeys
from integrations.dragonfly.leases import Lease, Leases
from integrations.dragonfly.readiness import Readiness
from integrations.dragonfly.states import States
from tests.fixtures.dragonfly.holders import new_name, seeded, take

AGE_MS = 5_000


async def _claim(client: Redis, project: str, objective: str) -> Lease:
    lease = await take(client, await seeded(client), project=project)
    await States(client).write(lease, op_id="1", fields={}, ready=objective)
    return lease


async def test_a_project_is_ready_when_every_member_is_ready_for_this_objective(
    dragonfly: Redis,
) -> None:
    project = new_name("project")
    await _claim(dragonfly, project, "v2")
    await _claim(dragonfly, project, "v2")

    answer = await Readiness(dragonfly).of(project, AGE_MS, "v2")

    assert answer.is_ready
    assert (answer.ready, answer.members) == (2, 2)


async def test_a_project_without_members_is_not_ready(dragonfly: Redis) -> None:
    assert not (await Readiness(dragonfly).of(new_name("project"), AGE_MS, "v1")).is_ready


async def test_readiness_for_another_objective_does_not_count(dragonfly: Redis) -> None:
    project = new_name("project")
    await _claim(dragonfly, project, "v2")
    late = await _claim(dragonfly, project, "v1")

    answer = await Readiness(dragonfly).of(project, AGE_MS, "v2")

    assert not answer.is_ready
    assert answer.behind == (late.holder,)


async def test_a_member_gone_silent_does_not_count_until_it_beats_again(dragonfly: Redis) -> None:
    project = new_name("project")
    lease = await _claim(dragonfly, project, "v1")
    beats = RedisKeys.project_heartbeats(project)
    await dragonfly.zincrby(beats, -AGE_MS - 1_000, lease.holder)  # its last one was long ago

    assert (await Readiness(dragonfly).of(project, AGE_MS, "v1")).silent == (lease.holder,)

    await Leases(dragonfly).beat(lease)
    assert (await Readiness(dragonfly).of(project, AGE_MS, "v1")).is_ready


async def test_a_member_that_left_is_not_waited_for(dragonfly: Redis) -> None:
    project = new_name("project")
    await _claim(dragonfly, project, "v2")
    leaver = await _claim(dragonfly, project, "v1")

    await Leases(dragonfly).release(leaver)

    assert (await Readiness(dragonfly).of(project, AGE_MS, "v2")).is_ready
