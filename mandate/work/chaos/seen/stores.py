"""Ledger, Vault, Dragonfly and artefacts, looked at for a judge: read, and nothing else.

1. Vault is asked by the identities that may look: the sweeper for tokens, the ledger's for people,
   the registrar for agents. No secret is read, and no token is seen.
2. Of Dragonfly everything of ours is read, at most ``KEYS_MAX`` keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from redis.asyncio import Redis

from activities.contracts.specs import QUEUE_LEDGER, QUEUE_TRUST
from dsl.core import RedisKeys
from dsl.rules.chaos.evidence import AgentEntity, CacheValue, CheckedProof, LiveToken, Person
from dsl.rules.proofs.proof import ProofError, decode
from dsl.rules.reconciliation.recorded import Recorded
from integrations.artifacts.store import Artifacts
from integrations.dragonfly.client import answered, connect
from integrations.errors import IntegrationError, NotFoundError, UnavailableError
from integrations.ledger.lookup import recorded
from integrations.ledger.verify import SEGMENT, tail
from integrations.settings import Settings
from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.credentials.sweeper import Sweeper
from integrations.vault.identity.registry import Registry
from integrations.vault.login.approle import Login
from integrations.vault.signing.voters import Voters

KEYS_MAX: Final = 50_000
TOKENS_MAX: Final = 5_000
_OURS: Final = ("agent:*", "project:*", "governance:*")
_LOCKS: Final = RedisKeys.agent_lock("*")


class Stores:
    """The stores of one stack, open for one look."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._vault = Vault(settings.vault_url)
        self._dragonfly = connect(settings.dragonfly_url, settings.dragonfly_password_file)
        roles = settings.vault_roles
        self._logins = {
            name: Login(self._vault, roles, name)
            for name in (naming.SWEEPER, QUEUE_LEDGER, QUEUE_TRUST)
        }

    async def __aenter__(self) -> Self:
        """Nothing is opened before it is needed."""
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Log out and close."""
        for login in self._logins.values():
            await login.aclose()
        await self._dragonfly.aclose()
        self._vault.close()

    def entries(self) -> tuple[Recorded, ...]:
        """Return the whole ledger, in order; blocks on the disk."""
        found: list[Recorded] = []
        after = -1
        while some := tail(self._settings.ledger, SEGMENT, after=after):
            found += map(recorded, some)
            after = some[-1].seq
        return tuple(found)

    async def tokens(self) -> tuple[LiveToken, ...]:
        """Return the agents' tokens that are alive (1)."""
        tokens, unseen = await Sweeper(self._vault, self._logins[naming.SWEEPER]).tokens(TOKENS_MAX)
        if unseen:
            raise UnavailableError(f"vault holds {unseen} tokens more than are looked at")
        return tuple(
            LiveToken(each.accessor, each.entity_id, dict(each.meta), each.age_s, asks=each.asks)
            for each in tokens
        )

    async def entities(self, agents: Iterable[str]) -> tuple[AgentEntity, ...]:
        """Return the agents as Vault knows them; none for who was never made known (1)."""
        registry, found = Registry(self._vault, self._logins[QUEUE_TRUST]), []
        for agent in agents:
            with suppress(NotFoundError):
                known = await registry.read(agent)
                found.append(AgentEntity(agent, known.entity_id, is_disabled=known.disabled))
        return tuple(found)

    async def proofs(self, words: Iterable[str]) -> tuple[CheckedProof, ...]:
        """Ask Vault about the signature of every proof (1)."""
        voters, found = Voters(self._vault, self._logins[QUEUE_LEDGER]), []
        for word in sorted(words):
            try:
                proof = decode(word)
            except ProofError:
                found.append(CheckedProof(word, is_signed=False))
                continue
            good = await voters.verify(proof.entity, proof.message(), proof.signature)
            found.append(CheckedProof(word, is_signed=good))
        return tuple(found)

    async def people(self, proofs: Iterable[str], groups: Iterable[str]) -> tuple[Person, ...]:
        """Return who has signed ``proofs``, as Vault knows them, with those of ``groups`` (1)."""
        voters, asked = Voters(self._vault, self._logins[QUEUE_LEDGER]), sorted(set(groups))
        entities = sorted({decode(each).entity for each in proofs})
        found = [await voters.read(entity, asked) for entity in entities]
        return tuple(
            Person(each.entity, each.name, each.groups) for each in found if each is not None
        )

    async def cache(self) -> dict[str, CacheValue]:
        """Return what Dragonfly holds of ours (2)."""
        found: dict[str, CacheValue] = {}
        async with answered():
            for pattern in _OURS:
                async for key in self._dragonfly.scan_iter(match=pattern, count=1_000):
                    if len(found) >= KEYS_MAX:
                        raise UnavailableError(f"dragonfly holds more than {KEYS_MAX} keys of ours")
                    value = await _value(self._dragonfly, key)
                    if value is not None:
                        left_ms = await self._dragonfly.pttl(key)
                        found[key] = CacheValue(value, int(left_ms))
        return found

    async def leases_held(self, workflows: Iterable[str]) -> bool:
        """Tell whether a run of one of these workflows holds a lease."""
        ours = set(workflows)
        async with answered():
            async for key in self._dragonfly.scan_iter(match=_LOCKS, count=1_000):
                owner = await self._dragonfly.hget(key, "owner")
                if str(owner).rpartition("/")[0] in ours:
                    return True
        return False

    def artifacts(self, digests: Iterable[str]) -> dict[str, bool]:
        """Tell of every output whether it is there, and whole; blocks on the disk."""
        store = Artifacts(self._settings.artifacts)
        return {digest: _is_whole(store, digest) for digest in digests}


async def _value(client: Redis, key: str) -> Any:
    """Return what stands under ``key``; None when it is gone, or is a stream."""
    match await client.type(key):
        case "hash":
            return dict(await client.hgetall(key))
        case "zset":
            scored: Any = await client.zrange(key, 0, -1, withscores=True)
            return {name: int(at) for name, at in scored}
        case "set":
            return sorted(await client.smembers(key))
        case "string":
            return await client.get(key)
        case _:
            return None


def _is_whole(store: Artifacts, digest: str) -> bool:
    try:
        store.get(digest)
    except IntegrationError:
        return False
    return True
