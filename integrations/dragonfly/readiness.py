"""Readiness: are all agents of a project alive and ready for its objective?

The rules:

1. A member counts when its last beat is recent and it claims the very objective asked for.
2. A project without members is not ready: after a loss of the server nobody has joined yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from dsl.core import RedisKeys
from integrations.dragonfly.client import answered
from integrations.dragonfly.lua import script


@dataclass(frozen=True, slots=True)
class ProjectReadiness:
    """Who is ready, and who is not for which reason; names are instances, sorted."""

    ready: int
    members: int
    unheard: tuple[str, ...]  # joined, never beat
    silent: tuple[str, ...]  # last beat too long ago
    behind: tuple[str, ...]  # alive, but not ready for this objective

    @property
    def is_ready(self) -> bool:
        """All members count (1), and there is at least one (2)."""
        return self.members > 0 and self.ready == self.members


class Readiness:
    """Asks one question of a whole project, answered at one instant."""

    def __init__(self, client: Redis) -> None:
        self._ready = script(client, "ready")

    async def of(self, project: str, max_age_ms: int, objective: str) -> ProjectReadiness:
        """Count the members whose last beat is at most ``max_age_ms`` old (1)."""
        async with answered():
            ready, members, unheard, silent, behind = await self._ready(
                keys=[
                    RedisKeys.project_agents(project),
                    RedisKeys.project_heartbeats(project),
                    RedisKeys.project_ready(project),
                ],
                args=[max_age_ms, objective],
            )
        return ProjectReadiness(
            ready=int(ready),
            members=int(members),
            unheard=tuple(sorted(unheard)),
            silent=tuple(sorted(silent)),
            behind=tuple(sorted(behind)),
        )
