"""What pages ask of runs: found, put together, and what a person has decided sent.

Everything a vote needs before it is sent lies in ``mandate.people.gates``, as for ``mandate
approve``:

1. What is looked at is what is shown, and what was shown is what is signed: the form brings back
   the digest of all that the vote is bound to, and where the gate asks for something else by now,
   nothing is signed.
2. The session's login signs, and nothing else does; its token goes to Vault alone.
3. A vote is an update whose id is made of its proof: sent twice, it is one.
4. A link in a message is good for the one time that the gate was open when it was written.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, is_dataclass
from typing import Any, Final

from pydantic import BaseModel
from temporalio.client import Client

from dsl.compiler import Compiled
from dsl.inputs import resolve_inputs
from dsl.plan import Plan
from dsl.shown.laid_out import laid_out
from dsl.shown.surfaces import Terminal
from dsl.values.canonical import digest_of
from integrations.artifacts.heads import as_text
from integrations.vault.people.person import Person
from mandate.console.pages.gate import GateView
from mandate.console.pages.run import Board
from mandate.console.sessions import WebSession
from mandate.people.accounts import Account, account_of
from mandate.people.errors import RefusalError
from mandate.people.gates import inbox
from mandate.people.gates.contents import read_contents, store
from mandate.people.gates.earlier import since_lines
from mandate.people.gates.inbox import Inbox
from mandate.people.gates.queries import plan_of
from mandate.people.gates.sending import send
from mandate.people.gates.voting import Seen, before, looked, seen_at, signed
from mandate.people.gates.wishes import Wish
from mandate.people.login.arriving import adopt, by_password
from mandate.people.login.logins import Login
from mandate.people.login.session import Session, connect
from mandate.people.outputs import outputs_of, read_output
from mandate.people.runs import address
from mandate.people.starter import memo_of
from mandate.people.starting import Order, start

Meant = tuple[str, str, int]  # a run's own id, a gate, and which time it is open
PLANS_KEPT_MAX: Final = 200
START_S: Final = 10.0


class Desk:
    """Reaches runs for pages."""

    def __init__(self, client: Client, env: Mapping[str, str]) -> None:
        """Ask by ``client``; ``env`` names Vault, the artefact store and the Web UI."""
        self._client = client
        self._env = env
        self._plans: OrderedDict[str, Plan] = OrderedDict()

    async def board(self, run: str, *, is_whole: bool) -> Board:
        """Return what is to be seen of a run; ``is_whole``: with what its stages have put out.

        Raises:
            RefusalError: there is none of ours, or it cannot be read.
        """
        account = await account_of(self._client, run, with_outputs=is_whole)
        plan = await self._plan(account)
        stages = {
            path: address(self._env, f"{run}/{path}")
            for path, row in account.told.stages.items()
            if row.type == "agent" and row.began_ms
        }
        return Board(account, plan, address(self._env, run, account.run), stages)

    async def gate(self, run: str, gate: str, meant: Meant | None = None) -> GateView:
        """Return a gate that waits, as a person is shown it (1).

        Args:
            run: the workflow's id.
            gate: its path.
            meant: which time it is open, where a message has led here (4).

        Raises:
            RefusalError: it does not, or is not what it says it is.
        """
        seen = await self.seen(run, gate)
        if meant not in (None, (seen.handle.run_id, seen.row.gate, seen.row.opening)):
            raise RefusalError(
                "the link was for another time that {!r} was open, and it was opened anew since: "
                "find it under Waiting, and look at what it asks for now",
                seen.row.gate,
            )
        contents, earlier = await asyncio.gather(
            asyncio.to_thread(read_contents, self._env, seen.row), before(self._client, seen)
        )
        return GateView(
            run=run,
            row=seen.row,
            plan=seen.plan,
            shown=shown_digest(seen),
            contents=contents,
            since=tuple(since_lines(earlier, seen.row)),
            web_ui=address(self._env, run, seen.handle.run_id or ""),
        )

    async def vote(
        self, session: WebSession, wish: Wish, seen: Seen, shown: str
    ) -> tuple[bool, Terminal]:
        """Sign and send a vote; return whether it counted, and the run's words.

        Args:
            session: of whoever votes.
            wish: what they want.
            seen: the gate as it is now.
            shown: the digest of what they were shown.

        Raises:
            RefusalError: it is not signed, and why.
            integrations.errors.IntegrationError: Vault does not do its part.
        """
        said: list[Terminal] = []
        async with self.acting(session) as who:
            seen = await looked(self._client, who, wish, seen)
            if shown_digest(seen) != shown:  # (1) what was shown is what is signed
                raise RefusalError(
                    "what {!r} asks for changed while you read: nothing is signed; look again",
                    seen.row.gate,
                )
            ready = await signed(who, wish, seen, said.append)
        counted, line = await send(ready, wish)
        return counted, Terminal.joined("; ", [line, *said])

    async def seen(self, run: str, gate: str) -> Seen:
        """Return a gate as it is now.

        Raises:
            RefusalError: it does not wait, or is not what it says it is.
        """
        return await seen_at(self._client, run, gate)

    async def waiting(self) -> Inbox:
        """Return every gate that waits.

        Raises:
            temporalio.service.RPCError: the server does not say.
        """
        return await inbox.look(self._client)

    async def log_in(self, name: str, secret: str, *, is_token: bool) -> Login:
        """Log somebody in, as ``mandate login`` does.

        Raises:
            integrations.errors.IntegrationError: Vault does not let them in.
            UsageError: the token is somebody else's.
        """
        vault = connect(self._env)
        try:
            return await (adopt if is_token else by_password)(vault, name, secret)
        finally:
            vault.close()

    async def start(
        self, session: WebSession, run: str, found: Compiled, inputs: Mapping[str, Any]
    ) -> None:
        """Start what was compiled, with the proof of who starts it.

        Raises:
            integrations.errors.IntegrationError: Vault does not sign.
            temporalio.service.RPCError, TimeoutError: the server does not start it.
        """
        values = resolve_inputs(found.plan, inputs)
        async with self.acting(session) as who:
            memo = await memo_of(who, run, found.digest, values)
        name = found.plan.name
        async with asyncio.timeout(START_S):
            await start(
                self._client, Order(name, dict(inputs), name, found.digest, values), run, memo
            )

    async def output(
        self, run: str, stage: str, name: str
    ) -> tuple[str, int, Sequence[str] | None]:
        """Return digest, size and lines of an output, read here by its digest; None: no text.

        Raises:
            RefusalError: there is none, or not in the store of this machine.
        """
        found = (await outputs_of(self._client, f"{run}/{stage}")).find(name)
        data = await asyncio.to_thread(read_output, store(self._env), found)
        lines = await asyncio.to_thread(lines_of, data, found.media_type)
        return found.digest, len(data), lines

    @asynccontextmanager
    async def acting(self, session: WebSession) -> AsyncIterator[Session]:
        """Act as whoever is logged in (2)."""
        vault = connect(self._env)
        try:
            yield Session(session.login, Person(vault, session.login.token))
        finally:
            vault.close()

    async def _plan(self, account: Account) -> Plan | None:
        if not account.told.plan:
            return None
        kept = self._plans.get(account.run)
        if kept is None:
            try:
                kept = await plan_of(self._client, account.workflow, account.run)
            except RefusalError:
                return None
            self._plans[account.run] = kept
            if len(self._plans) > PLANS_KEPT_MAX:
                self._plans.popitem(last=False)
        return kept


def lines_of(data: bytes, media_type: str) -> Sequence[str] | None:
    """Return the lines of an output, JSON laid out; None: it is no text."""
    text = as_text(data)
    return None if text is None else laid_out(text.removesuffix("\n").split("\n"), media_type)


def shown_digest(seen: Seen) -> str:
    """Return the digest of all that a vote is bound to (1)."""
    return digest_of([_plain(each) for each in seen.binds()])


def _plain(value: object) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
