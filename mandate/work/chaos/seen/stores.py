"""Ledger, Vault, Dragonfly and artefacts, looked at for a judge: read, and nothing else.

1. Vault is asked by the identities that may look: the sweeper for tokens, the ledger's for people,
   the registrar for agents. No secret is read, and no token is seen.
2. Of Dragonfly everything of ours is read, at most ``KEYS_MAX`` keys, some at a time. All of it
   may take ``LOOK_S``, as much as a busy machine needs: whoever looks here holds up nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from activities.contracts.specs import QUEUE_LEDGER, QUEUE_TRUST
from dsl.core import RedisKeys
from dsl.rules.chaos.evidence import AgentEntity, CacheValue, CheckedProof, LiveToken, Person
from dsl.rules.proofs.proof import VOUCHED, ProofError, decode
from dsl.rules.reconciliation.recorded import Recorded
from integrations.artifacts.store import Artifacts
from integrations.doors.key import door_key_of
from integrations.dragonfly.client import answered, connect
from integrations.errors import IntegrationError, NotFoundError, UnavailableError
from integrations.ledger.lookup import entries_after, recorded
from integrations.settings import Settings
from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.credentials.sweeper import Sweeper
from integrations.vault.identity.registry import Registry
from integrations.vault.login.approle import Login
from integrations.vault.signing.voters import Voters

KEYS_MAX: Final = 50_000
TOKENS_MAX: Final = 5_000
LOOK_S: Final = 30.0
AT_ONCE: Final = 500  # keys
_READ: Final[dict[str, Callable[[Any, str], Any]]] = {
    "hash": lambda asked, key: asked.hgetall(key),
    "zset": lambda asked, key: asked.zrange(key, 0, -1, withscores=True),
    "set": lambda asked, key: asked.smembers(key),
    "string": lambda asked, key: asked.get(key),
}
_OURS: Final = ("agent:*", "project:*", "governance:*")
_LOCKS: Final = RedisKeys.agent_lock("*")


class Stores:
    """The stores of one stack, open for one look."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._vault = Vault.of(settings)
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
        return tuple(map(recorded, entries_after(self._settings.ledger, -1)))

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
        """Ask Vault about the signature of every proof (1); of a door's word its key is asked."""
        voters, found = Voters(self._vault, self._logins[QUEUE_LEDGER]), []
        door = door_key_of(self._settings.door_key_file)
        for word in sorted(words):
            try:
                proof = decode(word)
            except ProofError:
                found.append(CheckedProof(word, is_signed=False))
                continue
            if proof.purpose == VOUCHED:
                good = door is not None and door.is_signed(proof.message(), proof.signature)
            else:
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
        async with answered(LOOK_S):
            keys = await self._keys()
            for first in range(0, len(keys), AT_ONCE):
                found.update(await self._values(keys[first : first + AT_ONCE]))
        return found

    async def _keys(self) -> list[str]:
        keys: set[str] = set()
        for pattern in _OURS:
            async for key in self._dragonfly.scan_iter(match=pattern, count=1_000):
                keys.add(str(key))
                if len(keys) > KEYS_MAX:
                    raise UnavailableError(f"dragonfly holds more than {KEYS_MAX} keys of ours")
        return sorted(keys)

    async def _values(self, keys: Sequence[str]) -> dict[str, CacheValue]:
        """Return what stands under ``keys``, but for what is gone by now, or is a stream."""
        asked: Any = self._dragonfly.pipeline(transaction=False)
        for key in keys:
            asked.type(key)
        kinds = await asked.execute()
        read = [(key, kind) for key, kind in zip(keys, kinds, strict=True) if kind in _READ]
        for key, kind in read:
            _READ[kind](asked, key)
            asked.pttl(key)
        told = await asked.execute()
        values = zip(read, told[::2], told[1::2], strict=True)
        return {
            key: CacheValue(_plain(kind, value), int(left_ms))
            for (key, kind), value, left_ms in values
            if value not in (None, [], {}, set())
        }

    async def leases_held(self, workflows: Iterable[str]) -> bool:
        """Tell whether a run of one of these workflows holds a lease."""
        ours = set(workflows)
        async with answered(LOOK_S):
            async for key in self._dragonfly.scan_iter(match=_LOCKS, count=1_000):
                owner = await self._dragonfly.hget(key, "owner")
                if str(owner).rpartition("/")[0] in ours:
                    return True
        return False

    def artifacts(self, digests: Iterable[str]) -> dict[str, bool]:
        """Tell of every output whether it is there, and whole; blocks on the disk."""
        store = Artifacts(self._settings.artifacts)
        return {digest: _is_whole(store, digest) for digest in digests}


def _plain(kind: str, value: Any) -> Any:
    """Return what Dragonfly has told of a key as plain data."""
    if kind == "zset":
        return {name: int(at) for name, at in value}
    return sorted(value) if kind == "set" else value


def _is_whole(store: Artifacts, digest: str) -> bool:
    try:
        store.get(digest)
    except IntegrationError:
        return False
    return True
