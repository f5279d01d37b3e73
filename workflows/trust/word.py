"""Whose word an order is: a person's, where it is proven, else that of the name it was given under.

1. With a proof it is a person's, and one that is no good is refused; without one it is the name
   that was claimed. Which of them it is goes on record with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from temporalio import workflow

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from activities.contracts import messages, specs
    from activities.contracts.meant import MeantError
    from dsl.rules.proofs.proof import CLAIMED, PROVEN


async def whose_word(
    claimed: str,
    proof: str,
    purpose: str,
    about: Mapping[str, str],
    *,
    activity_id: str,
    summary: Markdown,
    refused: str,
) -> tuple[str, str]:
    """Return whose word it is about ``about``, and how that is known (1).

    Raises:
        MeantError: of type ``refused``, the proof is no good.
    """
    if not proof:
        return claimed, CLAIMED
    proven = await specs.prove(
        messages.ProveRequest(purpose=purpose, about=dict(about), proof=proof),
        activity_id=activity_id,
        summary=summary,
    )
    if proven.refusal:
        raise MeantError(proven.refusal, type=refused)
    return proven.name, PROVEN
