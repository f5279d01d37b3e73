"""What promotion and reinstatement do alike: evidence, then people's consent, then a grant.

It raises nobody. The ledger's worker checks criteria and votes and signs the grant; the trust
worker checks that signature and applies it. What is decided here is only what to ask next, so a
run that somebody else forges gains nothing. The rules:

1. The workflow id names the agent: two changes of one agent at once cannot be.
2. A refusal names everything that is not met, changes nothing, and is on the ledger.
3. The gate belongs to this run, and takes proven votes only.
4. What follows a grant is done to its end, also when the run is cancelled meanwhile: a change
   without its record would be one that nobody finds.
5. However a run ends, what it noted is recorded, within two minutes.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

from activities.contracts import messages, specs
from activities.contracts import trust_specs as trust
from dsl.actions import TRUST_REFUSED
from dsl.core import StageStatus
from dsl.plan import GateStep, Plan, walk
from dsl.rules.trust.admission import unregistered
from dsl.shown.surfaces import Markdown
from dsl.values.canonical import digest_of
from workflows.gates.control_groups import ControlGroups
from workflows.gates.gate_board import GateBoard
from workflows.gates.gated_workflow import GatedWorkflow
from workflows.gates.opening import Matter
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.messages.inputs import MessageError, Wanted
from workflows.run.board import board
from workflows.run.stages import Stages
from workflows.runtime import failures
from workflows.runtime.cancellation import shielded
from workflows.runtime.failures import RefusedError, StageEndedError
from workflows.runtime.query_answers import gate_rows
from workflows.runtime.visibility import show_start

_IDENTITY: Final = "verified"  # (3) proven votes only


class TrustChange(GatedWorkflow):
    """One change of one agent's trust."""

    kind: ClassVar[str]
    refused_as: ClassVar[str]  # the failure's type

    def __init__(self) -> None:
        super().__init__()
        self.records = LedgerBuffer("trust")
        self._wanted: Wanted | None = None
        self._standing = trust.AgentStanding(known=False)
        self._evidence = trust.Evidence()
        self._entry = -1  # of the grant
        self._state = "starting"
        self._stages = Stages()
        self._board: GateBoard | None = None

    @abstractmethod
    def read(self, args: Sequence[Any]) -> Wanted:
        """Return what is wanted.

        Raises:
            MessageError: it cannot be read.
        """

    @abstractmethod
    def id_of(self, agent: str) -> str:
        """Return the id this workflow must have (1)."""

    @abstractmethod
    def objections(self, standing: trust.AgentStanding, wanted: Wanted) -> tuple[str, ...]:
        """Say what Vault alone has against it, whatever the ledger says."""

    @abstractmethod
    async def apply(self, wanted: Wanted, granted: trust.Granted) -> dict[str, Any]:
        """Do what was granted, record it, and return what the report says of it."""

    async def decide(self, payload: RawValue | None) -> dict[str, Any]:
        """Return the report, or raise how the run ended."""
        try:
            return await self._decide(payload)
        except asyncio.CancelledError:
            self._state = "cancelled"
            await shielded(self.records.flush_last("end"))  # (5) within two minutes
            raise
        except RefusedError as error:
            refusal = error
        except StageEndedError as error:
            refusal = RefusedError(error.detail, kind=failures.GATE_REJECTED)
        except ActivityError as error:
            refusal = RefusedError(failures.cause_of(error)[1])
        raise await self._refused(refusal)

    @workflow.query(description="What is asked, how far it has come, void messages")
    def status(self) -> dict[str, Any]:
        """Return the state of the run."""
        return {**self._asked(), "waiting_for": self.waiting(), **self.void_messages()}

    @property
    def board(self) -> GateBoard | None:
        """See base class."""
        return self._board

    def waiting(self, gate: str | None = None) -> list[dict[str, Any]]:
        """See base class; with what people sign by digest."""
        rows = self._board.rows(gate) if self._board else []
        return gate_rows(rows, self._evidence.inputs)[0]

    def pinned(self) -> dict[str, Any]:
        """See base class."""
        plan = self._evidence.plan
        return {"digest": plan.digest(), "plan": plan.model_dump(mode="json")} if plan else {}

    async def _decide(self, payload: RawValue | None) -> dict[str, Any]:
        wanted = self._wanted = self._read(payload)
        await self._gather(wanted)
        approval = await self._consent(*self._gate())
        self._state = "asking the ledger for the grant"
        granted = await trust.grant(
            trust.GrantRequest(
                kind=self.kind,
                agent=wanted.agent,
                to=wanted.to,
                held=self._standing.tier,
                inputs=self._evidence.inputs,
                approval=approval,
            ),
            activity_id="trust/grant#1",
            summary=Markdown.of("may it {} {}?", self.kind, wanted.agent),
        )
        if granted.refusal or not granted.grant:
            raise RefusedError(
                granted.refusal or "the ledger has granted nothing", is_recorded=granted.entry >= 0
            )
        self._entry, self._state = granted.entry, "applying the grant"
        # (4) a change without record would be found by nobody
        changed = await shielded(self.apply(wanted, granted))
        self._state = "done"
        return {
            **self._report(StageStatus.COMPLETED.value),
            **changed,
            "approval": self._board.decided[-1] if self._board else {},
        }

    def _read(self, payload: RawValue | None) -> Wanted:
        try:
            wanted = self.read([payload])
        except MessageError as error:
            raise RefusedError(str(error)) from None
        expected = self.id_of(wanted.agent)
        if workflow.info().workflow_id != expected:  # (1) one at a time for an agent
            raise RefusedError(
                f"the workflow id must be {expected!r}, so that there is one at a time"
            )
        return wanted

    async def _gather(self, wanted: Wanted) -> None:
        """Ask Vault and the ledger; raise everything that is not met (2)."""
        self._state = "looking at vault and the ledger"
        self.policy = await workflow.execute_local_activity(
            specs.POLICY,
            result_type=messages.Policy,
            start_to_close_timeout=specs.COMPILE_TIMEOUT,
            activity_id="trust/policy#1",
        )
        show_start(self.policy)
        self._standing = await trust.inspect(
            trust.AgentName(agent=wanted.agent),
            activity_id="trust/inspect#1",
            summary=Markdown.of("how does {} stand in vault?", wanted.agent),
        )
        if not self._standing.known:
            raise RefusedError(unregistered(wanted.agent))
        self._evidence = await trust.evidence(
            trust.EvidenceRequest(
                kind=self.kind,
                agent=wanted.agent,
                to=wanted.to,
                held=self._standing.tier,
                reason=wanted.reason,
            ),
            activity_id="trust/evidence#1",
            summary=Markdown.of("what does the ledger say of {}?", wanted.agent),
        )
        unmet = (*self.objections(self._standing, wanted), *self._evidence.unmet)
        if unmet:
            raise RefusedError(*dict.fromkeys(unmet))

    def _gate(self) -> tuple[Plan, GateStep]:
        plan = self._evidence.plan
        for step in walk(plan.steps) if plan else ():
            if plan and isinstance(step, GateStep) and step.path == trust.GATE:
                return plan, step
        raise RefusedError("the ledger names nobody who has to consent")

    async def _consent(self, plan: Plan, step: GateStep) -> messages.Approval:
        """Open the gate and wait for people (3)."""
        digest = plan.digest()
        self._stages = Stages(walk(plan.steps))
        control_groups = ControlGroups(plan, digest, self.records)
        gates = GateBoard(
            [step.path], self.records, control_groups, self.policy, identity=_IDENTITY
        )
        self._board, self._state = gates, "waiting for consent"
        self._stages.move(step.path, StageStatus.WAITING)
        matter = Matter(digest, digest_of(self._evidence.inputs), {})
        try:
            await gates.decide(step, matter, None)
        except StageEndedError as error:
            self._stages.move(step.path, error.status, error.detail)
            raise
        self._stages.move(step.path, StageStatus.COMPLETED)
        if not gates.approvals:
            raise RefusedError("the gate was passed without a proof, and this takes proven votes")
        return gates.approvals[-1]

    async def _refused(self, refusal: RefusedError) -> ApplicationError:
        self._state = "refused"
        if not refusal.is_recorded:
            self.records.note_of(
                self._wanted.agent if self._wanted else "-",
                self._standing.tier,
                TRUST_REFUSED,
                kind=self.kind,
                asked=self._asked(),
                why=list(refusal.why),
            )
        await shielded(self.records.flush_last("end"))  # (5) within two minutes
        report = {**self._report(StageStatus.FAILED.value), "unmet": list(refusal.why)}
        return failures.ended(refusal.kind or self.refused_as, str(refusal), report)

    def _asked(self) -> dict[str, Any]:
        wanted = self._wanted
        return {
            "kind": self.kind,
            "state": self._state,
            "agent": wanted.agent if wanted else "",
            "to": wanted.to.name if wanted else "",
            "reason": wanted.reason if wanted else "",
            "held": self._standing.tier.name if self._standing.known else "",
        }

    def _report(self, status: str) -> dict[str, Any]:
        return {
            **self._asked(),
            "status": status,
            "evidence": self._evidence.entry,
            "grant": self._entry,
            "ledger": list(self.records.range or ()),
            "not_recorded": len(self.records.unrecorded),
        }

    def page(self) -> Markdown:
        """See base class; with the figures people are asked to sign."""
        pending = self._board.pending if self._board else {}
        asked = self._wanted
        title = f"{self.kind} {asked.agent} to {asked.to.name}" if asked else self.kind
        page = board(title, workflow.info().workflow_id, self._stages, pending)
        if not pending:
            return page
        return Markdown.joined("\n\n", (page, _figures(self._evidence.inputs)))


def _figures(inputs: Mapping[str, Any]) -> Markdown:
    """Return what people are asked to sign, as the Web UI shows it."""
    words = ((name.replace("_", " "), value) for name, value in inputs.items())
    lines = (Markdown.of("- {}: {}", *pair) for pair in words)
    return Markdown.joined("\n", (Markdown("### Evidence\n"), *lines))
