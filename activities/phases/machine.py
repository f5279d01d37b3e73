"""Can this machine run the stage, and what may its program reach there?

Asked by PREFLIGHT, before people are asked, and again when the program starts: a request can be
forged by whoever may start workflows.

1. The workspace is a directory, and it is read.
2. The sandbox of this machine reaches the level the tier demands: T2 and above demand
   Landlock.
3. No declared port belongs to one of the engine's own servers.
4. Where a port is declared, the kernel can keep the others closed.
5. A stage writes beside its private directory where its pipeline and the operator
   (``MANDATE_WRITABLE``) both say so, from T1 on, and into exactly these directories: what lies
   below one may be a link that an agent has left there.
6. Work that is somebody else's activity or workflow is done on another machine: nothing is asked of
   this one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from dsl.core import Tier
from dsl.limits import AGENT_GRACE_MS
from dsl.plan import AgentStep
from integrations.agents.sandbox import landlock
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.errors import DeniedError
from integrations.settings import Settings


def require_machine(settings: Settings, step: AgentStep) -> None:
    """Refuse a machine that cannot run the stage.

    Raises:
        DeniedError: it cannot, with what would help.
    """
    if step.runtime is not None:  # (6) done on another machine
        return
    if not settings.workspace.is_dir():  # (1) there is one to read
        raise DeniedError(
            f"the workspace {settings.workspace} is not a directory: set MANDATE_WORKSPACE"
        )
    if step.tier >= Tier.T2 and landlock.level() == "none":  # (2) T2 and above demand Landlock
        raise DeniedError(
            f"{step.tier.name} demands a sandbox, and this machine has no Landlock: "
            "use Linux 5.13 or newer"
        )
    refuse_engine_ports(settings, step)  # (3) never one of the engine's own
    writable(settings, step)  # (5) where both say so
    if step.sandbox.tcp and not landlock.limits_tcp():  # (4) the others have to be closed
        raise DeniedError(
            "this kernel cannot open single TCP ports to an agent: use Linux 6.7 or newer "
            "(Landlock ABI 4), or remove sandbox.tcp"
        )


def sandbox_of(settings: Settings, step: AgentStep) -> SandboxSpec:
    """Return what the program of ``step`` may touch.

    Raises:
        DeniedError: it declares what it may not have.
    """
    refuse_engine_ports(settings, step)
    sandbox = SandboxSpec(
        workspace=settings.workspace,
        write=writable(settings, step),
        denied=settings.hidden_from_agents,
        tcp=step.sandbox.tcp,
        path=settings.agent_path,
        required=step.tier >= Tier.T2,  # (2) T2 and above demand Landlock
        grace_s=(step.sandbox.grace_ms or AGENT_GRACE_MS) / 1000,
    )
    declared: dict[str, Any] = step.sandbox.quota()
    return replace(sandbox, **declared)


def refuse_engine_ports(settings: Settings, step: AgentStep) -> None:
    """Refuse a stage that declares a port of one of the engine's own servers (3).

    Raises:
        DeniedError: it does.
    """
    reachable = sorted(set(step.sandbox.tcp) & settings.engine_ports)
    if reachable:
        raise DeniedError(
            f"port {reachable[0]} belongs to the engine's own servers: remove it from sandbox.tcp"
        )


def writable(settings: Settings, step: AgentStep) -> tuple[Path, ...]:
    """Return the directories that a stage writes into (5).

    Raises:
        DeniedError: it may not write there.
    """
    allowed = {path.resolve() for path in settings.writable}
    found = []
    for text in step.sandbox.write:
        path = (settings.workspace / text).resolve()
        if step.tier < Tier.T1:
            raise DeniedError("an agent of T0 writes nothing: remove sandbox.write, or ask for T1")
        if path not in allowed:
            raise DeniedError(
                f"sandbox.write: {text!r} is no directory of MANDATE_WRITABLE: add {path} there, "
                "or write to one that is"
            )
        found.append(path)
    return tuple(found)
