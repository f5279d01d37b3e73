"""A person's word in Vault: given to what the plan declares, and to nothing else."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from dsl.compiler import compile_text
from dsl.core import Tier
from integrations.vault.client import Vault
from integrations.vault.credentials.control_group_requests import ControlGroupRequests
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.identity.registry import Registrar
from integrations.vault.login.approle import Login
from mandate.people.errors import RefusalError
from mandate.people.gates.control_groups import authorise, examine
from mandate.people.gates.rows import GateRow, read_rows
from tests.fixtures.servers.openbao import OpenBao, People
from tests.integration.vault.holders import set_tier
from tests.unit.mandate.people.test_control_groups import DOCUMENT
from tests.unit.mandate.people.test_rows import row

DECLARED = SecretRef.parse("kv-prod/web/db#password")
ELSE = SecretRef.parse("kv-prod/web/root#password")
BINDING = {"pipeline": "rollout", "template": "default", "program": "sha256:" + "0" * 64}


class Room:
    """A registered agent at T3, and what is filed for it."""

    def __init__(self, server: OpenBao, vault: Vault, t3: Login, trust: Login) -> None:
        self.agent = f"rollout.{uuid.uuid4().hex[:12]}"
        self.plan = compile_text(DOCUMENT.replace("rollout.apply", self.agent), "p.yaml").plan
        self._server = server
        self._requests = ControlGroupRequests(vault, t3)
        self._registrar = Registrar(vault, trust)
        self._run = str(uuid.uuid4())

    async def file(self, *refs: SecretRef, said: SecretRef = DECLARED) -> GateRow:
        """File requests; return the row of a run that says each is for ``said``."""
        known = await self._registrar.register(self.agent, initial_tier=Tier.T2, binding=BINDING)
        set_tier(self._server, known.entity_id, Tier.T3)
        filing = await self._requests.file(
            self._run, "apply", self.agent, known.entity_id, refs, 600
        )
        place = f"{said.mount}/{said.path}"
        filed = [
            {"stage": "apply", "agent": self.agent, "place": place, "accessor": each.accessor}
            for each in filing.requests
        ]
        (found,) = read_rows(
            [row(plan=self.plan.digest(), vault={"state": "filed", "requests": filed})]
        )
        return found

    async def secret(self) -> str | None:
        return await self._requests.read_secret(self._run, "apply", DECLARED)


@pytest_asyncio.fixture
async def room(openbao: OpenBao, vault: Vault) -> AsyncIterator[Room]:
    openbao.put_secret("kv-prod/web/db", password="the password")
    openbao.put_secret("kv-prod/web/root", password="another")
    t3 = Login(vault, openbao.roles_dir, "mandate-t3")
    trust = Login(vault, openbao.roles_dir, "mandate-trust")
    try:
        yield Room(openbao, vault, t3, trust)
    finally:
        await t3.aclose()
        await trust.aclose()


async def test_what_the_plan_declares_is_authorised_and_can_be_read(room: Room, people: People):
    said: list[str] = []
    ann = await people.login("ann")
    filed = await room.file(DECLARED)
    (request,) = await examine(ann, room.plan, filed)
    await authorise(ann, filed.vault.requests, said.append)

    assert request.path == "kv-prod/data/web/db"
    assert said == ["vault    authorised: kv-prod/web/db for apply"]
    assert await room.secret() == "the password"


async def test_a_run_that_lies_about_what_is_filed_gets_nothing_signed(room: Room, people: People):
    ann = await people.login("ann")
    filed = await room.file(ELSE, said=DECLARED)

    with pytest.raises(RefusalError, match=r"request to read kv-prod/data/web/root.*not signed"):
        await examine(ann, room.plan, filed)


async def test_what_the_plan_does_not_declare_is_not_even_looked_up(room: Room, people: People):
    ann = await people.login("ann")
    filed = await room.file(ELSE, said=ELSE)

    with pytest.raises(RefusalError, match=r"'kv-prod/web/root'; the plan declares kv-prod/web/db"):
        await examine(ann, room.plan, filed)


async def test_who_may_not_authorise_is_told(room: Room, people: People):
    said: list[str] = []
    eve = await people.login("eve")
    filed = await room.file(DECLARED)
    await authorise(eve, filed.vault.requests, said.append)

    assert len(said) == 1
    assert "is not authorised yet" in said[0]
