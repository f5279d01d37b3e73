"""The shipped agents at real work: in their sandbox, under the whole engine, behind people.

What was approved is what happens: a plan that is swapped, a state or a machine that moves while
people think, leave everything as it was.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from dsl.catalogue import EXAMPLES
from dsl.compiler import compile_text
from dsl.core import Tier
from mandate.people.outputs import outputs_of
from tests.fixtures.chat_server import answer, chat_server
from tests.fixtures.hostile.arena import NAMESPACES, Arena, arena_on, for_one_test
from tests.fixtures.hostile.impostor import raise_agent
from tests.fixtures.person import Somebody
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.integration.programs.conftest import TOOLS, needs

TERRAFORM = """
variable "region" { default = "here" }
resource "terraform_data" "network" { input = var.region }
output "region" { value = terraform_data.network.output }
"""
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: write the greeting
      ansible.builtin.copy: {dest: "{{ target }}/{{ inventory_hostname }}.txt", content: hello}
"""
LOCAL = "ansible_connection=local\nansible_python_interpreter='{{ ansible_playbook_python }}'\n"
WAITS = 4  # of half a minute


@pytest_asyncio.fixture(scope="module")
async def running(
    hostile_temporal: WorkflowEnvironment,
    openbao: OpenBao,
    valkey: ValkeyProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Arena]:
    folder = tmp_path_factory.mktemp("shipped")
    places = [folder / "workspace" / name for name in ("state", "target")]
    async with arena_on(
        hostile_temporal,
        NAMESPACES[3],
        openbao,
        valkey,
        folder,
        writable=tuple(places),
        agent_path=(TOOLS / "ansible" / "bin",),
        further_ports=frozenset(),
    ) as found:
        yield found


@pytest_asyncio.fixture
async def arena(running: Arena) -> AsyncIterator[Arena]:
    """The engine for one test, on files of its own."""
    workspace = running.settings.workspace
    for name in ("infra", "site", "state", "target"):
        shutil.rmtree(workspace / name, ignore_errors=True)
        (workspace / name).mkdir()
    # What is the same bytes is kept once, and some tests destroy it.
    (workspace / "infra/main.tf").write_text(f"# {uuid.uuid4()}\n{TERRAFORM}")
    (workspace / "site/site.yml").write_text(PLAYBOOK)
    hosts = f"[canary]\none\n[others]\ntwo\n[all:vars]\n{LOCAL}target={workspace / 'target'}\n"
    (workspace / "site/hosts").write_text(hosts)
    async with for_one_test(running) as lent:
        yield lent


def example(name: str, **gates: Any) -> dict[str, Any]:
    """A shipped example under a name of its own, for an inline run that anybody called ann lets on.

    ``gates`` changes its stages' configuration, by stage.
    """
    text = (EXAMPLES / f"{name}.yaml").read_text()
    found: dict[str, Any] = yaml.safe_load(text) | {"name": f"p-{uuid.uuid4().hex[:12]}"}
    for stage in found["stages"]:
        if stage["type"] == "condition":
            continue
        config = stage.setdefault("config", {})
        if stage["type"] == "gate":
            config.pop("identity", None)
            config["approvers"] = ["ann"]
        config.update({"tier": 2} if config.get("tier") == "T3" else {})
        config.update(gates.get(stage["name"], {}))
    return found


async def opened(arena: Arena, handle: WorkflowHandle[Any, Any], gate: str) -> None:
    """Wait for the gate: tools of others take their time on a busy machine."""
    for _ in range(WAITS):
        with suppress(TimeoutError):
            await arena.pending(handle, gate)
            return
    raise TimeoutError(gate)


async def approve(arena: Arena, handle: WorkflowHandle[Any, Any], gate: str) -> None:
    """Wait for the gate, and let the run on."""
    await opened(arena, handle, gate)
    await handle.signal("vote", {"gate": gate, "decision": "approve", "voter": "ann"})


def state(arena: Arena) -> dict[str, Any] | None:
    file = arena.settings.workspace / "state/terraform.tfstate"
    return json.loads(file.read_text()) if file.exists() else None


def apply_by_hand(arena: Arena) -> None:
    """Somebody else changes the infrastructure."""
    root = arena.settings.workspace / "by-hand"
    root.mkdir(exist_ok=True)
    (root / "main.tf").write_text(TERRAFORM.replace("here", "elsewhere"))
    backend = f'backend "local" {{ path = "{root.parent}/state/terraform.tfstate" }}'
    (root / "state.tf").write_text(f"terraform {{\n  {backend}\n}}\n")
    tool = shutil.which("tofu") or shutil.which("terraform") or ""
    for command in (["init"], ["apply", "-auto-approve"]):
        subprocess.run([tool, *command, "-input=false"], cwd=root, check=True, capture_output=True)


@needs("tofu", "terraform")
@pytest.mark.timeout(180)
async def test_terraform_applies_at_t3_what_somebody_proven_has_approved(
    arena: Arena, openbao: OpenBao, people: People, tmp_path: Path
):
    name = f"p-{uuid.uuid4().hex[:12]}"
    text = (EXAMPLES / "terraform-apply.yaml").read_text()
    file = tmp_path / "apply.yaml"
    file.write_text(text.replace("name: terraform-apply", f"name: {name}"))
    compiled = compile_text(file.read_text(), "p.yaml")
    await raise_agent(openbao, arena, compiled, Tier.T3, "apply")
    servers = {
        "TEMPORAL_ADDRESS": arena.settings.temporal,
        "TEMPORAL_NAMESPACE": NAMESPACES[3],
        "VAULT_ADDR": openbao.url,
    }
    cyd, ann = (Somebody(n, people.password(n), tmp_path / n, servers) for n in ("cyd", "ann"))
    await cyd.log_in()
    await ann.log_in()
    assert (await cyd.mandate("register", str(file))).code == 0
    started = await cyd.mandate("run", str(file))
    assert started.code == 0, started.err
    handle = arena.adopt(started.out.split()[1])
    await opened(arena, handle, "review")
    assert state(arena) is None
    (arena.settings.workspace / "infra/main.tf").write_text("this is no plan of anybody\n")
    said = await ann.mandate("approve", handle.id, "review", "--yes")
    assert said.code == 0, said.err
    report = await handle.result()

    assert report["status"] == "completed"
    stages = report["stages"]
    assert stages["apply"]["output"]["outputs"] == {"region": "here"}
    assert report["approvals"]
    assert len((state(arena) or {})["resources"]) == 1


@needs("tofu", "terraform")
async def test_a_state_that_moves_while_people_think_is_refused(arena: Arena):
    handle = await arena.start(example("terraform-apply"))
    await opened(arena, handle, "review")
    await asyncio.to_thread(apply_by_hand, arena)
    before = state(arena)
    await approve(arena, handle, "review")
    failure, _ = await arena.failure(handle)

    assert "the state has moved since the plan was made, and nothing was applied" in str(failure)
    assert state(arena) == before


@needs("tofu", "terraform")
@pytest.mark.parametrize("part", ["tfplan", "configuration.tar", "changes.json"])
async def test_a_plan_that_is_swapped_in_the_store_is_refused(arena: Arena, part: str):
    handle = await arena.start(example("terraform-apply"))
    await opened(arena, handle, "review")
    found = await outputs_of(arena.client, f"{handle.id}/plan")
    (digest,) = (each.digest for each in found.outputs if each.name == part)
    hidden = digest.removeprefix("sha256:")
    files = (each for each in arena.settings.artifacts.rglob("*") if each.is_file())
    (stored,) = (each for each in files if hidden.endswith(each.name))
    stored.chmod(0o600)
    stored.write_bytes(b"another plan")
    await approve(arena, handle, "review")
    failure, _ = await arena.failure(handle)

    assert digest in str(failure)
    assert state(arena) is None


@needs("ansible-playbook")
@pytest.mark.timeout(180)
async def test_ansible_runs_canaries_and_then_the_rest_of_what_was_approved(arena: Arena):
    local = {"sandbox": {"write": ["target"]}}
    given = example("ansible-rollout", check={"sandbox": {}}, canary=local, rest=local)
    handle = await arena.start(given)
    await approve(arena, handle, "review")
    await opened(arena, handle, "proceed")
    target = arena.settings.workspace / "target"
    assert [each.name for each in target.iterdir()] == ["one.txt"]
    await approve(arena, handle, "proceed")
    report = await handle.result()

    assert report["status"] == "completed"
    assert sorted(each.name for each in target.iterdir()) == ["one.txt", "two.txt"]


@needs("ansible-playbook")
async def test_a_machine_that_moves_while_people_think_is_left_alone(arena: Arena):
    local = {"sandbox": {"write": ["target"]}}
    handle = await arena.start(example("ansible-rollout", check={"sandbox": {}}, canary=local))
    await opened(arena, handle, "review")
    file = arena.settings.workspace / "target/one.txt"
    file.write_text("somebody was here")
    await approve(arena, handle, "review")
    failure, _ = await arena.failure(handle)

    assert "what would change now is not what was approved" in str(failure)
    assert file.read_text() == "somebody was here"


async def test_a_model_sorts_a_condition_reads_and_a_person_stands_before_what_acts(arena: Arena):
    with chat_server() as server:
        server.script = [answer('{"severity": "high", "why": "it is full"}')]
        ports = {"sandbox": {"tcp": [server.port]}, "secrets": {}}
        inputs = {"alert": "disk full", "endpoint": server.endpoint, "model": "tiny"}
        given = example("llm-triage", triage=ports)
        handle = await arena.start(given, inputs=inputs)
        await opened(arena, handle, "severe/confirm")
        vote = {"gate": "confirm", "decision": "approve", "voter": "team-lead"}
        await handle.signal("vote", vote)
        report = await handle.result()

    assert report["status"] == "completed"
    assert report["stages"]["severe/act"]["status"] == "completed"
    assert report["stages"]["triage"]["output"]["answer"]["severity"] == "high"
    (heard,) = server.heard
    assert heard["body"]["messages"][1]["content"] == "disk full"


async def test_a_member_of_a_council_is_heard_at_a_gate(arena: Arena):
    (arena.settings.workspace / "good.py").write_text('"""Good."""\n')
    council = {"gate_type": "consensus", "approvers": []}
    handle = await arena.start(example("agent-council", verdict=council))
    report = await handle.result()

    assert report["status"] == "completed"
    assert report["stages"]["judge"]["output"]["decision"] == "approve"
