"""A change of production as people let it happen: registered, started, looked at, approved.

Everything is typed; Vault holds the secret back until the same person has authorised the request
that waits there.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle

from dsl.compiler import compile_text
from dsl.core import Tier
from integrations.agents.contract.protocol import Request
from tests.fixtures.engine import Engine
from tests.fixtures.hostile.impostor import document, raise_agent
from tests.fixtures.person import Somebody
from tests.fixtures.servers.openbao import OpenBao, People

WAIT_S = 60


@dataclass
class Change:
    """A pipeline whose last stage acts at T3 with a secret of production."""

    engine: Engine
    file: Path
    secret: str
    person: Callable[[str], Somebody]

    async def started(self, by: Somebody) -> WorkflowHandle[Any, Any]:
        """Start it as ``by``; return once the gate shows what waits in Vault."""
        said = await by.mandate("run", str(self.file), "--input", "folder=modules")
        assert said.code == 0, said.err
        handle = self.engine.adopt(said.out.split()[1])
        async with asyncio.timeout(WAIT_S):
            while not await _is_filed(by, handle.id):  # noqa: ASYNC110  # a server is asked
                await asyncio.sleep(0.1)
        return handle


async def _is_filed(who: Somebody, run: str) -> bool:
    said = await who.mandate("gates", "--json")
    rows = [json.loads(line) for line in said.out.splitlines()]
    # A run that did not answer in time has none: it is asked again.
    return any(row["run"] == run and row.get("vault", {}).get("state") == "filed" for row in rows)


@pytest_asyncio.fixture
async def change(engine: Engine, openbao: OpenBao, people: People, tmp_path: Path) -> Change:
    name, secret = f"p-{uuid.uuid4().hex[:12]}", f"s-{uuid.uuid4().hex}"
    openbao.put_secret(f"kv-prod/{name}", key=secret)
    file = tmp_path / "change.yaml"
    file.write_text(
        document(name, secrets_of={"KEY": f"kv-prod/{name}#key"}, quorum=1, approvers=["group:sre"])
    )
    await raise_agent(openbao, engine, compile_text(file.read_text(), "p.yaml"), Tier.T3)
    env = {
        "TEMPORAL_ADDRESS": engine.settings.temporal,
        "VAULT_ADDR": openbao.url,
        "MANDATE_LEDGER": str(engine.settings.ledger),
        "MANDATE_ARTIFACTS": str(engine.settings.artifacts),
    }

    def person(called: str) -> Somebody:
        return Somebody(called, people.password(called), tmp_path / called, env)

    async def looked(_request: Request) -> dict[str, Any]:
        return {"files": 3}

    engine.runner.behaviours["look"] = looked
    return Change(engine, file, secret, person)


@pytest.mark.timeout(180)
async def test_one_person_vouches_and_starts_another_approves_and_vault_opens(change: Change):
    cyd, ann = change.person("cyd"), change.person("ann")
    await cyd.log_in()
    await ann.log_in()
    registered = await cyd.mandate("register", str(change.file))
    assert registered.code == 0, registered
    handle = await change.started(by=cyd)
    inbox = await ann.mandate("gates")
    said = await ann.mandate("approve", handle.id, "review")
    report = await handle.result()

    assert "  vault    filed" in inbox.out
    assert (said.code, said.out) == (0, "counted: approve at review; approved by ann\n")
    assert "vault    authorised: kv-prod/" in said.err
    assert report["status"] == "completed"
    acted = [request for request in change.engine.runner.requests if request.stage == "act"]
    assert change.secret in [request.secrets.get("KEY") for request in acted]
    assert change.secret not in said.out + said.err + json.dumps(report)
    entry = await ann.mandate("ledger", "show", registered.out.split()[-1], "--json")
    for workflow in (handle.id, json.loads(entry.out)["workflow_id"]):
        compared = await ann.mandate("ledger", "reconcile", workflow)
        assert compared.code == 0, compared


async def test_a_rejection_authorises_nothing(change: Change):
    cyd, bob = change.person("cyd"), change.person("bob")
    await cyd.log_in()
    await bob.log_in()
    await cyd.mandate("register", str(change.file))
    handle = await change.started(by=cyd)
    said = await bob.mandate("reject", handle.id, "review", "--reason", "not on a Friday")

    assert said.code == 0, said.err
    assert "vault" not in said.err
    assert "rejected by bob (not on a Friday)" in said.out
