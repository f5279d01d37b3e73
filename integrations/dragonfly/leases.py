"""Leases: locks that run out, with fencing tokens.

A lease stops nobody by itself: what it protects must check the fence, or live no longer than the
lease does. The rules:

1. An agent without a guard gets no lease, and a revoked one none, whoever asks.
2. A lease belongs to an owner (the run), its nonce to one attempt: the owner's next attempt
   takes the lease over under a higher fence, so that the one before is fenced out. An attempt
   that was begun earlier than the one that has the lease, or has claimed it, gets nothing.
3. The same attempt asking again gets the same answer: replies are lost, requests repeated.
4. Fences of an agent only rise, also across a failover that lost the counter.
5. The deadline is counted from before the request was sent, on this machine's own clock:
   what the server took is never counted as ours.
6. Whoever holds a lease is a member of its project; giving it back leaves the project, and
   members silent for ``KEEP_MS`` are swept out by whoever joins.
7. While a process lives by it, a lease is bound, and nobody takes it over. The owner's next
   attempt claims it: then it is renewed no more, which stops that process, and whoever has
   claimed it waits until it was unbound or has run out.
8. Who takes a lease may say for which step, in the same breath: a step that must not follow the
   owner's last one gets no lease, and one that may is what the state says from then on. A step that
   the owner has done before, under whichever id, may be done again, where its caller says that its
   outcome can be lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from redis.asyncio import Redis

from dsl.core import RedisKeys
from dsl.limits import LEASE_TTL_MS
from integrations.clock import boottime
from integrations.dragonfly.client import answered
from integrations.dragonfly.errors import LeaseLostError, OrderError
from integrations.dragonfly.guard_seed import GuardSeed
from integrations.dragonfly.lua import Answer, require_authority, script
from integrations.errors import ConflictError, RevokedError

# States and memberships are a copy for those who look; Temporal has the truth and the next
# write restores them. A day is the longest a default pipeline runs, and far longer than any
# reply stays lost (the copy also remembers the last operation).
KEEP_MS: Final = 24 * 3_600_000
CLAIM_AGAIN_S: Final = 0.1
CLAIM_GRACE_S: Final = 2.0  # beyond what the server said was left


@dataclass(frozen=True, slots=True)
class Lease:
    """Proof that ``owner`` held the lock of ``holder`` when ``fence`` was issued.

    Valid on the machine that acquired it: ``deadline`` is in seconds of ``integrations.clock``.
    """

    agent: str  # the identity whose guard rules
    holder: str  # the instance or the identity whose lock this is
    project: str
    owner: str
    nonce: str
    fence: int
    epoch: int
    ttl_ms: int
    deadline: float

    @property
    def left_s(self) -> float:
        """Seconds for which the lease can still be proved; negative once it cannot."""
        return self.deadline - boottime()


@dataclass(frozen=True, slots=True)
class Step:
    """What the owner does next with its lease (8).

    ``fields`` go into the state of the holder as ``States.write`` puts them there.
    """

    name: str
    op_id: str
    not_after: Collection[str] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    repeats: bool = False  # its outcome can be lost together with those of steps after it

    def arguments(self) -> list[str]:
        """Return it as the script takes it."""
        fields = [part for each in self.fields.items() for part in each]
        return [
            self.op_id,
            self.name,
            str(int(self.repeats)),
            f" {' '.join(self.not_after)} ",
            *fields,
        ]


class Leases:
    """Grants, renews and takes back leases."""

    def __init__(self, client: Redis) -> None:
        self._acquire = script(client, "acquire")
        self._beat = script(client, "beat")
        self._release = script(client, "release")
        self._unbind = script(client, "unbind")

    async def acquire(
        self,
        *,
        agent: str,
        holder: str,
        owner: str,
        nonce: str,
        begun_ms: int,
        authority: GuardSeed,
        project: str,
        ttl_ms: int = LEASE_TTL_MS,
        step: Step | None = None,
    ) -> Lease:
        """Take the lock of ``holder`` for ``owner``; the same attempt may ask again (3).

        Waits, for what is left of that lease at most, while a process of the owner's earlier
        attempt may live (7). ``begun_ms`` tells attempts of one owner apart by age (2).

        Raises:
            ColdError: the agent has no guard (1).
            RevokedError: the agent is revoked, or ``authority`` is out of date (1).
            ConflictError: another owner holds the lock.
            LeaseLostError: the owner has begun a later attempt (2).
            OrderError: ``step`` must not follow the owner's last one (8).
            UnavailableError: no answer; the lock may have been taken.
        """
        if authority.revoked:  # the guard may have lost it in a failover
            raise RevokedError(f"agent {agent!r} is revoked")
        keys = [
            RedisKeys.agent_guard(agent),
            RedisKeys.agent_lock(holder),
            RedisKeys.project_agents(project),
            RedisKeys.project_heartbeats(project),
            RedisKeys.project_ready(project),
        ]
        known = [authority.epoch, authority.fence]
        args = [owner, nonce, ttl_ms, *known, holder, KEEP_MS, begun_ms]
        if step is not None:
            keys.append(RedisKeys.agent_state(holder))
            args += step.arguments()
        asked, (code, fence, left_ms, by) = await self._ask(keys, args)
        if step is not None and code == Answer.ORDER:
            raise OrderError(step.name, str(by))
        require_authority(code, agent)
        if code == Answer.LOST:
            raise LeaseLostError(f"a later attempt of {owner!r} has the lease on {holder!r}")
        if code in (Answer.REFUSED, Answer.CLAIMED):
            raise ConflictError(f"{holder!r} is held by {by!r} for another {left_ms} ms")
        return Lease(
            agent=agent,
            holder=holder,
            project=project,
            owner=owner,
            nonce=nonce,
            fence=int(fence),
            epoch=authority.epoch,
            ttl_ms=ttl_ms,
            deadline=asked + ttl_ms / 1000,
        )

    async def _ask(self, keys: list[str], args: list[Any]) -> tuple[float, Any]:
        """Return what the server answers, and when it was asked; waits while it is claimed (7)."""
        patience: float | None = None
        while True:
            asked = boottime()  # (5) from before it was sent
            async with answered():
                answer = await self._acquire(keys=keys, args=args)
            code, _, left_ms, _ = answer
            if patience is None:
                patience = asked + left_ms / 1000 + CLAIM_GRACE_S
            if code != Answer.CLAIMED or asked > patience:
                return asked, answer
            await asyncio.sleep(min(CLAIM_AGAIN_S, max(0, left_ms) / 1000))

    async def beat(self, lease: Lease) -> Lease:
        """Renew the lease and give a sign of life; return it with its new deadline.

        Raises:
            LeaseLostError: it ran out, or the owner's next attempt has or claims it.
            ColdError, RevokedError: as for ``acquire``.
            UnavailableError: no answer; the lease may have been renewed.
        """
        return await self._renew(lease, bind=False)

    async def bind(self, lease: Lease) -> Lease:
        """Renew the lease, and keep everybody off it while a process lives by it (7).

        Raises:
            LeaseLostError, ColdError, RevokedError, UnavailableError: as for ``beat``.
        """
        return await self._renew(lease, bind=True)

    async def _renew(self, lease: Lease, *, bind: bool) -> Lease:
        asked = boottime()  # (5) from before it was sent
        async with answered():
            code, _ = await self._beat(
                keys=[
                    RedisKeys.agent_guard(lease.agent),
                    RedisKeys.agent_lock(lease.holder),
                    RedisKeys.agent_state(lease.holder),
                    RedisKeys.project_agents(lease.project),
                    RedisKeys.project_heartbeats(lease.project),
                    RedisKeys.project_ready(lease.project),
                    RedisKeys.BEATS,
                ],
                args=[lease.fence, lease.ttl_ms, lease.epoch, lease.holder, KEEP_MS, int(bind)],
            )
        require_authority(code, lease.agent)
        if code == Answer.REFUSED:
            raise LeaseLostError(f"{lease.holder!r} is no longer held under fence {lease.fence}")
        return replace(lease, deadline=asked + lease.ttl_ms / 1000)

    async def unbind(self, lease: Lease) -> bool:
        """Let the owner's next attempt have the lock: no process lives by it any more (7).

        Returns False when it was not bound, or no longer ours.
        """
        return await self.unbind_of(lease.holder, lease.fence)

    async def unbind_of(self, holder: str, fence: int) -> bool:
        """Do the same for one who has died with its worker."""
        async with answered():
            unbound = await self._unbind(
                keys=[RedisKeys.agent_lock(holder), RedisKeys.BEATS], args=[fence, holder]
            )
        return bool(unbound)

    async def release(self, lease: Lease) -> bool:
        """Give the lock back and leave the project (6); False when it was no longer ours."""
        async with answered():
            freed = await self._release(
                keys=[
                    RedisKeys.agent_lock(lease.holder),
                    RedisKeys.project_agents(lease.project),
                    RedisKeys.project_heartbeats(lease.project),
                    RedisKeys.project_ready(lease.project),
                    RedisKeys.BEATS,
                ],
                args=[lease.fence, lease.holder],
            )
        return bool(freed)
