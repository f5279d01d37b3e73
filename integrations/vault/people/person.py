"""What a person does in Vault with a login of his own: sign, and authorise what waits.

1. The key a person signs with is made at his first login, by himself: nobody else may, and it
   cannot be taken out of Vault.
2. A person is known by the name of his entity, however he logs in. An agent is no person.
3. A login that has ended says how to get another one.
4. Vault fails when the same person authorises twice, so it is asked first what it has.
5. The token is not printed.
6. A login that Vault has locked after wrong passwords takes the right one for no better: then it
   is said, and when it ends. Vault answers who is disabled in the same words, and tells nobody
   which it is. That it knows the name, its answer tells anybody: five tries find out.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import hvac
from hvac import exceptions as theirs

from integrations.errors import DeniedError
from integrations.vault import naming
from integrations.vault.client import Vault, auth_of, data_of

T = TypeVar("T")

LOCKED_AFTER: Final = 5  # wrong passwords in a row; with the next, what Vault does by itself
LOCKED_S: Final = 15 * 60


@dataclass(frozen=True, slots=True)
class PersonLogin:
    """Somebody who has logged in."""

    name: str
    entity: str
    token: str = field(repr=False)  # (5) not printed
    expires: int  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Who:
    """A person: the name of the entity, and its id."""

    name: str
    entity: str


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A request that waits in Vault, or has waited."""

    path: str
    operation: str
    entity_name: str  # who asks
    approved: bool
    authorised_by: tuple[str, ...]  # as Vault shows them: login method and name
    authorised_ids: tuple[str, ...] = ()  # their entities


async def log_in(vault: Vault, name: str, password: str) -> PersonLogin:
    """Log in with name and password, and make the signing key if there is none (1).

    Raises:
        DeniedError: the name or the password is wrong, the login is locked, or he is no person.
        UnavailableError: Vault does not answer.
    """
    path = f"/v1/auth/{naming.APPROVER_AUTH}/login/{naming.login_name(name)}"
    adapter = vault.client().adapter
    if not password:  # which Vault takes for a fault of its own
        raise DeniedError(f"no password for {name!r}: check the name and the password")
    try:
        reply = await vault.run(_reply_or_none, adapter, path, password)
    except DeniedError as error:
        raise DeniedError(
            f"vault does not let {name!r} in ({error}): check the name and the password"
        ) from None
    if reply is None:
        raise DeniedError(_locked(name))  # (6) the right one opens it no better
    auth = auth_of(reply)
    person = Person(vault, auth["client_token"])
    try:
        who = await person.whoami()
        await person.make_key()
    except BaseException:
        await person.log_out()
        raise
    return PersonLogin(
        name=who.name,
        entity=who.entity,
        token=auth["client_token"],
        expires=int(time.time()) + int(auth["lease_duration"]),
    )


def _reply_or_none(adapter: hvac.adapters.Adapter, path: str, password: str) -> Any:
    """Return Vault's reply; None: it takes no password of that name, whichever (6)."""
    try:
        return adapter.post(path, json={"password": password})
    except theirs.Forbidden:
        return None


def _locked(name: str) -> str:
    opens = datetime.fromtimestamp(time.time() + LOCKED_S).astimezone()
    return (
        f"vault takes no password of {name!r} now, right or wrong: after {LOCKED_AFTER} wrong "
        f"ones a login is locked. It opens by itself, by {opens:%H:%M %Z} at the latest "
        f"({LOCKED_S // 60} minutes, unless this vault is set otherwise); trying on does not "
        "prolong it. Or the person is disabled, to which vault gives the same answer. An operator "
        "can tell, and open it: docs/operations.md, People"
    )


class Person:
    """A person who is logged in."""

    def __init__(self, vault: Vault, token: str) -> None:
        self._vault = vault
        self._client = vault.client(token)
        self._who: Who | None = None

    async def whoami(self) -> Who:
        """Return who he is (2).

        Raises:
            DeniedError: the login has ended, or is not a person's.
            UnavailableError: Vault does not answer.
        """
        if self._who is None:
            itself = await self._ask(lambda client: client.adapter.get(_ITSELF))
            entity = str(itself.get("entity_id") or "")
            if not entity:
                raise DeniedError("this login belongs to nobody in vault: expected a person's")
            found = await self._ask(
                lambda client: client.adapter.get(f"/v1/identity/entity/id/{entity}")
            )
            if naming.is_agent(found["name"]):
                raise DeniedError(f"{found['name']!r} is an agent, and expected is a person")
            self._who = Who(str(found["name"]), entity)
        return self._who

    async def make_key(self) -> None:
        """Make the signing key; harmless when it is there (1).

        Raises:
            DeniedError: he may not.
            UnavailableError: Vault does not answer.
        """
        path = await self._key("keys")
        await self._ask(
            lambda client: {"data": client.adapter.post(path, json={"type": "ed25519"})}
        )

    async def sign(self, message: bytes) -> str:
        """Return his signature over ``message``, as Vault writes it.

        Raises:
            DeniedError: the login has ended.
            UnavailableError: Vault does not answer.
        """
        path = await self._key("sign")
        order = {"input": base64.b64encode(message).decode()}
        signed = await self._ask(lambda client: client.adapter.post(path, json=order))
        return str(signed["signature"])

    async def request(self, accessor: str) -> ControlRequest:
        """Return the request that ``accessor`` names.

        Raises:
            DeniedError: there is none, or no more; or the login has ended.
            UnavailableError: Vault does not answer.
        """
        order = {"accessor": accessor}
        try:
            found = await self._ask(
                lambda client: client.adapter.post("/v1/sys/control-group/request", json=order)
            )
        except DeniedError as error:
            if "invalid accessor" not in str(error):
                raise
            raise DeniedError("the request has ended, or was taken back: nothing waits") from None
        return _request(found)

    async def authorise(self, accessor: str) -> bool:
        """Authorise the request; return whether it has all it needs now (4).

        Raises:
            DeniedError: there is no such request, or it may not be he; or the login has ended.
            UnavailableError: Vault does not answer.
        """
        who, request = await self.whoami(), await self.request(accessor)
        if who.entity in request.authorised_ids:  # (4) Vault fails at the second
            return request.approved
        order = {"accessor": accessor}
        reply = await self._ask(
            lambda client: client.adapter.post("/v1/sys/control-group/authorize", json=order)
        )
        return reply.get("approved") is True

    async def log_out(self) -> None:
        """End the login; harmless when it has ended.

        Raises:
            UnavailableError: Vault does not answer.
        """
        if await self._vault.is_alive(self._client):
            await self._vault.run(self._client.adapter.post, "/v1/auth/token/revoke-self")

    def __repr__(self) -> str:
        return f"<Person {self._who.name if self._who else '?'}>"  # (5) no token in it

    async def _key(self, does: str) -> str:
        who = await self.whoami()
        return f"/v1/{naming.TRANSIT_MOUNT}/{does}/{naming.approver_key(who.entity)}"

    async def _ask(self, call: Callable[[hvac.Client], Any]) -> dict[str, Any]:
        try:
            return data_of(await self._vault.run(call, self._client))
        except DeniedError:
            if await self._vault.is_alive(self._client):
                raise
            raise DeniedError("the login has ended: log in again") from None


_ITSELF = "/v1/auth/token/lookup-self"


def _request(found: dict[str, Any]) -> ControlRequest:
    authorised = found.get("authorizations") or ()
    return ControlRequest(
        path=str(found.get("request_path", "")),
        operation=str(found.get("request_operation", "")),
        entity_name=str((found.get("request_entity") or {}).get("name", "")),
        approved=found.get("approved") is True,
        authorised_by=tuple(str(each.get("entity_name", "")) for each in authorised),
        authorised_ids=tuple(str(each.get("entity_id", "")) for each in authorised),
    )
