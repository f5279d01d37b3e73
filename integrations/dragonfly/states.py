"""The cached state of an agent instance: what others see of it.

Temporal's history is the truth; this copy may be lost at any moment. The rules:

1. Only the holder of the lease writes, under its fence: an attempt that was taken over
   writes nothing any more.
2. The last operation sent again changes nothing and answers the version it made.
3. A writer may name the version it has read; another version is a conflict.
4. Fields are merged; a state lives ``KEEP_MS`` beyond its last write or beat, so that
   finished runs do not pile up.
5. A write may claim readiness for a version of the project's objective in the same step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from redis.asyncio import Redis

from dsl.core import RedisKeys
from integrations.dragonfly.client import answered
from integrations.dragonfly.errors import LeaseLostError
from integrations.dragonfly.leases import KEEP_MS, Lease
from integrations.dragonfly.lua import Answer, require_authority, script
from integrations.errors import ConflictError

FIELDS_MAX: Final = 100
_RESERVED: Final = frozenset({"ver", "op", "fence"})


class States:
    """Writes and reads states; ``holder`` is the name whose lock the lease is on."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._cas = script(client, "cas")

    async def write(
        self,
        lease: Lease,
        *,
        op_id: str,
        fields: Mapping[str, str],
        ready: str = "",
        expected: int | None = None,
    ) -> int:
        """Merge ``fields`` into the state and return its version (2).

        Args:
            lease: writes of one lease go one after the other, else (2) cannot hold.
            op_id: names this write; the same for every try of it.
            fields: what to set; other fields stay.
            ready: version of the objective this instance is ready for, "" for no change (5).
            expected: version the state must have, None for any (3).

        Raises:
            ColdError, RevokedError: as for a lease.
            LeaseLostError: the lease is gone (1).
            ConflictError: the state has another version (3).
        """
        _check(op_id, fields)
        async with answered():
            code, version = await self._cas(
                keys=[
                    RedisKeys.agent_guard(lease.agent),
                    RedisKeys.agent_lock(lease.holder),
                    RedisKeys.agent_state(lease.holder),
                    RedisKeys.project_ready(lease.project),
                ],
                args=[
                    lease.fence,
                    lease.epoch,
                    "*" if expected is None else expected,
                    op_id,
                    lease.holder,
                    ready,
                    KEEP_MS,
                    *(part for field in fields.items() for part in field),
                ],
            )
        require_authority(code, lease.agent)
        if code == Answer.LOST:
            raise LeaseLostError(f"{lease.holder!r} is no longer held under fence {lease.fence}")
        if code == Answer.REFUSED:
            raise ConflictError(
                f"state of {lease.holder!r} is at version {version}, expected {expected}"
            )
        return int(version)

    async def read(self, holder: str) -> dict[str, str]:
        """Return all fields, ``ver``, ``op`` and ``fence`` among them; empty when unknown."""
        async with answered():
            fields = await self._client.hgetall(RedisKeys.agent_state(holder))
        return {str(name): str(value) for name, value in fields.items()}


def _check(op_id: str, fields: Mapping[str, str]) -> None:
    if not op_id:
        raise ValueError("op_id is empty: a write must have a name to be repeatable")
    if taken := _RESERVED & fields.keys():
        raise ValueError(f"fields {sorted(taken)} are the store's own; choose other names")
    if len(fields) > FIELDS_MAX:
        raise ValueError(f"{len(fields)} fields in one write, at most {FIELDS_MAX}")
