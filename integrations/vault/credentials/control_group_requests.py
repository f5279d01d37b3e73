"""Requests that wait in Vault for a person's authorisation, ahead of the phase that needs them.

When a gate opens, every secret that a T3 stage behind it declares is read with a token made for
that. Vault holds the read back and answers with a wrapping token, which redeems it once a person
has authorised it. Rules:

1. A wrapping token opens what was authorised to whoever holds it: it is kept in a mount that one
   queue alone may read, and neither printed nor returned. What is returned names requests.
2. One filing per run and stage. A new one takes the earlier back first. Of two at once one fails,
   and ends what it had made: each writes only over the version it has seen, in both its writes.
3. The request token is on record before it is used, so a filing that breaks off can be taken back.
4. A read that is not held back is filed nowhere, and what it returned is dropped.
5. Everything here ends with the request token, at the latest after ``REQUEST_LIFE_MAX_S``. To be
   revoked early, it is enough to withdraw; doing it twice, or after half of it, is harmless.
6. Redeeming makes the read again each time, until the filing is taken back: a repeated attempt
   finds what the first one found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import hvac
from hvac import exceptions as theirs

from dsl.limits import SECRETS_MAX
from integrations.errors import ConflictError, DeniedError, NotFoundError
from integrations.vault import naming
from integrations.vault.client import Identity, Vault, data_of
from integrations.vault.credentials import control_group_tokens
from integrations.vault.credentials.credential import field_of
from integrations.vault.credentials.ending import revoke
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.identity.registry import REQUEST_LIFE_MAX_S


@dataclass(frozen=True, slots=True)
class Filed:
    """One request that waits; the accessor names it to people and opens nothing."""

    place: str  # mount/path
    accessor: str


@dataclass(frozen=True, slots=True)
class Filing:
    """What was filed; ``enforced``: Vault held at least one read back."""

    enforced: bool
    requests: tuple[Filed, ...]


class ControlGroupRequests:
    """Files, redeems and takes back; only the identity of queue ``mandate-t3`` may."""

    def __init__(self, vault: Vault, login: Identity) -> None:
        self._vault = vault
        self._login = login

    async def file(  # noqa: PLR0917  # each is a part of what is asked
        self,
        run: str,
        stage: str,
        agent: str,
        entity_id: str,
        refs: Iterable[SecretRef],
        ttl_s: int,
        *,
        workflow: str = "",
    ) -> Filing:
        """Ask Vault for every secret in ``refs`` in the name of the agent (2) (3) (4).

        Args:
            run: id of the pipeline's run.
            stage: path of the stage that will read.
            agent: its id.
            entity_id: whom the agent was registered as; another one is refused.
            refs: what the stage declares, at most ``SECRETS_MAX``.
            ttl_s: seconds until the requests end by themselves; capped (5).
            workflow: id of the run's workflow, kept with the token: whoever finds it later can
                ask whether that run is over.

        Raises:
            DeniedError: Vault refuses, or minted something else.
            ConflictError: somebody files for the same stage, or takes back, right now.
            UnavailableError: Vault does not answer; what was filed can be withdrawn.
        """
        places = sorted({(ref.mount, ref.path) for ref in refs})
        if len(places) > SECRETS_MAX:
            raise ValueError(f"expected at most {SECRETS_MAX} secrets, got {len(places)}")
        entity, path = naming.entity_name(agent), _path(run, stage)
        life_s = min(max(ttl_s, 1), REQUEST_LIFE_MAX_S)
        meta = {"run": run, "stage": stage, **({"workflow": workflow} if workflow else {})}

        def ask(client: hvac.Client) -> Filing:
            version = _end(client, path)[1]  # (2) the earlier one is taken back first
            token = control_group_tokens.mint(client, entity, entity_id, ttl_s=life_s, meta=meta)
            try:
                return self._filed(client, path, version, token, places)
            except BaseException:
                with suppress(theirs.VaultError):  # the first failure says more
                    revoke(client, token.accessor)
                raise

        # One call in a thread: a caller who is cancelled meanwhile leaves no half of it behind.
        return await self._vault.run_as(self._login, ask)

    async def read_secret(self, run: str, stage: str, ref: SecretRef) -> str | None:
        """Redeem the request for the place of ``ref``; None when none was filed for it (6).

        Raises:
            DeniedError: it waits for an approval, or has ended.
            NotFoundError: there is no such secret, or it has no such field.
            UnavailableError: Vault does not answer.
        """
        path = _path(run, stage)
        held, _ = await self._vault.run_as(self._login, lambda client: _record(client, path))
        waiting = _waiting(held).get(f"{ref.mount}/{ref.path}")
        if waiting is None:
            return None
        redeemer = self._vault.client(waiting["token"])  # (1) kept where one queue may read
        try:
            reply = await self._vault.run(redeemer.adapter.post, "/v1/sys/wrapping/unwrap")
        except NotFoundError:
            reply = None
        except DeniedError:
            raise await self._refusal(ref, waiting["accessor"]) from None
        if not isinstance(reply, dict):  # there was nothing to read, which Vault tells only now
            raise NotFoundError(f"there is no secret {ref.mount}/{ref.path}")
        return field_of(reply, ref)

    async def authorised(self, run: str, stage: str) -> bool:
        """Tell whether every request of the filing is authorised; True where none was filed.

        Raises:
            DeniedError: one of them has ended.
            UnavailableError: Vault does not answer.
        """
        path = _path(run, stage)

        def ask(client: hvac.Client) -> bool:
            waiting = _waiting(_record(client, path)[0]).values()
            return all(_is_approved(client, each["accessor"]) for each in waiting)

        return await self._vault.run_as(self._login, ask)

    async def withdraw(self, run: str, stage: str) -> int:
        """Take back what was filed for the stage; return how many requests (5).

        Raises:
            DeniedError: we may not.
            UnavailableError: Vault does not answer; the rest is taken back next time.
        """
        path = _path(run, stage)
        return await self._vault.run_as(self._login, lambda client: _take_back(client, path))

    def _filed(
        self,
        client: hvac.Client,
        path: str,
        version: int,
        token: control_group_tokens.RequestToken,
        places: list[tuple[str, str]],
    ) -> Filing:
        """Make the reads and keep what Vault answered."""
        # (3) on record before it is used
        _keep(client, path, {"token": token.accessor, "requests": {}}, over=version)
        reader = self._vault.client(token.token)
        waiting: dict[str, control_group_tokens.RequestToken] = {}
        for mount, secret in places:
            answer = control_group_tokens.held_back(reader, mount, secret)
            if answer is not None:  # (4) not held back: dropped
                waiting[f"{mount}/{secret}"] = answer
        kept = {
            place: {"token": each.token, "accessor": each.accessor}
            for place, each in waiting.items()
        }
        # (2) only over what it has seen
        _keep(client, path, {"token": token.accessor, "requests": kept}, over=version + 1)
        if not waiting:
            _take_back(client, path)
        filed = tuple(Filed(place, each.accessor) for place, each in waiting.items())
        return Filing(enforced=bool(filed), requests=filed)

    async def _refusal(self, ref: SecretRef, accessor: str) -> DeniedError:
        """Tell a request that waits from one that has ended: Vault's words are the same."""
        try:
            approved = await self._vault.run_as(
                self._login, lambda client: _is_approved(client, accessor)
            )
        except DeniedError:
            approved = True
        place = f"{ref.mount}/{ref.path}"
        if approved:
            return DeniedError(
                f"the request for {place} has ended, or its agent may no longer read it: "
                "start the run again to ask anew"
            )
        return DeniedError(
            f"{place} waits for an approval in vault: `mandate approve RUN GATE` authorises it, by "
            "somebody of its approvers"
        )


def _path(run: str, stage: str) -> str:
    """Return the key of a filing; what it is made of fits no path (2)."""
    return hashlib.sha256(f"{run}\n{stage}".encode()).hexdigest()


def _data(path: str) -> str:
    return f"/v1/{naming.KV_GATES}/data/{path}"


def _record(client: hvac.Client, path: str) -> tuple[dict[str, Any] | None, int]:
    """Return what is on record, and its version; 0 for nothing."""
    try:
        found = data_of(client.adapter.get(_data(path)))
    except theirs.InvalidPath:
        return None, 0
    return found["data"], int(found["metadata"]["version"])


def _waiting(record: dict[str, Any] | None) -> dict[str, dict[str, str]]:
    return (record or {}).get("requests") or {}


def _keep(client: hvac.Client, path: str, record: dict[str, Any], *, over: int) -> None:
    order = {"options": {"cas": over}, "data": record}
    try:
        client.adapter.post(_data(path), json=order)
    except theirs.InvalidRequest as error:
        if "check-and-set" not in " ".join(map(str, error.errors or ())):
            raise
        now = "somebody else files or takes back the same requests now"
        raise ConflictError(now) from None  # (2) of two at once one fails


def _end(client: hvac.Client, path: str) -> tuple[int, int]:
    """Revoke what is on record; return how many requests it had, and its version."""
    record, version = _record(client, path)
    waiting = _waiting(record)
    for each in waiting.values():
        revoke(client, each["accessor"])
    if record is not None:
        revoke(client, record["token"])
    return len(waiting), version


def _take_back(client: hvac.Client, path: str) -> int:
    count, _ = _end(client, path)
    # Last: what is forgotten could not be revoked any more (5).
    client.adapter.delete(f"/v1/{naming.KV_GATES}/metadata/{path}")
    return count


def _is_approved(client: hvac.Client, accessor: str) -> bool:
    reply = client.adapter.post("/v1/sys/control-group/request", json={"accessor": accessor})
    return data_of(reply).get("approved") is True
