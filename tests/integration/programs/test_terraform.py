"""The program ``terraform``, with the real tool on real files."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.servers.threaded_http import threaded_http
from tests.integration.programs.conftest import Answer, Ask, needs

pytestmark = needs("tofu", "terraform")

CONFIGURATION = """
variable "region" { default = "here" }
variable "db_password" {
  type      = string
  sensitive = true
  default   = "sensitive-by-default"
}
resource "terraform_data" "network" { input = var.region }
resource "terraform_data" "database" { input = var.db_password }
output "region" { value = terraform_data.network.output }
output "password" {
  value     = var.db_password
  sensitive = true
}
"""
STATE = "state/terraform.tfstate"


@pytest.fixture
def infra(workspace: Path) -> Path:
    """A configuration without a backend, and room for its state."""
    for name in ("infra", "state"):
        (workspace / name).mkdir()
    (workspace / "infra/main.tf").write_text(CONFIGURATION)
    return workspace / "infra"


def plan(ask: Ask, action: str = "plan", **inputs: object) -> Answer:
    answer = ask("terraform", "PLAN", action=action, **{"root": "infra", "state": STATE, **inputs})
    assert answer.status == 0, answer.stderr
    return answer


def apply(ask: Ask, approved: Answer, phase: str = "EXECUTE", **more: object) -> Answer:
    inputs = {"root": "infra", "state": STATE, **more}
    return ask("terraform", phase, action="apply", given={"plan": approved}, **inputs)


def state(workspace: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((workspace / STATE).read_text())
    return found


def test_what_was_planned_is_applied_and_nothing_is_left_to_do(ask, workspace, infra):
    planned = plan(ask)

    assert planned.output == {"add": 2, "change": 0, "destroy": 0}
    assert planned.result["summary"] == "2 to add, 0 to change, 0 to destroy"
    assert not (workspace / STATE).exists()
    applied = apply(ask, planned)
    assert applied.output == {
        "applied": True,
        "add": 2,
        "change": 0,
        "destroy": 0,
        "outputs": {"region": "here"},
    }
    account = json.loads(applied.read("applied.json"))
    assert sorted(account["done"]) == ["terraform_data.database", "terraform_data.network"]
    assert account["plan"] == json.loads(planned.read("changes.json"))["plan"]
    assert len(state(workspace)["resources"]) == 2
    assert apply(ask, planned, "VERIFY").result["summary"] == "no difference is left"


def test_what_is_sensitive_stands_in_no_text(ask, infra):
    planned = plan(ask)
    applied = apply(ask, planned)

    for answer, names in ((planned, ("plan.txt", "changes.json")), (applied, ("applied.json",))):
        for name in names:
            assert "sensitive-by-default" not in answer.read(name)
    assert "(sensitive value)" in planned.read("plan.txt")
    assert "sensitive-by-default" not in json.dumps(applied.messages) + applied.stderr


def test_a_stage_of_its_own_plan_applies_that(ask, workspace, infra):
    planned = plan(ask, "plan-and-apply")
    inputs = {"action": "plan-and-apply", "root": "infra", "state": STATE}
    applied = ask("terraform", "EXECUTE", own=planned, **inputs)

    assert applied.output["applied"] is True
    assert ask("terraform", "VERIFY", own=planned, **inputs).result["status"] == "ok"


def test_a_plan_alone_applies_nothing(ask, workspace, infra):
    planned = plan(ask)
    for phase in ("EXECUTE", "VERIFY"):
        answer = ask("terraform", phase, own=planned, action="plan", root="infra", state=STATE)
        assert answer.result["status"] == "ok"

    assert not (workspace / STATE).exists()


def test_no_change_starts_nothing(ask, workspace, infra):
    apply(ask, plan(ask))
    before = (workspace / STATE).read_bytes()
    planned = plan(ask)
    assert planned.result["summary"] == "no changes"
    applied = apply(ask, planned)

    assert applied.output == {"applied": False, "add": 0, "change": 0, "destroy": 0}
    assert applied.result["summary"] == "no changes: nothing was applied"
    assert (workspace / STATE).read_bytes() == before


def test_outputs_alone_are_a_change(ask, infra):
    apply(ask, plan(ask))
    with (infra / "main.tf").open("a") as file:
        file.write('output "more" { value = "1" }\n')
    planned = plan(ask)

    assert planned.result["summary"] == "only outputs change"
    assert apply(ask, planned).output["outputs"] == {"more": "1", "region": "here"}


def test_a_state_that_moved_is_refused_and_nothing_applied(ask, workspace, infra):
    apply(ask, plan(ask))
    (infra / "main.tf").write_text(CONFIGURATION.replace("here", "there"))
    approved = plan(ask)
    (infra / "main.tf").write_text(CONFIGURATION.replace("here", "elsewhere"))
    apply(ask, plan(ask))
    before = (workspace / STATE).read_bytes()
    refused = apply(ask, approved)

    assert refused.status == 65
    assert refused.error.startswith("the state has moved since the plan was made")
    assert (workspace / STATE).read_bytes() == before


def test_a_first_plan_is_stale_once_another_was_applied(ask, infra):
    approved = plan(ask)
    apply(ask, plan(ask))

    assert "the state has moved" in apply(ask, approved).error
    assert "the state has moved" in apply(ask, approved, var_file="").error


def test_a_try_after_one_that_applied_says_so(ask, infra):
    approved = plan(ask)
    apply(ask, approved)
    again = apply(ask, approved, attempt=2)

    assert again.result["summary"] == "an earlier try has applied it"


def test_a_later_try_does_not_pass_for_somebody_elses_change(ask, infra):
    approved = plan(ask)
    apply(ask, plan(ask))
    (infra / "main.tf").write_text(CONFIGURATION.replace("here", "there"))
    apply(ask, plan(ask))

    assert "the state has moved" in apply(ask, approved, attempt=2).error


def test_a_workspace_that_moved_on_changes_nothing_about_what_is_applied(ask, infra):
    approved = plan(ask)
    (infra / "main.tf").write_text(CONFIGURATION.replace("here", "there"))
    (infra / "more.tf").write_text('resource "terraform_data" "more" {}\n')

    assert apply(ask, approved).output["outputs"] == {"region": "here"}
    assert apply(ask, approved, "VERIFY").result["status"] == "ok"


@pytest.mark.parametrize("part", ["tfplan", "configuration.tar"])
def test_a_part_that_was_swapped_is_refused(ask, workspace, infra, part):
    approved = plan(ask)
    (infra / "main.tf").write_text(CONFIGURATION.replace("here", "there"))
    other = plan(ask)
    approved.artifacts[part].write_bytes(other.artifacts[part].read_bytes())

    assert apply(ask, approved).error == f"{part} is not what changes.json tells of: plan again"
    assert not (workspace / STATE).exists()


def test_a_plan_of_long_ago_is_refused(ask, workspace, infra):
    approved = plan(ask)
    changes = json.loads(approved.read("changes.json"))
    changes["created"] -= 7_201
    approved.artifacts["changes.json"].write_text(json.dumps(changes))

    for phase in ("PLAN", "EXECUTE"):
        assert "`max_age` is 7200 s: plan again" in apply(ask, approved, phase, max_age="2h").error
    assert not (workspace / STATE).exists()


def test_without_an_approved_plan_nothing_is_applied(ask, infra):
    for phase in ("PLAN", "EXECUTE"):
        refused = ask("terraform", phase, action="apply", root="infra", state=STATE)
        assert "takes the plan of one earlier stage, and 0 hand it one" in refused.error


def test_two_plans_are_one_too_many(ask, infra):
    planned = plan(ask)
    refused = ask(
        "terraform", "EXECUTE", action="apply", given={"a": planned, "b": planned}, state=STATE
    )

    assert "and 2 hand it one" in refused.error


def test_what_differs_after_the_apply_fails_the_stage(ask, infra):
    approved = plan(ask)
    apply(ask, approved)
    (infra / "main.tf").write_text(CONFIGURATION.replace("here", "there"))
    apply(ask, plan(ask))
    verified = apply(ask, approved, "VERIFY")

    assert verified.result["status"] == "failed"
    assert "there" in verified.read("drift.txt")


def test_a_change_that_fails_says_how_far_it_got(ask, infra):
    (infra / "main.tf").write_text(
        'resource "terraform_data" "one" {}\n'
        'resource "terraform_data" "two" {\n'
        "  depends_on = [terraform_data.one]\n"
        '  provisioner "local-exec" { command = "exit 3" }\n'
        "}\n"
    )
    applied = apply(ask, plan(ask))

    assert applied.result["status"] == "failed"
    assert applied.result["summary"].startswith("stopped after 1 resources: ")
    assert json.loads(applied.read("applied.json"))["done"] == ["terraform_data.one"]


def test_secrets_reach_execute_alone_and_are_kept_in_no_plan(ask, infra):
    secrets = {"TF_VAR_DB_PASSWORD": "from-the-vault-4711"}
    inputs = {"root": "infra", "state": STATE, "credentials": True}
    early = ask("terraform", "PLAN", action="plan", **inputs)
    assert (early.result["status"], early.artifacts) == ("ok", {})
    refused = ask("terraform", "EXECUTE", action="plan", secrets=secrets, **inputs)
    assert "the plan would keep secret TF_VAR_DB_PASSWORD in clear" in refused.error
    (infra / "main.tf").write_text(
        'variable "db_password" {\n  type = string\n  ephemeral = true\n}\n'
        'resource "terraform_data" "a" {\n'
        '  provisioner "local-exec" {\n'
        '    command = "test $(expr length $PW) = 19"\n'
        "    environment = { PW = var.db_password }\n"
        "  }\n"
        "}\n"
    )
    planned = ask("terraform", "EXECUTE", action="plan", secrets=secrets, **inputs)
    assert planned.output["add"] == 1
    unsaid = apply(ask, planned, secrets=secrets)
    assert "takes `credentials: true`" in unsaid.error
    applied = apply(ask, planned, secrets=secrets, credentials=True)
    assert applied.output["applied"] is True
    verified = apply(ask, planned, "VERIFY", credentials=True)
    assert verified.result["summary"] == "nothing was left to do at the end of EXECUTE"


def test_with_secrets_a_stage_of_its_own_plans_applies_and_looks_again_in_execute(
    ask, workspace, infra
):
    secrets = {"PROVIDER_TOKEN": "token-of-a-provider-4711"}
    inputs = {"root": "infra", "state": STATE, "credentials": True, "action": "plan-and-apply"}
    applied = ask("terraform", "EXECUTE", secrets=secrets, **inputs)

    assert applied.output["applied"] is True
    assert {"tfplan", "applied.json"} <= set(applied.artifacts)
    assert len(state(workspace)["resources"]) == 2
    assert ask("terraform", "VERIFY", own=applied, **inputs).result["status"] == "ok"


def test_without_a_place_for_state_nothing_begins(ask, infra):
    refused = ask("terraform", "PLAN", action="plan", root="infra")

    assert "the configuration names no backend, so its state would be lost" in refused.error


def test_a_module_beside_the_root_module_is_copied_with_it(ask, workspace, infra):
    (workspace / "modules/x").mkdir(parents=True)
    (workspace / "modules/x/main.tf").write_text('resource "terraform_data" "in_module" {}\n')
    (infra / "main.tf").write_text('module "x" { source = "../modules/x" }\n')
    planned = plan(ask, root=".", path="infra")

    assert planned.output["add"] == 1
    with tarfile.open(planned.artifacts["configuration.tar"]) as archive:
        assert "modules/x/main.tf" in archive.getnames()
    assert apply(ask, planned, root=".", path="infra").output["applied"] is True


def test_the_same_configuration_is_the_same_bytes(ask, infra):
    first, second = (plan(ask).artifacts["configuration.tar"].read_bytes() for _ in range(2))

    assert first == second


def test_a_link_out_of_the_configuration_is_refused(ask, infra):
    (infra / "more.tf").symlink_to("/etc/passwd")
    refused = ask("terraform", "PLAN", action="plan", root="infra", state=STATE)

    assert "the configuration cannot be copied" in refused.error


def test_a_configuration_that_is_wrong_says_where(ask, infra):
    (infra / "main.tf").write_text('resource "terraform_data" "a" { input = var.nothing }\n')
    refused = ask("terraform", "PLAN", action="plan", root="infra", state=STATE)

    assert refused.status == 1
    assert "nothing" in refused.error


def test_a_variables_file_is_part_of_what_is_approved(ask, infra):
    (infra / "there.tfvars").write_text('region = "there"\n')
    planned = plan(ask, var_file="there.tfvars")

    assert apply(ask, planned).output["outputs"] == {"region": "there"}


def test_everything_is_removed_when_asked_for(ask, workspace, infra):
    apply(ask, plan(ask))
    planned = plan(ask, destroy=True)

    assert planned.output == {"add": 0, "change": 0, "destroy": 2}
    apply(ask, planned)
    assert state(workspace)["resources"] == []
    assert apply(ask, planned, "VERIFY", destroy=True).result["status"] == "ok"


def test_a_missing_tool_is_named(ask, infra):
    refused = ask(
        "terraform", "PLAN", action="plan", root="infra", environment={"PATH": "/nowhere"}
    )

    assert refused.status == 78
    assert "neither tofu nor terraform is on the agent's PATH" in refused.error


class _Backend(BaseHTTPRequestHandler):
    """State over HTTP, with a lock, as the backend ``http`` speaks it."""

    state: bytes = b""
    lock: bytes = b""

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def do_GET(self) -> None:
        cls = type(self)
        self._answer(200, cls.state) if cls.state else self._answer(404)

    def do_POST(self) -> None:
        type(self).state = self._body()
        self._answer(200)

    def do_LOCK(self) -> None:
        body, cls = self._body(), type(self)
        if cls.lock:
            self._answer(423, cls.lock)
            return
        cls.lock = body
        self._answer(200)

    def do_UNLOCK(self) -> None:
        type(self).lock = b""
        self._body()
        self._answer(200)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def backend(infra: Path) -> Iterator[type[_Backend]]:
    """A backend on the network in place of a state file."""
    handler = type("_Fresh", (_Backend,), {})
    with threaded_http(handler) as port:
        names = ("address", "lock_address", "unlock_address")
        said = "".join(f'    {name} = "http://127.0.0.1:{port}/state"\n' for name in names)
        (infra / "backend.tf").write_text(f'terraform {{\n  backend "http" {{\n{said}  }}\n}}\n')
        yield handler


def test_a_backend_on_the_network_keeps_state_and_lock(ask, backend):
    planned = plan(ask, state=None)
    assert apply(ask, planned, state=None).output["applied"] is True
    assert apply(ask, planned, "VERIFY", state=None).result["status"] == "ok"

    assert len(json.loads(backend.state)["resources"]) == 2
    assert not backend.lock


def test_a_state_that_is_locked_is_another_try(ask, backend):
    planned = plan(ask, state=None)
    backend.lock = b'{"ID": "4711", "Operation": "apply", "Who": "ann@build-7"}'
    refused = apply(ask, planned, state=None, lock_timeout="0s")

    assert refused.status == 75
    assert "the state is locked" in refused.error
    assert "4711" in refused.error
    assert not backend.state


def test_a_local_state_that_is_locked_is_another_try(ask, workspace, infra):
    planned = plan(ask)
    (workspace / STATE).touch()
    holder = subprocess.Popen(
        [
            "python3",
            "-c",
            f"import fcntl,time\nf=open({str(workspace / STATE)!r},'r+')\n"
            "fcntl.lockf(f,fcntl.LOCK_EX)\nprint('held',flush=True)\ntime.sleep(60)",
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        refused = apply(ask, planned, lock_timeout="0s")
    finally:
        holder.kill()
        holder.communicate()

    assert refused.status == 75, refused.stderr
    assert "the state is locked" in refused.error


SLOW = """
resource "terraform_data" "done" { input = "done" }
resource "terraform_data" "slow" {
  depends_on = [terraform_data.done]
  provisioner "local-exec" { command = "kill -TERM 0; sleep 60" }
}
"""


def test_an_apply_that_is_told_to_end_writes_its_state_and_lets_go_of_the_lock(ask, infra, backend):
    (infra / "main.tf").write_text(SLOW)
    planned = plan(ask, state=None)
    stopped = apply(ask, planned, state=None)

    assert stopped.result["status"] == "failed"
    assert "stopped after 1 resources" in stopped.result["summary"]
    assert backend.state
    assert not backend.lock
