"""Questions in the contract of agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from dsl.rules.gates.questions import Question
from dsl.values.model_faults import fault_of
from integrations.agents.contract.protocol import broken


def parse_question(message: Mapping[str, Any]) -> Question:
    """Check a ``question`` message.

    Raises:
        AgentError: of kind ``protocol``: it is none that can be put to people.
    """
    known = {name: message[name] for name in Question.model_fields if name in message}
    try:
        return Question.model_validate(known)
    except ValidationError as error:
        raise broken(f"question.{fault_of(error).removeprefix('input: ')}") from None
