"""Running the fixtures' agents, in every kind of sandbox the machine allows."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsl.core import AgentPhase, Tier
from integrations.agents.contract.protocol import Request
from integrations.agents.processes.lifeline import Lifeline
from integrations.agents.programs.program import Program
from integrations.agents.runner import ProcessRunner
from integrations.agents.sandbox import landlock
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.agents.workdir import workdir
from integrations.clock import boottime
from integrations.redaction import Redactor
from tests.integration.agents.marks import new_mark

TIMEOUT_S = 60.0  # where a test says nothing: far above what any of these agents takes
LEASE_S = 100.0  # longer than any of these tests
AGENTS = Path(__file__).resolve().parents[2] / "fixtures" / "agents"


@pytest.fixture(params=[True, False], ids=["namespaces", "landlock-only"])
def namespaces(request):
    """Both ways a keeper holds its tree together."""
    if not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    return request.param


@pytest.fixture
def mark() -> str:
    """What a test finds its agent's processes by."""
    return new_mark()


@pytest.fixture
def private():
    """A private directory."""
    with workdir() as path:
        yield path


@pytest.fixture
def run(private) -> Callable[..., Any]:
    """Run one agent: a program, or the name of a file of the fixtures."""

    async def run(program: Program | str, given: dict[str, Any], **options: Any) -> Any:
        if isinstance(program, str):
            program = Program.from_file(program, AGENTS / f"{program}.py")
        request = Request(
            run="run",
            stage="stage",
            phase=options.pop("phase", AgentPhase.EXECUTE),
            attempt=1,
            deadline=time.time() + TIMEOUT_S,
            workdir=private,
            tier=Tier.T0,
            input=given,
            secrets=options.pop("secrets", {}),
            answers=options.pop("answers", {}),
            may_ask=options.pop("may_ask", False),
            tools=options.pop("tools", ()),
        )
        runner = options.pop("runner", None) or ProcessRunner()
        return await runner.run(
            program,
            request,
            timeout_s=options.pop("timeout_s", TIMEOUT_S),
            sandbox=options.pop("sandbox", SandboxSpec()),
            redact=options.pop("redact", Redactor()),
            lifeline=options.pop("lifeline", Lifeline(boottime() + LEASE_S)),
            **options,
        )

    return run
