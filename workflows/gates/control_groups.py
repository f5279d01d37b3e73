"""Vault's control groups behind a gate: asked for when it opens, taken back when it says no.

What is filed opens nothing until a person authorises it in Vault, and who may do so is for Vault
to know. Where a Vault does not hold reads back, nothing is filed, and status and ledger say so.

1. Asking runs beside the wait: without the T3 worker people can vote, and the stage behind fails
   later, closed, saying why.
2. Taking back must finish: it is shielded, and bounded by two minutes. What it could not take
   back ends with its own time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts import specs
from activities.contracts.control_groups import GateRequest, GateRequested
from dsl.plan import Plan
from dsl.rules.gates.guards import asked_for
from dsl.shown.surfaces import Markdown
from workflows.gates.opening import Opening
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.runtime import failures
from workflows.runtime.cancellation import CLEANING, shielded

# Asked once more after the gate has been answered in the last second.
_GRACE_MS: Final = 5 * 60_000


class ControlGroups:
    """Files requests for the T3 stages of one plan."""

    def __init__(
        self,
        plan: Plan,
        digest: str,
        records: LedgerBuffer,
        *,
        asking: Iterable[str] | None = None,
        authors: tuple[str, ...] = (),
    ) -> None:
        """Prepare.

        Args:
            plan: the plan of the run.
            digest: of it.
            records: told what was asked for.
            asking: the gates at which Vault is asked, where that is known.
            authors: proofs of those who vouch for the plan.
        """
        self._asking = frozenset(asked_for(plan) if asking is None else asking)
        self._digest = digest
        self._records = records
        self._authors = authors

    async def ask(self, opening: Opening) -> None:
        """Have requests filed for what waits behind the gate (1)."""
        path = opening.step.path
        if path not in self._asking:
            return
        opening.vault.state = "asking"
        try:
            asked = await specs.request_gate(
                self._request(opening),
                activity_id=f"{path}/request#{opening.number}",
                summary=Markdown.of("ask Vault for what waits behind {}", path),
            )
        except ActivityError as error:
            opening.vault.state = "refused"
            opening.vault.detail = failures.cause_of(error)[1]
        else:
            opening.vault.state = _state(asked)
            opening.vault.detail = asked.detail
            opening.vault.requests = [filed.model_dump(mode="json") for filed in asked.filed]
        self._records.note(
            "gate.requested",
            gate=path,
            opening=opening.number,
            state=opening.vault.state,
            detail=opening.vault.detail,
            requests=opening.vault.requests,
        )

    async def withdraw(self, opening: Opening) -> None:
        """Take back what was filed for the opening (2)."""
        if opening.vault.state in ("none", "not enforced"):
            return
        await shielded(self._withdraw(opening))

    async def _withdraw(self, opening: Opening) -> None:
        path = opening.step.path
        try:
            await specs.withdraw_gate(
                self._request(opening),
                activity_id=f"{path}/withdraw#{opening.number}",
                summary=Markdown.of("take back what was asked for behind {}", path),
                give_up_after=CLEANING,
            )
        except ActivityError as error:
            workflow.logger.warning("requests of %s end by themselves: %s", path, error)

    def _request(self, opening: Opening) -> GateRequest:
        return GateRequest(
            plan=self._digest,
            gate=opening.step.path,
            opening=opening.number,
            ttl_ms=opening.timeout_ms + _GRACE_MS,
            authors=self._authors,
        )


def _state(asked: GateRequested) -> str:
    """Say in a word how far Vault waits as well; the detail says about what it does not."""
    if not asked.enforced:
        return "not enforced"
    if not asked.filed:
        return "nothing filed"
    return "partly filed" if asked.detail else "filed"
