"""What is said of a stage whose work is somebody else's: who did it, and that no sandbox did."""

from __future__ import annotations

from typing import Any, Final

from dsl.plan import AgentStep

NO_SANDBOX: Final = "none"  # as a level


def runtime_facts(step: AgentStep) -> dict[str, Any]:
    """Return what accounts and the ledger add for such a stage; nothing for a process."""
    return {} if step.runtime is None else {"runtime": step.runtime.model_dump(mode="json")}


def work_of(step: AgentStep) -> str:
    """Return who did the work, for people."""
    if step.runtime is None:
        return f"program {step.program}"
    return f"{step.runtime}, on a worker of its own: no sandbox of Mandate held it"
