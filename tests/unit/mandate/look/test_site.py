"""What a site would not run is refused alike: where it is checked, started, and by its worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from activities.contracts.messages import CompileRequest, Policy
from activities.plans.compile import Compile
from activities.plans.fitness import Site
from dsl.catalogue import Catalogue
from dsl.notify.site_file import SiteFile
from dsl.tools.folders import ToolFolders
from integrations.agents.programs.catalogue import Programs
from integrations.artifacts.store import Artifacts
from mandate.site import NOT_HERE
from mandate.stack import environment
from mandate.work.look import validate
from mandate.work.run.run import run
from tests.fixtures.servers.valkey import free_port

TEMPLATE = """\
name: gone
description: its program is not there
tier: T1
program: ./gone.py
interpreter: python
phases: [EXECUTE]
timeout: 5m
"""
LOOK = {"name": "look", "type": "agent", "template": "default"}
RULE = {"server": "pay", "tool": "refund", "policy": "allow"}
GROUP = {"approvers": ["group:sre"], "timeout": "5m"}
# What is added to a document of one stage, and what is said of it.
UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "voters": ({"stages": [LOOK, {"name": "ok", "type": "gate", "config": GROUP}]}, "gate 'ok': "),
    "a tool": ({"stages": [{**LOOK, "config": {"tier": 1, "tools": [RULE]}}]}, "tool pay/refund: "),
    "a program": ({"stages": [{**LOOK, "template": "gone"}]}, "gone.py"),
    "a destination": ({"notify": [{"to": "ops"}]}, "notify names the destination 'ops'"),
}


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the data directory of a stack whose servers nobody answers at."""
    monkeypatch.chdir(tmp_path)
    for name in environment.SERVER_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    folder, templates = tmp_path / "stack", tmp_path / "templates"
    for each in (folder, templates):
        each.mkdir()
    (templates / "gone.yaml").write_text(TEMPLATE)
    variables = {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}", "MANDATE_TEMPLATES": templates}
    known = {"MANDATE_GATE_IDENTITY": "claimed"}
    environment.write(folder, {name: str(it) for name, it in {**variables, **known}.items()})
    return folder


def written(folder: Path, more: dict[str, Any]) -> Path:
    file = folder / "p.yaml"
    file.write_text(json.dumps({"name": "p", "version": "1", "stages": [LOOK], **more}))
    return file


@pytest.mark.parametrize(("more", "why"), UNFIT.values(), ids=UNFIT)
async def test_what_a_worker_would_refuse_is_refused_where_it_is_typed(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: dict[str, Any], why: str
):
    file = written(tmp_path, more)
    programs = Programs([tmp_path / "templates"])
    worker = Compile(
        *(Catalogue(), Site(programs, ToolFolders(), SiteFile(None))),
        *(Policy(), Artifacts(tmp_path / "artifacts")),
    )
    refused = await worker.run(CompileRequest(source="p", text=file.read_text()))
    told = [NOT_HERE.format(file, each) for each in refused.problems.splitlines()]

    assert validate.run([file], data_dir=stack) == 2
    assert capsys.readouterr().out.splitlines()[-len(told) :] == told
    assert run(str(file), [], data_dir=stack) == 2
    assert capsys.readouterr().err.splitlines() == told
    assert why in told[0]


def test_inputs_that_are_given_are_checked_as_a_run_does(
    stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = written(tmp_path, {"inputs": {"count": {"type": "integer"}}})
    assert validate.run([file], data_dir=stack) == 0
    for given in ("count=many", "size=1", "count"):
        capsys.readouterr()
        assert run(str(file), [given], data_dir=stack) == 2
        (why,) = capsys.readouterr().err.splitlines()
        assert validate.run([file], [given], data_dir=stack) == 2
        assert why in capsys.readouterr().out


def test_of_a_site_that_nobody_knows_only_its_workers_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, UNFIT["a destination"][0])
    verdicts = [validate.check(file, env=env) for env in ({}, {"MANDATE_GATE_IDENTITY": "claimed"})]

    assert [each.errors for each in verdicts] == [0, 1]
    assert "not_started_here" not in verdicts[0].record
    assert len(verdicts[1].record["not_started_here"]) == 1
