"""Stopping an agent of a run at somebody's word.

1. Without a proof that is all it does: the agent's workflow in this run is told to stop. Whoever
   may write to the namespace may do that.
2. With a proof the agent's identity is revoked as well, by a run that outlives this one. The proof
   is not looked at here: each brake that disables anything verifies it itself.
3. Only what is at work can be stopped; anything else is refused, and changes nothing. So is what
   was told already, unless a proof comes with it: a flood of messages fills no ledger.
"""

from __future__ import annotations

from typing import Any

from temporalio.exceptions import FailureError

from dsl.plan import AgentStep, Plan, walk
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.messages.stop import RevokeMessage
from workflows.run.agent_stages import AgentStages, AtWork
from workflows.run.provenance import Provenance
from workflows.runtime.moment import now_ms
from workflows.runtime.revocation_start import start_revocation


class AgentStops:
    """Stops agents of one run."""

    def __init__(
        self, plan: Plan, provenance: Provenance, agents: AgentStages, records: LedgerBuffer
    ) -> None:
        self._steps = [step for step in walk(plan.steps) if isinstance(step, AgentStep)]
        self._identity = provenance.identity
        self._agents = agents
        self._records = records
        self._told: set[str] = set()  # workflow runs of agents

    def refuse(self, message: RevokeMessage) -> str | None:
        """Say why there is nothing to stop (3)."""
        if message.stage and message.stage not in {step.path for step in self._steps}:
            return f"there is no agent stage {message.stage!r}: name one by its path"
        if message.agent and message.agent not in self._known():
            return f"there is no agent {message.agent!r} in this run"
        if not self._meant(message):
            what = f"stage {message.stage!r}" if message.stage else f"agent {message.agent!r}"
            working = ", ".join(sorted(self._agents.at_work)) or "none is"
            return f"{what} is not at work; at work: {working}"
        at_work = self._agents.at_work
        runs = {_run_of(at_work[path]) for path in self._meant(message)}
        if not message.proof and runs <= self._told:
            return "it was told to stop already, and takes up to two minutes to clean up"
        return None

    async def stop(self, message: RevokeMessage) -> dict[str, Any]:
        """Stop what is meant (1); return the stages that were told, and what became of whom."""
        epoch = now_ms()
        meant = self._meant(message)
        agents = sorted({self._agents.at_work[path].agent for path in meant})
        stopped = []
        for path in meant:
            at_work = self._agents.at_work.get(path)
            if at_work is None:  # it ended while others were told
                continue
            if _run_of(at_work) in self._told:
                stopped.append(path)
                continue
            self._told.add(_run_of(at_work))
            self._records.note(
                "stage.stopped",
                path=path,
                stopped=at_work.agent,
                reason=message.reason,
                proof=bool(message.proof),
            )
            try:
                await at_work.child.signal("revoke", {"reason": message.reason, "epoch": epoch})
            except FailureError:  # it is over
                continue
            stopped.append(path)
        if not message.proof:
            return {"stopped": stopped, "identity": "left as it is: that takes a proof"}
        said = [
            await start_revocation(agent, message.reason, message.proof)
            for agent in agents  # (2) each brake verifies the proof itself
        ]
        return {"stopped": stopped, "identity": "; ".join(said)}

    def _known(self) -> set[str]:
        names = {name for step in self._steps for name in (step.agent, step.replacement) if name}
        return names | {self._identity(name) for name in names}

    def _meant(self, message: RevokeMessage) -> list[str]:
        at_work = self._agents.at_work
        if message.stage:
            return [message.stage] if message.stage in at_work else []
        agents = {message.agent}
        if message.agent in self._known():
            agents.add(self._identity(message.agent))
        return sorted(path for path, each in at_work.items() if each.agent in agents)


def _run_of(at_work: AtWork) -> str:
    return at_work.child.first_execution_run_id or ""
