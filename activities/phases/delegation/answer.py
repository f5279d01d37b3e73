"""What somebody else's activity or workflow came to, taken as a program's answer is.

1. It is one ``result`` of the contract of agents. What is none breaks the contract, and the error
   says what is wrong with it; see ``integrations.agents.contract.answer``.
2. It never had a secret. Text like a token of Vault is taken out all the same, and counted.
3. Nothing it has said is lost: of a try that failed, why it did is kept as its log.
4. No sandbox held it, and the account of the stage says so.
5. A request can be forged: above T2 nothing is taken so.
"""

from __future__ import annotations

import asyncio

from activities.contracts import messages
from activities.contracts.resumption import Heard
from activities.phases.admission import refuse_delegation
from activities.phases.delegation.account import NO_SANDBOX
from activities.phases.equipment import Equipment
from activities.phases.tries.keeping import Answer, keep, keep_failed
from dsl.core import AgentPhase
from integrations.agents.contract.answer import read_answer
from integrations.agents.contract.log import Left, Log
from integrations.agents.contract.protocol import FAILED, AgentError, Outcome
from integrations.errors import DeniedError
from integrations.redaction import Redactor


async def take(equipment: Equipment, request: messages.PhaseRequest, phase: AgentPhase) -> Answer:
    """Store what was answered.

    Raises:
        DeniedError: the stage is not somebody else's to do (5).
        AgentError: there is no answer, none that can be taken, or it says that its work failed.
    """
    refuse_delegation(request.step)  # (5) a request can be forged
    heard = request.heard
    if heard is None:
        raise DeniedError(f"stage {request.step.path!r} is somebody else's to do, and nobody has")
    redact = Redactor()
    log = Log(redact)
    try:
        outcome = await asyncio.to_thread(_outcome, heard, redact, log)
    except AgentError as error:
        error.secrets, error.tokens = redact.replaced.secrets, redact.replaced.tokens
        raise await keep_failed(equipment, phase, error, Left(log.lines())) from None
    if not outcome.result.ok:
        summary = outcome.result.summary or "the agent reports that its work failed"
        failed = AgentError(FAILED, summary, retryable=True, outcome=outcome)
        failed.secrets, failed.tokens = outcome.secrets, outcome.tokens
        raise await keep_failed(equipment, phase, failed, Left(outcome.log))
    return await keep(equipment, phase, outcome)


def _outcome(heard: Heard, redact: Redactor, log: Log) -> Outcome:
    """Return what was delivered; nothing else is known of how it went (2) (4).

    Raises:
        AgentError: nothing that can be taken (1).
    """
    if heard.answer is None:
        why = redact.text(heard.why)
        log.message(heard.kind, {"message": why})  # (3) why it failed is kept
        raise AgentError(heard.kind, why, retryable=heard.retryable)
    try:
        result = read_answer(heard.answer, redact)
    except AgentError:
        # (3) and what it said
        log.text("answer", heard.answer.encode(errors="backslashreplace"))
        raise
    said = {"message": result.summary, "ok": result.ok, "output": result.output}
    log.message("result", said)
    return Outcome(
        result=result,
        seconds=heard.worked_ms / 1000,
        level=NO_SANDBOX,
        log=log.lines(),
        secrets=redact.replaced.secrets,
        tokens=redact.replaced.tokens,
    )
