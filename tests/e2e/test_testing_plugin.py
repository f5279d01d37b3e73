"""``mandate.testing.plugin``: the example of the documentation as a user has it, and its edges."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EDGES: Final = '''
import pytest

from dsl.errors import DslError

DOCUMENT = """
name: edges
version: "1"
stages:
  - {name: look, type: agent, template: default, config: {retry: 1}}
  - name: ok
    type: gate
    requires: [look]
    config: {approvers: [team-lead], identity: [claimed], timeout: 1h}
"""


def test_a_name_is_claimed_and_a_rejection_ends_the_run(mandate):
    run = mandate.start(DOCUMENT)
    verdict = run.reject("ok", by="team-lead", reason="not today")
    assert "counted" in str(verdict)
    assert "not today" in mandate.failure_of(run)


def test_work_that_fails_is_tried_as_often_as_the_stage_says(mandate):
    mandate.agent("look", fails="the disk is full")
    assert "the disk is full" in mandate.failure_of(mandate.start(DOCUMENT))
    assert sum(each.phase == "EXECUTE" for each in mandate.asked) == 2


def test_what_an_agent_does_may_depend_on_what_it_is_asked(mandate):
    mandate.agent("look", does=lambda request: {"attempt": request.attempt})
    run = mandate.start(DOCUMENT)
    run.approve("ok", by="team-lead")
    assert run.result()["stages"]["look"]["output"] == {"attempt": 1}


def test_a_gate_that_is_never_open_is_said_with_what_the_run_has_done(mandate):
    mandate.agent("look", fails="no")
    run = mandate.start(DOCUMENT)
    with pytest.raises(AssertionError, match="'ok' was never open; the run has ended"):
        run.until_waiting("ok")


def test_a_wrong_document_is_refused_with_every_mistake(mandate):
    with pytest.raises(DslError, match="DSL"):
        mandate.start(DOCUMENT.replace("type: gate", "type: gates"))
    with pytest.raises(DslError, match="duplicate key"):
        mandate.start(DOCUMENT + 'version: "2"')
    with pytest.raises(DslError, match="DSL"):
        mandate.start("name: [")
    with pytest.raises(DslError, match="DSL"):
        mandate.start("")
    with pytest.raises(FileNotFoundError, match="the text of a document.*'nosuch.yaml' is no file"):
        mandate.start("nosuch.yaml")


def test_what_is_misspelled_is_said_with_what_there_is(mandate):
    run = mandate.start(DOCUMENT)
    with pytest.raises(AssertionError, match="no gate 'okay'; it has: ok$"):
        run.until_waiting("okay")
    mandate.agent("lok", {"found": 1})
    with pytest.raises(LookupError, match="'lok'.*no agent stage of that path; it has: look$"):
        mandate.start(DOCUMENT)
    run.until_waiting("ok")
    run.within_s = 0.2
    with pytest.raises(TimeoutError, match="the end of the run; gates that wait: ok; stages: look"):
        run.result()
'''


async def test_what_the_documentation_says_can_be_tested_is_tested(tmp_path: Path) -> None:
    plugins, example = PYTHON.findall((ROOT / "docs" / "testing.md").read_text())
    (tmp_path / "conftest.py").write_text(plugins)
    (tmp_path / "test_release.py").write_text(example)
    (tmp_path / "test_edges.py").write_text(EDGES)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "--rootdir", "."),
        *("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:asyncio"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()

    assert process.returncode == 0, out.decode()
    assert "8 passed" in out.decode()
