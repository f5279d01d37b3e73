"""An agent keeps its record when its program is released anew, by proof of who may vouch for it.

The program that an agent was first seen as is an earlier one: the engine's workers are told so
while it earns its trust. Commands are typed in processes of their own.
"""

from __future__ import annotations

import asyncio
import shlex
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from activities.contracts import specs
from activities.contracts import trust_specs as trust
from dsl.core import Tier
from dsl.rules.proofs.proof import REBIND, reason_digest
from dsl.rules.run.reserved import rebinding_id
from dsl.rules.trust.admission import Binding
from dsl.rules.trust.rebinding import binding_digest
from dsl.values.canonical import digest_of_bytes
from integrations.agents.programs.catalogue import Programs
from integrations.agents.programs.program import Program
from tests.fixtures.engine import TEMPLATES, Engine, failure_of, pipeline, stage
from tests.fixtures.person import Somebody
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.trust.agents import Subject, begin, say, subject
from tests.fixtures.trust.granting import Forger, forging, promotion, sealed
from tests.fixtures.voting import Signer, seal, signer

WHY = "release 2 reads the inventory twice as fast"
PRESENT = Programs._program
RELEASE_1 = b"# release 1\n"
EARLIER = digest_of_bytes(RELEASE_1)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let the engine's workers have an earlier program; return its file."""
    file = tmp_path / "program.py"
    file.write_bytes(RELEASE_1)
    monkeypatch.setattr(Programs, "_program", lambda *_: Program.from_file("default", file))
    return file


@pytest.fixture
def earlier(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the engine's workers have an earlier program; call it to release the present one."""
    return lambda: monkeypatch.setattr(Programs, "_program", PRESENT)


@pytest_asyncio.fixture
async def released(
    engine: Engine, openbao: OpenBao, ann: Signer, earlier: Callable[[], None]
) -> Subject:
    """An agent of T2 that two runs have been compliant with, and whose program is another now."""
    made = await subject(engine, openbao, ann, runs=2)
    earlier()
    return made


def somebody(engine: Engine, people: People, folder: Path, name: str, **more: str) -> Somebody:
    env = {
        "TEMPORAL_ADDRESS": engine.settings.temporal,
        "VAULT_ADDR": engine.settings.vault_url,
        "MANDATE_TEMPLATES": str(TEMPLATES),
        **more,
    }
    return Somebody(name, people.password(name), folder / name, env)


def now_of(made: Subject, **bent: str) -> dict[str, str]:
    """Return what the agent would become bound to."""
    program = Programs().digest("default")
    binding = {"pipeline": made.document["name"], "template": "default", "program": program}
    return {**binding, **bent}


async def order_of(made: Subject, who: Signer, /, **bent: str) -> dict[str, str]:
    """Return an honest order; ``bent`` changes what is signed and sent alike."""
    binding = now_of(made, **bent)
    about = {"agent": made.agent, **binding, "reason": reason_digest(WHY)}
    proof = await who.word(seal(about, who.entity, purpose=REBIND))
    return {"agent": made.agent, **binding, "reason": WHY, "proof": proof}


async def refusal_of(engine: Engine, agent: str, order: dict[str, str]) -> str:
    handle = await begin(engine, trust.REBINDING_WORKFLOW, rebinding_id(agent), order)
    failure = await failure_of(handle)
    assert failure.type == "RebindingRefused"
    return str(failure.message)


async def test_another_program_is_refused_with_the_very_line_that_helps(
    engine: Engine, released: Subject, people: People, tmp_path: Path
):
    handle = await engine.start(released.document)
    failure = await failure_of(handle)
    assert f"program {EARLIER} became sha256:" in failure.message

    (tmp_path / "pipeline.yaml").write_text(yaml.safe_dump(released.document))
    ann = somebody(engine, people, tmp_path, "ann", MANDATE_PIPELINES=str(tmp_path))
    await ann.log_in()
    program, *words = shlex.split(failure.message.split("`")[1])
    said = await ann.mandate(*words)
    await released.work()

    assert program == "mandate"
    assert said.code == 0, said.err
    assert said.out.startswith(f"rebound: {released.agent} keeps T2; ann vouches for it")


async def test_a_program_that_was_changed_is_no_failure_of_the_agent(
    engine: Engine, openbao: OpenBao, ann: Signer, installed: Path
):
    made = await subject(engine, openbao, ann, runs=2)
    await asyncio.to_thread(installed.write_bytes, b"# release 2\n")
    failure = await failure_of(await engine.start(made.document))
    ended = [each for each in made.entries() if each.action == "agent.ended"][-1]

    assert f"program {EARLIER} became sha256:" in failure.message
    assert f"`mandate agent rebind {made.document['name']} {made.agent} --" in failure.message
    assert (ended.payload["status"], ended.payload["errors"]) == ("failed", 0)


async def test_who_may_vouch_rebinds_it_and_it_runs_with_its_record(
    engine: Engine, released: Subject, people: People, tmp_path: Path
):
    file = tmp_path / "pipeline.yaml"
    file.write_text(yaml.safe_dump(released.document))
    ann = somebody(engine, people, tmp_path, "ann")
    await ann.log_in()
    typed = ("agent", "rebind", str(file), released.agent, "--reason", WHY)
    said = await ann.mandate(*typed)
    again = await ann.mandate(*typed)
    report = await released.work()

    assert (said.code, said.err.count(Programs().digest("default"))) == (0, 1)
    assert said.out.startswith(f"rebound: {released.agent} keeps T2; ann vouches for it")
    assert (again.code, again.out) == (
        0,
        f"unchanged: {released.agent} is bound to exactly this already\n",
    )
    assert report["status"] == "completed"
    assert released.entity["metadata"]["program"] == Programs().digest("default")


async def test_agents_of_a_pipeline_that_is_not_registered_are_found_by_its_file(
    engine: Engine, people: People, tmp_path: Path, earlier: Callable[[], None]
):
    document = pipeline(stage("work"))
    await (await engine.start(document)).result()
    earlier()
    file = tmp_path / "pipeline.yaml"
    file.write_text(yaml.safe_dump(document))
    ann = somebody(engine, people, tmp_path, "ann")
    await ann.log_in()
    said = await ann.mandate("agent", "rebind", str(file), "--reason", WHY)
    report = await (await engine.start(document)).result()

    assert said.code == 0, said.out
    assert said.out.startswith("rebound: inline-")
    assert report["status"] == "completed"


async def test_production_is_not_kept_and_the_ledger_says_why(
    engine: Engine, openbao: OpenBao, people: People, ann: Signer, earlier: Callable[[], None]
):
    made = await subject(engine, openbao, ann, runs=2)
    asked = await made.asked(Tier.T3)
    for who in (ann, await signer(people, "bob")):
        await say(engine, asked, who)
    await asked.result()
    earlier()

    handle = await begin(
        engine,
        trust.REBINDING_WORKFLOW,
        rebinding_id(made.agent),
        await order_of(made, ann),
    )
    report = await handle.result()
    story = {e.action: e for e in made.entries() if e.action in ("trust.granted", "agent.rebound")}
    await made.work()

    assert (report["was"], report["now"], report["by"]) == ("T3", "T2", "ann")
    assert made.tier == "T2"
    granted, rebound = story["trust.granted"], story["agent.rebound"]
    assert rebound.payload["grant"] == granted.seq == report["grant"]
    assert rebound.payload["binding"] == granted.payload["binding"]
    assert (granted.payload["by"], granted.payload["reason"]) == ("ann", WHY)


async def test_the_row_begins_anew(engine: Engine, released: Subject, ann: Signer):
    handle = await begin(
        engine,
        trust.REBINDING_WORKFLOW,
        rebinding_id(released.agent),
        await order_of(released, ann),
    )
    await handle.result()
    failure = await failure_of(await released.ask(Tier.T3))

    assert "0 compliant runs" in failure.message


async def test_an_order_that_was_tampered_with_changes_nothing(
    engine: Engine, released: Subject, ann: Signer
):
    for bent, why in (
        ({"reason": "another"}, "the proof is for reason"),
        ({"program": "sha256:" + "f" * 64}, "the proof is for program"),
        ({"pipeline": "elsewhere"}, "the proof is for pipeline"),
        ({"proof": "nonsense"}, "the proof"),
        ({"program": ""}, "program: expected at least 1 character"),
        ({"more": "1"}, "there is no such field"),
    ):
        order = {**await order_of(released, ann), **bent}

        assert why in await refusal_of(engine, released.agent, order), bent
        assert released.entity["metadata"]["program"] == EARLIER, bent


async def test_who_may_not_vouch_for_plans_rebinds_nobody(
    engine: Engine, released: Subject, people: People
):
    order = await order_of(released, await signer(people, "eve"))

    assert "may not vouch for what agents are bound to: that takes group 'council'" in (
        await refusal_of(engine, released.agent, order)
    )
    assert released.entity["metadata"]["program"] == EARLIER


async def test_a_proof_is_good_for_one_time(engine: Engine, released: Subject, ann: Signer):
    order = await order_of(released, ann)
    run = rebinding_id(released.agent)
    await (await begin(engine, trust.REBINDING_WORKFLOW, run, order)).result()

    assert "was used before" in await refusal_of(engine, released.agent, order)


async def test_a_revoked_agent_is_not_rebound(
    engine: Engine, released: Subject, ann: Signer, openbao: OpenBao
):
    held = released.entity
    openbao.as_root(
        "POST", f"identity/entity/id/{held['id']}", metadata=held["metadata"], disabled=True
    )

    assert "is revoked: reinstate it first" in (
        await refusal_of(engine, released.agent, await order_of(released, ann))
    )


async def test_an_agent_nobody_knows_and_another_id_are_refused(
    engine: Engine, released: Subject, ann: Signer
):
    order = await order_of(released, ann)
    stranger = f"a-{uuid.uuid4().hex[:12]}"
    elsewhere = await begin(engine, trust.REBINDING_WORKFLOW, f"t-{uuid.uuid4()}", order)

    assert "the workflow id must be" in (await failure_of(elsewhere)).message
    assert "is not registered" in (await refusal_of(engine, stranger, {**order, "agent": stranger}))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("nowhere.yaml",), "No such file"),
        (("no-such-pipeline",), "no-such-pipeline"),
        (("code-review", "somebody"), "has no agent somebody: it has code-review.review"),
        (("planned.yaml",), "template declared has no program here"),
        (("code-review", "a/../b"), "expected the id of an agent"),
    ],
)
async def test_what_cannot_be_meant_is_said_before_anything_is_signed(
    engine: Engine, people: People, tmp_path: Path, words: tuple[str, ...], why: str
):
    planned = pipeline(stage("plan", template="declared"))
    (tmp_path / "planned.yaml").write_text(yaml.safe_dump(planned))
    said = await somebody(engine, people, tmp_path, "ann").mandate(
        *("agent", "rebind", words[0].replace("planned", f"{tmp_path}/planned")),
        *(*words[1:], "--reason", WHY),
    )

    assert (said.code, said.out) == (2, "")
    assert why in said.err


@pytest_asyncio.fixture(scope="module")
async def forger(running_engine: Engine, openbao: OpenBao) -> AsyncIterator[Forger]:
    async with forging(running_engine, openbao) as made:
        yield made


async def send(forger: Forger, name: str, request: dict[str, Any], queue: str) -> dict[str, Any]:
    answer: dict[str, Any] = await forger.puppet.execute_update("send", args=[name, request, queue])
    return answer


async def test_a_workflow_of_somebody_else_is_granted_nothing(forger: Forger, released: Subject):
    request = {
        "agent": released.agent,
        "binding": now_of(released),
        "reason": WHY,
        "proven": 1,
    }
    answer = await send(forger, trust.grant_rebinding.name, request, specs.QUEUE_LEDGER)

    assert answer["grant"] == ""
    assert "may ask this" in answer["refusal"]


async def test_even_a_signed_grant_binds_to_what_it_names_and_raises_nobody(
    forger: Forger, released: Subject
):
    binding = now_of(released)
    honest = {
        "kind": "rebind",
        "now": Tier.T1,
        "entry": 10**6,
        "binding": binding_digest(Binding(**binding)),
    }
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"now": Tier.T3, "was": Tier.T2}, "a rebinding raises nobody"),
        ({"binding": ""}, "does not say to what"),
        ({"binding": "sha256:" + "0" * 64}, "for another binding"),
        ({"epoch": 1}, "names an epoch"),
        ({"kind": "promote", "now": Tier.T3}, "not to rebind"),
        ({"expires": 1}, "the grant expired"),
    )
    for bent, why in wrong:
        grant = promotion(released.agent, released.entity["id"], Tier.T2, **{**honest, **bent})
        word = await sealed(forger.server, grant)
        answer = await send(
            forger, trust.rebind.name, {"grant": word, "binding": binding}, specs.QUEUE_TRUST
        )

        assert why in str(answer), bent
        assert (released.tier, released.entity["metadata"]["program"]) == ("T2", EARLIER), bent
