"""The shipped programs, run as agents on a small workspace."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import venv
from typing import Any

import pytest

from dsl.core import AgentPhase
from integrations.agents.contract.protocol import AgentError, Outcome
from integrations.agents.programs.catalogue import Programs
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.errors import NotFoundError


@pytest.fixture
def workspace(tmp_path):
    """A little repository that tries to talk its reviewer out of it."""
    root = tmp_path / "ws"
    for name in ("src", ".git", "node_modules/x", ".mandate", "of python/lib"):
        (root / name).mkdir(parents=True)
    (root / "src/good.py").write_text('"""Good."""\n')
    (root / "src/bad.py").write_text(
        "import subprocess\n"
        "import os  # noqa\n"
        "subprocess.run(input(), shell=True)  # nosec\n"
        "print(undefined)\n"
    )
    (root / "ruff.toml").write_text('lint.select = ["E1"]\n')
    (root / ".bandit").write_text("[bandit]\nskips = B602,B404\n")
    (root / "README.md").write_text("# hello\n")
    (root / "link.md").symlink_to("README.md")
    (root / "of python/pyvenv.cfg").write_text("home = /usr/bin\n")
    in_environment = "of python/lib/theirs.py"
    for hidden in (".git/config", "node_modules/x/a.js", ".mandate/ledger.db", in_environment):
        (root / hidden).write_text("x")
    return root


@pytest.fixture
def work(run, workspace):
    """Run a shipped program on the workspace."""

    async def work(name: str, phase: AgentPhase = AgentPhase.EXECUTE, **given: Any) -> Outcome:
        outcome: Outcome = await run(
            Programs().find(name),
            {"workspace": str(workspace), **given},
            phase=phase,
            sandbox=SandboxSpec(workspace=workspace, denied=(workspace / ".mandate",)),
        )
        return outcome

    return work


def contents(outcome: Outcome, name: str) -> str:
    (artifact,) = [artifact for artifact in outcome.artifacts if artifact.name == name]
    return artifact.path.read_text()


async def test_the_inventory_lists_every_file_with_its_digest(work):
    outcome = await work("default")

    listed = json.loads(contents(outcome, "inventory.json"))
    files = {entry["path"]: entry for entry in listed["files"]}
    assert sorted(files) == [".bandit", "README.md", "ruff.toml", "src/bad.py", "src/good.py"]
    digest = hashlib.sha256(b"# hello\n").hexdigest()
    assert files["README.md"] == {
        "path": "README.md",
        "bytes": 8,
        "digest": f"sha256:{digest}",
        "language": "Markdown",
    }
    assert outcome.result.output == {
        "files": 5,
        "bytes": sum(entry["bytes"] for entry in files.values()),
        "languages": {"Markdown": 1, "Python": 2, "TOML": 1},
        "unreadable": 0,
    }


@pytest.mark.parametrize("closed", ["src/bad.py", "src"])
async def test_the_inventory_says_what_it_could_not_read(run, workspace, closed):
    outcome = await run(
        Programs().find("default"),
        {"workspace": str(workspace)},
        sandbox=SandboxSpec(workspace=workspace, denied=(workspace / closed,)),
    )

    assert outcome.result.output["unreadable"] == 1
    assert json.loads(contents(outcome, "inventory.json"))["unreadable"] == [closed]


async def test_a_file_name_that_is_no_text_is_listed(work, workspace):
    (workspace / os.fsdecode(b"\xff.txt")).write_text("")
    outcome = await work("default")

    assert "\ufffd.txt" in contents(outcome, "inventory.json").encode().decode("unicode_escape")


async def test_an_inventory_of_a_part(work):
    outcome = await work("default", path="src")

    assert outcome.result.output["files"] == 2


@pytest.mark.parametrize("name", ["default", "code-review"])
@pytest.mark.parametrize("path", ["..", "/etc", "src/../..", "README.md", "nowhere"])
async def test_a_path_outside_the_workspace_is_refused(work, name, path):
    with pytest.raises(AgentError, match=r"exit status 65") as caught:
        await work(name, path=path)

    assert not caught.value.retryable
    assert "input `path`" in caught.value.detail["stderr"]


@pytest.mark.parametrize("name", ["default", "code-review"])
async def test_without_a_workspace_a_program_says_what_to_set(run, name):
    with pytest.raises(AgentError, match="exit status 78") as caught:
        await run(Programs().find(name), {})

    assert "MANDATE_WORKSPACE" in caught.value.detail["stderr"]


async def test_a_plan_only_looks(work):
    outcome = await work("code-review", AgentPhase.PLAN)

    assert outcome.artifacts == ()
    assert outcome.result.output["files"] == 2
    assert set(outcome.result.output["tools"]) == {"ruff", "bandit"}


async def test_the_reviewed_code_does_not_choose_its_own_rules(work):
    outcome = await work("code-review")

    findings = json.loads(contents(outcome, "findings.json"))
    found = {(item["rule"], item["severity"], item["file"], item["line"]) for item in findings}
    assert {
        ("B602", "high", "src/bad.py", 3),
        ("F821", "high", "src/bad.py", 4),
        ("F401", "medium", "src/bad.py", 2),
    } <= found
    counted = outcome.result.output
    assert counted["findings"] == counted["high"] + counted["medium"] + counted["low"]
    assert counted["files"] == 2
    assert "| high | src/bad.py:3 | bandit B602 |" in contents(outcome, "review.md")


async def test_its_own_rules_are_followed_when_asked_for(work):
    outcome = await work("code-review", rules="own")

    rules = {item["rule"] for item in json.loads(contents(outcome, "findings.json"))}
    assert not rules & {"F401", "F821", "B602"}


async def test_findings_fail_the_stage_when_asked_for(work):
    with pytest.raises(AgentError, match="2 high") as caught:
        await work("code-review", fail_on="medium")

    assert (caught.value.kind, caught.value.retryable) == ("failed", True)
    assert caught.value.outcome is not None
    assert "B602" in contents(caught.value.outcome, "review.md")


async def test_clean_code_does_not_fail_the_stage(work, workspace):
    (workspace / "src/bad.py").unlink()
    outcome = await work("code-review", fail_on="low")

    assert outcome.result.output["findings"] == 0


async def test_a_file_that_cannot_be_parsed_is_a_finding(work, workspace):
    (workspace / "src/broken.py").write_text("def (:\n")
    outcome = await work("code-review")

    findings = json.loads(contents(outcome, "findings.json"))
    assert {item["tool"] for item in findings if item["file"] == "src/broken.py"} == {
        "ruff",
        "bandit",
    }


async def test_a_review_of_nothing_is_no_error(work, workspace):
    for file in (workspace / "src").iterdir():
        file.unlink()
    outcome = await work("code-review")

    assert outcome.result.output == {"findings": 0, "high": 0, "medium": 0, "low": 0, "files": 0}


@pytest.mark.parametrize(("name", "value"), [("fail_on", "bad"), ("rules", "none")])
async def test_an_unknown_word_is_refused(work, name, value):
    with pytest.raises(AgentError, match="exit status 65") as caught:
        await work("code-review", **{name: value})

    assert f"input `{name}` must be one of" in caught.value.detail["stderr"]


def test_a_missing_tool_names_the_extra(tmp_path, workspace):
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)
    program = Programs().find("code-review")
    done = subprocess.run(
        [tmp_path / "venv/bin/python", *program.interpreter[1:], program.file],
        input=json.dumps({"v": 1, "phase": "PLAN", "input": {"workspace": str(workspace)}}) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == os.EX_CONFIG
    assert "pip install 'mandate[review]'" in done.stderr


def test_an_unknown_program_is_not_found():
    with pytest.raises(NotFoundError, match="this worker has no template 'unheard-of'"):
        Programs().find("unheard-of")
