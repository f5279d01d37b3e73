"""What one try of a program comes to: its outcome, or the question that has ended it.

1. What one has left that did not deliver is kept, however it ended.
2. A question that is not waited for is no failure: the try answers with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from activities.contracts.resumption import Asked, CheckpointRef
from activities.phases.equipment import Equipment
from activities.phases.tries.keeping import Answer, keep_failed, keep_left
from activities.phases.tries.spending import Spending
from activities.runtime.violation import said
from dsl.core import AgentPhase
from integrations.agents.contract.log import Left
from integrations.agents.contract.protocol import AgentError, Outcome, QuestionAskedError
from integrations.errors import IntegrationError


async def outcome_of(
    equipment: Equipment,
    phase: AgentPhase,
    running: Awaitable[Outcome],
    left: list[Left],
    spending: Spending,
) -> Outcome:
    """Wait for the program; what one has left that did not deliver is kept (1)."""
    try:
        return await spending.heard_out(running, left)
    except AgentError as error:
        raise (await keep_failed(equipment, phase, error, left[0]) if left else error) from None
    except (asyncio.CancelledError, IntegrationError, QuestionAskedError):
        if spending.cut_short() or left:
            await keep_left(equipment, phase, left[0] if left else Left(b""))
        raise


def of_question(
    asking: QuestionAskedError, phase: AgentPhase, checkpoint: CheckpointRef | None
) -> Answer:
    """Return what a try answers that has asked (2)."""
    question = asking.question
    return Answer(
        output={},
        outputs=(),
        facts={"asked": question.id, "question": question.digest()},
        violations=said(asking.secrets, asking.tokens),
        asked=Asked(question=question, phase=phase, checkpoint=checkpoint),
    )
