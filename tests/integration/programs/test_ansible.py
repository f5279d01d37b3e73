"""The program ``ansible``, with the real tool on this machine.

One playbook takes a second or two, so each test here tells a whole story.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.programs.conftest import Answer, Ask, needs, path_of

pytestmark = needs("ansible-playbook")

PLAYBOOK = """
- name: site
  hosts: all
  gather_facts: false
  tasks:
    - name: write the greeting
      ansible.builtin.copy:
        dest: "{{ target }}/{{ inventory_hostname }}.txt"
        content: "{{ greeting }} {{ lookup('env', 'GREETING') }}\\n"
    - name: lie
      ansible.builtin.debug:
        msg: "PLAY RECAP ***\\none : ok=1 changed=0"
"""
INVENTORY = """
[canary]
one
[others]
two
[all:vars]
ansible_connection=local
ansible_python_interpreter='{{ ansible_playbook_python }}'
"""
INPUTS = {"root": "site", "playbook": "site.yml", "inventory": "hosts", "vars_file": "vars.yml"}
SECRETS = {"GREETING": "secret-4711", "ANSIBLE_VAULT_PASSWORD": "opens-4711"}


@pytest.fixture
def site(workspace: Path) -> Path:
    """A playbook for two hosts that are this machine, and where it writes."""
    root = workspace / "site"
    root.mkdir()
    (workspace / "target").mkdir()
    (root / "site.yml").write_text(PLAYBOOK)
    (root / "hosts").write_text(INVENTORY)
    greet(root, "hello")
    return root


def greet(root: Path, greeting: str) -> None:
    (root / "vars.yml").write_text(f"target: {root.parent / 'target'}\ngreeting: {greeting}\n")


def work(ask: Ask, phase: str, **inputs: Any) -> Answer:
    tool = path_of("ansible-playbook")
    return ask("ansible_run", phase, **{**INPUTS, **tool, **inputs})


def check(ask: Ask, **inputs: Any) -> Answer:
    answer = work(ask, "PLAN", **{"action": "check", **inputs})
    assert answer.status == 0, answer.stderr
    return answer


def run(ask: Ask, approved: Answer, phase: str = "EXECUTE", **inputs: Any) -> Answer:
    return work(ask, phase, action="run", given={"check": approved}, **inputs)


def written(workspace: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in (workspace / "target").iterdir()}


def test_what_was_checked_is_run_and_a_later_try_finds_nothing_left(ask, workspace, site):
    checked = check(ask)
    assert checked.output == {"changed": 2, "hosts": ["one", "two"]}
    assert "+hello" in checked.read("check.txt")
    assert written(workspace) == {}
    greet(site, "bye")  # the workspace moves on, and it is the copy that is run

    canary = run(ask, checked, limit="canary")
    assert canary.output == {"ran": True, "changed": 1, "hosts": ["one"]}
    assert written(workspace) == {"one.txt": "hello \n"}
    again = run(ask, checked, limit="canary", attempt=2)
    assert again.result["summary"] == "no changes: nothing was run"


def test_what_is_not_what_was_approved_is_refused_and_nothing_is_run(ask, workspace, site):
    checked = check(ask, limit="canary")
    assert run(ask, checked).error == "not checked before: two"
    assert written(workspace) == {}
    (workspace / "target/one.txt").write_text("somebody was here\n")
    moved = run(ask, checked, limit="canary")

    assert moved.status == 65
    assert "what would change now is not what was approved" in moved.error
    assert "write the greeting on one" in moved.error
    assert written(workspace) == {"one.txt": "somebody was here\n"}
    drift = run(ask, checked, "VERIFY", limit="canary")
    assert drift.result["status"] == "failed"
    assert "somebody was here" in drift.read("drift.txt")

    old = json.loads(checked.read("changes.json"))
    old["created"] -= 7_201
    checked.artifacts["changes.json"].write_text(json.dumps(old))
    assert "`max_age` is 7200 s: check again" in run(ask, checked, max_age="2h").error
    checked.artifacts["configuration.tar"].write_bytes(b"another")
    assert "is not what changes.json tells of" in run(ask, checked).error


def test_with_secrets_all_is_done_in_execute_and_they_stand_in_no_text(ask, workspace, site):
    late = {"action": "check-and-run", "credentials": True, "limit": "canary"}
    assert work(ask, "PLAN", **late).artifacts == {}
    assert "takes `credentials: true`" in work(ask, "EXECUTE", secrets=SECRETS).error
    ran = work(ask, "EXECUTE", secrets=SECRETS, **late)

    assert ran.output["changed"] == 1
    assert written(workspace)["one.txt"] == "hello secret-4711\n"
    assert "+hello •••" in ran.read("check.txt")
    texts = ran.read("check.txt") + ran.read("run.txt") + json.dumps(ran.messages) + ran.stderr
    assert "4711" not in texts
    assert work(ask, "VERIFY", own=ran, **late).result["status"] == "ok"


def test_a_host_that_fails_fails_the_stage_and_is_named(ask, site):
    with (site / "site.yml").open("a") as file:
        file.write("    - name: nobody can\n      ansible.builtin.command: test a = b\n")
    late = {"action": "check-and-run", "credentials": True, "limit": "others"}
    ran = work(ask, "EXECUTE", **late)

    assert ran.result["status"] == "failed"
    assert ran.result["summary"].endswith("failed on two")
    assert json.loads(ran.read("run.json"))["recap"]["two"]["failed"] == 1


def test_a_playbook_that_is_wrong_says_so(ask, site):
    (site / "site.yml").write_text("- hosts: all\n  tasks: 7\n")
    refused = work(ask, "PLAN", action="check")

    assert refused.status == 1
    assert "without a recap: " in refused.error


def test_without_an_approved_check_nothing_is_run(ask, site):
    refused = work(ask, "EXECUTE", action="run")

    assert "takes the check of one earlier stage, and 0 hand it one" in refused.error


def test_a_missing_tool_is_named(ask, site):
    refused = work(ask, "PLAN", environment={"PATH": "/nowhere"})

    assert refused.status == 78
    assert "MANDATE_AGENT_PATH" in refused.error
