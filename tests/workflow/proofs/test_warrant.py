"""A stage of T3 from its registration to its secret: who has to say yes, and what then opens.

Real: the workflows, Vault with its control groups, the people and their signatures.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle
from temporalio.testing import ActivityEnvironment

from activities.contracts import specs
from activities.contracts.control_groups import GateRequest, GateRequested
from activities.gates.control_groups import NOT_ENFORCED, ControlGroupActivities, ControlGroupProbe
from activities.proofs.registered_plans import RegisteredPlans
from activities.proofs.verifier import ProofVerifier
from dsl.catalogue import Catalogue
from dsl.compiler import Compiled, compile_text
from dsl.core import Tier
from dsl.plan import Plan
from dsl.rules.proofs.proof import PLAN
from dsl.values.canonical import canonical
from integrations.agents.contract.protocol import Request
from integrations.artifacts.store import Artifacts
from integrations.errors import CorruptError, DeniedError, UnavailableError
from integrations.vault.client import Vault
from integrations.vault.credentials.control_group_requests import ControlGroupRequests
from integrations.vault.identity.registry import Registry
from integrations.vault.login.approle import Login
from integrations.vault.signing.voters import Voters
from tests.fixtures.engine import Engine, failure_of, hang, page_of
from tests.fixtures.hostile.impostor import document, raise_agent, signed, signers
from tests.fixtures.servers.openbao import OpenBao, People, govern
from tests.fixtures.trust.standing import told
from tests.fixtures.voting import Signer, honest_vote, update

NOBODY = ProofVerifier(cast(Voters, None))  # for plans shown without any proof


class Deployment:
    """A registered pipeline whose stage ``act`` reads a secret of production."""

    def __init__(
        self, engine: Engine, openbao: OpenBao, people: dict[str, Signer], **act_with: Any
    ) -> None:
        self.engine = engine
        self.people = people
        name = f"p-{uuid.uuid4().hex[:12]}"
        self.secret = f"s-{uuid.uuid4().hex}"
        openbao.put_secret(f"kv-prod/{name}", key=self.secret)
        self.text = document(
            name,
            secrets_of={"KEY": f"kv-prod/{name}#key"},
            act_with=act_with,
            quorum=1,
            approvers=["group:sre"],
        )
        self.compiled: Compiled = compile_text(self.text, "p.yaml")

    async def register(self) -> None:
        plan = self.compiled.plan
        about = {"plan": self.compiled.digest, "name": plan.name, "version": plan.version}
        order = {
            "document": self.text,
            "proof": await signed(self.people["cyd"], PLAN, about),
        }
        await (await self.engine.start_type("Registration", order)).result()

    async def start(self) -> WorkflowHandle[Any, Any]:
        async def found(_request: Any) -> dict[str, Any]:
            return {"files": 3}

        self.engine.runner.behaviours["look"] = found
        return await self.engine.start_type(
            "Pipeline", {"definition": self.text, "inputs": {"folder": "modules"}}
        )

    async def asked(self, handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
        """Wait until Vault has been asked; return what the gate shows of that."""

        def settled(status: dict[str, Any]) -> bool:
            rows = status["waiting_for"]
            return bool(rows) and rows[0]["vault"]["state"] not in ("none", "asking")

        status = await self.engine.until(handle, settled)
        vault: dict[str, Any] = status["waiting_for"][0]["vault"]
        return vault

    async def vote(self, handle: WorkflowHandle[Any, Any], name: str, decision: str) -> None:
        made = await honest_vote(handle, "review", self.people[name], decision)
        code, verdict = await update(self.engine, handle.id, made)
        assert code == 0, verdict
        assert verdict["counted"], verdict


@pytest_asyncio.fixture(scope="module")
async def everybody(people: People) -> dict[str, Signer]:
    return await signers(people)


@pytest_asyncio.fixture
async def deployment(engine: Engine, openbao: OpenBao, everybody: dict[str, Signer]) -> Deployment:
    """Registered, and its agent holds T3."""
    made = Deployment(engine, openbao, everybody)
    await made.register()
    await raise_agent(openbao, engine, made.compiled, Tier.T3)
    return made


async def test_a_person_approves_authorises_and_the_stage_reads_its_secret(
    deployment: Deployment,
):
    handle = await deployment.start()
    vault = await deployment.asked(handle)
    [filed] = vault["requests"]
    ann = deployment.people["ann"]

    assert vault["state"] == "filed"
    assert filed["stage"] == "act"
    assert await ann.person.authorise(filed["accessor"])
    await deployment.vote(handle, "ann", "approve")
    report = await handle.result()
    asked = deployment.engine.runner.requests[-1]

    assert report["status"] == "completed"
    assert (asked.stage, asked.tier) == ("act", Tier.T3)
    assert asked.secrets == {"KEY": deployment.secret}
    assert asked.input["max_files"] == 3
    assert {name.partition("/")[0] for name in asked.prior} == {"look"}
    with pytest.raises(DeniedError):  # it was taken back when the stage ended
        await ann.person.request(filed["accessor"])


async def test_a_clarified_plan_takes_a_new_approval_and_the_old_one_is_void(
    engine: Engine, openbao: OpenBao, everybody: dict[str, Signer]
):
    budget = {"error_budget": {"errors": 1, "window": "1h"}, "clarifications": 1}
    made = Deployment(engine, openbao, everybody, **budget)
    await made.register()
    await raise_agent(openbao, engine, made.compiled, Tier.T3)
    acted: list[Request] = []

    async def err_once(request: Request) -> dict[str, Any]:
        acted.append(request)
        if len(acted) > 1:
            return {}
        engine.runner.err(request)
        return await hang(request)

    engine.runner.behaviours["act"] = err_once
    handle = await made.start()
    for opening in (1, 2):
        vault = await made.asked(handle)
        [row] = (await handle.query("status"))["waiting_for"]
        assert (row["gate"], row["opening"], len(acted)) == ("review", opening, opening - 1)
        if opening == 2:
            page = await page_of(handle)
            assert "- what went wrong: `it went wrong`" in page or "it went wrong" in page
        assert await everybody["ann"].person.authorise(vault["requests"][0]["accessor"])
        await made.vote(handle, "ann", "approve")
        if opening == 1:
            await engine.until(handle, lambda s: any(r["opening"] == 2 for r in s["waiting_for"]))
    report = await handle.result()
    [clarified] = told(engine, handle, "stage.clarified")

    assert report["status"] == "completed"
    assert row["subject"]["act"] == {"clarify-1": clarified.payload["plan"]}
    assert row["clarification"]["plan"]["reasons"] == ["it went wrong"]
    assert [each["opening"] for each in report["approvals"]] == [1, 2]
    assert (acted[1].clarification or {})["plan"] == clarified.payload["plan"]
    assert acted[1].secrets == {"KEY": made.secret}


async def test_who_rejects_the_clarified_plan_ends_the_stage(
    engine: Engine, openbao: OpenBao, everybody: dict[str, Signer]
):
    budget = {"error_budget": {"errors": 1, "window": "1h"}, "clarifications": 1}
    made = Deployment(engine, openbao, everybody, **budget)
    await made.register()
    await raise_agent(openbao, engine, made.compiled, Tier.T3)

    async def err(request: Request) -> dict[str, Any]:
        engine.runner.err(request)
        return await hang(request)

    engine.runner.behaviours["act"] = err
    handle = await made.start()
    vault = await made.asked(handle)
    await everybody["ann"].person.authorise(vault["requests"][0]["accessor"])
    await made.vote(handle, "ann", "approve")
    await engine.until(handle, lambda s: any(r["opening"] == 2 for r in s["waiting_for"]))
    await made.vote(handle, "bob", "reject")
    failure = await failure_of(handle)

    assert failure.type == "GateRejected"
    assert failure.details[0]["stages"]["act"]["status"] == "rejected"


async def test_the_secret_is_nowhere_in_history(deployment: Deployment):
    handle = await deployment.start()
    [filed] = (await deployment.asked(handle))["requests"]
    await deployment.people["bob"].person.authorise(filed["accessor"])
    await deployment.vote(handle, "bob", "approve")
    await handle.result()
    for run in (handle, deployment.engine.client.get_workflow_handle(f"{handle.id}/act")):
        events = "".join(str(event) for event in await deployment.engine.events(run))

        assert deployment.secret not in events


async def test_what_nobody_authorised_in_vault_stays_shut(deployment: Deployment):
    handle = await deployment.start()
    [filed] = (await deployment.asked(handle))["requests"]
    await deployment.vote(handle, "ann", "approve")
    failure = await failure_of(handle)

    assert f"{filed['place']} waits for an approval in vault" in failure.message
    assert "mandate approve" in failure.message


async def test_what_was_never_asked_for_stays_shut_and_the_fix_is_named(
    deployment: Deployment, vault: Vault
):
    handle = await deployment.start()
    await deployment.asked(handle)
    login = Login(vault, deployment.engine.settings.vault_roles, specs.QUEUE_T3)
    run = (await handle.describe()).run_id
    assert await ControlGroupRequests(vault, login).withdraw(run, "act") == 1
    await deployment.vote(handle, "ann", "approve")
    failure = await failure_of(handle)

    assert (
        "nothing was asked for there when the gate opened: start the run again" in failure.message
    )


async def test_a_rejected_gate_takes_back_what_was_asked(deployment: Deployment):
    handle = await deployment.start()
    [filed] = (await deployment.asked(handle))["requests"]
    await deployment.vote(handle, "ann", "reject")
    await failure_of(handle)

    with pytest.raises(DeniedError):
        await deployment.people["ann"].person.request(filed["accessor"])


async def test_nobody_is_asked_for_an_agent_below_its_tier(
    engine: Engine, openbao: OpenBao, everybody: dict[str, Signer]
):
    made = Deployment(engine, openbao, everybody)
    await made.register()
    handle = await made.start()
    failure = await failure_of(handle)

    assert failure.message.startswith("stage 'act' rejected: ")
    assert "the agent holds T2" in failure.message
    assert "before anybody was asked" in failure.message


async def test_an_agent_that_was_lowered_while_people_decided_does_not_act(
    deployment: Deployment, openbao: OpenBao
):
    handle = await deployment.start()
    await deployment.asked(handle)
    await raise_agent(openbao, deployment.engine, deployment.compiled, Tier.T2)
    await deployment.vote(handle, "ann", "approve")

    assert "the agent holds T2" in (await failure_of(handle)).message


async def test_a_plan_nobody_registered_asks_for_no_t3(
    engine: Engine, openbao: OpenBao, everybody: dict[str, Signer]
):
    handle = await Deployment(engine, openbao, everybody).start()

    assert "needs a registered plan" in (await failure_of(handle)).message


async def test_the_installation_vouches_for_its_own_catalogue_and_nothing_else(tmp_path: Path):
    text = document("ours")
    (tmp_path / "ours.yaml").write_text(text)
    compiled, other = (compile_text(each, "p.yaml") for each in (text, text.replace("1h", "2h")))
    store = Artifacts(tmp_path / "store")
    for each in (compiled, other):
        _keep(store, each.plan)
    catalogue = Catalogue([tmp_path])
    vouching = RegisteredPlans(store, NOBODY, catalogue, "council")
    silent = RegisteredPlans(store, NOBODY, None, "council")
    found = await vouching.find(compiled.digest, ())

    assert (found.plan, found.authors) == (compiled.plan, ())
    for plans, digest in ((silent, compiled.digest), (vouching, other.digest)):
        with pytest.raises(DeniedError, match="nobody vouches"):
            await plans.find(digest, ())


async def test_a_plan_that_does_not_read_back_as_stored_is_none(tmp_path: Path):
    store = Artifacts(tmp_path / "store")
    plan = compile_text(document("ours"), "p.yaml").plan.model_dump(mode="json")
    spaced = store.put((canonical(plan) + " ").encode())
    plans = RegisteredPlans(store, NOBODY, None, "council")

    with pytest.raises(CorruptError, match="does not read back"):
        await plans.find(spaced.digest, ())
    with pytest.raises(DeniedError, match="is no plan"):
        await plans.find(store.put(b"[]").digest, ())


def _keep(store: Artifacts, plan: Plan) -> None:
    store.put(canonical(plan.model_dump(mode="json")).encode())


async def test_a_vault_that_holds_nothing_back_says_so_and_nothing_is_filed(
    private_openbao: Callable[..., OpenBao], tmp_path: Path
):
    server = private_openbao()
    await govern(server)
    open_read = 'path "kv-{{identity.entity.metadata.t3}}/data/*" { capabilities = ["read"] }'
    server.as_root("PUT", "sys/policies/acl/gov-t3", policy=open_read)
    store, vault = Artifacts(tmp_path / "store"), Vault(server.url)
    (tmp_path / "ours.yaml").write_text(document("ours"))
    compiled = Catalogue([tmp_path]).load("ours")
    _keep(store, compiled.plan)
    login = Login(vault, server.roles_dir, specs.QUEUE_T3)
    gates = ControlGroupActivities(
        RegisteredPlans(store, NOBODY, Catalogue([tmp_path]), "council"),
        ControlGroupRequests(vault, login),
        Registry(vault, login),
        ControlGroupProbe(vault, login),
    )
    order = GateRequest(plan=compiled.digest, gate="review", opening=1, ttl_ms=60_000)
    answer = await ActivityEnvironment().run(gates.request, order)
    vault.close()

    assert answer == GateRequested(enforced=False, detail=NOT_ENFORCED)


async def test_a_vault_that_is_away_at_the_start_is_tried_again_when_needed(openbao: OpenBao):
    vault = Vault("http://127.0.0.1:1")
    probe = ControlGroupProbe(vault, Login(vault, openbao.roles_dir, specs.QUEUE_T3))
    await probe.try_early()  # says so and goes on
    with pytest.raises(UnavailableError):
        await probe.is_enforced()
    vault.close()
