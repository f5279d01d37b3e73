"""Revoking an agent from the command line: give a person's word, and tell what came of it.

1. Who is logged in signs for this agent and this reason, and starts a revocation that goes by that
   word. Where something holds its id, whatever it is, ours is started beside it: no word of a
   person waits for what somebody else has started.
2. Vault away: nobody can sign, and the agent's runs are stopped all the same. That is said, and has
   to be done again.
3. What is not confirmed yet says why, as Temporal knows it: the last failure of the activity.
4. What holds the id is said, and how it is removed where it is no revocation.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError

from activities.contracts.specs import QUEUE
from activities.contracts.trust_specs import REVOCATION_WORKFLOW
from activities.runtime.engine import run_under_way
from dsl.rules.proofs.proof import REVOKE, reason_digest
from dsl.rules.run.reserved import revocation_id
from dsl.shown.surfaces import Terminal
from integrations.errors import UnavailableError
from mandate.people.errors import RefusalError
from mandate.people.gates.statements import sign
from mandate.people.holders import what_is_wrong
from mandate.people.login.session import session
from mandate.terminal import note
from workflows.runtime.failures import UNKNOWN_AGENT
from workflows.trust.receipt import WAITING

ANSWER: Final = timedelta(seconds=5)  # of the run to a query
TOKEN_BYTES: Final = 8  # of an id beside


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of it: the receipt as far as it goes, and why the run was refused, if it was."""

    receipt: dict[str, Any]
    refusal: str = ""
    is_unknown: bool = False  # there is no such agent

    @property
    def is_complete(self) -> bool:
        """Everything was seen to be so."""
        return not self.refusal and self.receipt.get("complete") is True


async def order_of(env: Mapping[str, str], agent: str, reason: str) -> dict[str, str]:
    """Return the input of a revocation, with the proof of whoever is logged in (1).

    Raises:
        UsageError: nobody is.
        integrations.errors.IntegrationError: Vault does not sign.
    """
    async with session(env) as who:
        signed = await sign(who, REVOKE, {"agent": agent, "reason": reason_digest(reason)})
    return {"agent": agent, "reason": reason, "proof": signed.word}


async def order_or_unproven(env: Mapping[str, str], agent: str, reason: str) -> dict[str, str]:
    """Return the same, or the input without a proof where Vault is away (2)."""
    try:
        return await order_of(env, agent, reason)
    except UnavailableError as error:
        note(
            Terminal.of(
                "vault does not sign ({}): without a proof only the agent's runs are stopped; run "
                "this again when it answers",
                error,
            )
        )
        return {"agent": agent, "reason": reason}


async def start(client: Client, order: Mapping[str, str]) -> WorkflowHandle[Any, Any]:
    """Start the revocation, under the agent's id or beside what holds that (1)."""
    name = revocation_id(order["agent"])
    try:
        return await _begin(client, order, name)
    except WorkflowAlreadyStartedError:
        beside = revocation_id(order["agent"], secrets.token_hex(TOKEN_BYTES))
        handle = await _begin(client, order, beside)
        # (4) what holds the id is said
        note(Terminal.of("{} is started, {}", beside, await _because(client, name)))
        return handle


async def _begin(
    client: Client, order: Mapping[str, str], workflow_id: str
) -> WorkflowHandle[Any, Any]:
    handle = await client.start_workflow(
        REVOCATION_WORKFLOW, dict(order), id=workflow_id, task_queue=QUEUE
    )
    return client.get_workflow_handle(workflow_id, run_id=handle.first_execution_run_id)


async def _because(client: Client, name: str) -> Terminal:
    """Say what holds the id; whatever fails here, the brakes are on."""
    try:
        found = await run_under_way(client, name)
    except UnavailableError as error:
        return Terminal.of("as {} is taken ({})", name, error)
    if found is None:
        return Terminal.of("as {} was taken by what has ended since", name)
    if (found.type.name, found.task_queue) == (REVOCATION_WORKFLOW, QUEUE):
        return Terminal.of("beside {}, which has not ended; each goes on by its own word", name)
    end = Terminal.command("temporal workflow terminate -w {}", name)
    wrong = what_is_wrong(found, REVOCATION_WORKFLOW)
    return Terminal.of("as {} is {}; end that: {}", name, wrong, end)


async def watch(handle: WorkflowHandle[Any, Any], within_s: float) -> Ended:
    """Wait for the end, for ``within_s`` at most; return the receipt as it is then.

    Raises:
        RefusalError: the run does not say.
    """
    ending = asyncio.create_task(handle.result())
    try:
        done, _ = await asyncio.wait([ending], timeout=within_s)
        if not done:
            return Ended(await _explained(handle, await _ask(handle)))
        receipt = ending.result()
        if not isinstance(receipt, dict):
            raise RefusalError("the receipt of the revocation cannot be read")
        return Ended(receipt)
    except WorkflowFailureError as failure:
        cause = failure.cause
        details = cause.details if isinstance(cause, ApplicationError) else ()
        receipt = details[0] if details and isinstance(details[0], dict) else {}
        said = cause.message if isinstance(cause, ApplicationError) else str(cause)
        return Ended(receipt, said, getattr(cause, "type", None) == UNKNOWN_AGENT)
    finally:
        ending.cancel()


def told(ended: Ended) -> Iterator[Terminal]:
    """Yield what a person reads of it; of one that was refused, why and no more."""
    if ended.refusal:
        yield Terminal.of("refused: {}", ended.refusal)
        return
    for line in ended.receipt.get("lines", ()):
        word = "confirmed" if line["confirmed"] else "NOT confirmed"
        detail = Terminal.of("  ({})", line["detail"]) if line["detail"] else ""
        yield Terminal.of("{:<13}  {}{}", word, line["what"], detail)
    for secret in ended.receipt.get("rotate", ()):
        yield Terminal.of("rotate         {}", secret)


async def _ask(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    try:
        receipt = await handle.query("receipt", rpc_timeout=ANSWER)
    except (WorkflowQueryFailedError, WorkflowQueryRejectedError, RPCError):
        receipt = None
    if not isinstance(receipt, dict) or not receipt:
        raise RefusalError(
            "{} is started and does not answer: is the worker of queue {} running? It goes on when "
            "that is back",
            handle.id,
            QUEUE,
        )
    return receipt


async def _explained(handle: WorkflowHandle[Any, Any], receipt: dict[str, Any]) -> dict[str, Any]:
    """Add to each line that waits why it does (3)."""
    state = (await handle.describe()).raw_description
    why = {activity.activity_type.name: _why(activity) for activity in state.pending_activities}

    def explain(line: dict[str, Any]) -> dict[str, Any]:
        asked = line["detail"].removeprefix(WAITING)
        if line["confirmed"] or asked == line["detail"]:
            return line
        causes = [said for name, said in why.items() if name.startswith(asked) and said]
        return {**line, "detail": ": ".join([line["detail"], *causes[:1]])}

    return {**receipt, "lines": [explain(line) for line in receipt["lines"]]}


def _why(activity: Any) -> str:
    if activity.HasField("last_failure"):
        return str(activity.last_failure.message)
    if activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED:
        return "no worker has taken it yet"
    return ""
