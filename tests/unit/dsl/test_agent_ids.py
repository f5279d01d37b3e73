"""One form of an agent's id: the language, messages, grants and Vault's names agree on it."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from dsl.models import AgentStage
from dsl.values.agent_ids import (
    AGENT_ID_LENGTH_MAX,
    AGENT_IDENTITY_LENGTH_MAX,
    is_agent_id,
    is_agent_identity,
    refuse_agent_identity,
)
from integrations.errors import DeniedError
from integrations.vault.naming import entity_name

NAMES = ["a", "deploy.plan", "inline-0123456789ab.plan", "a_b-c.d", "a-.b", "a_"]
NO_NAMES = [
    *(
        "",
        "a/b",
        "a*",
        "a+b",
        "a..b",
        "{{ a }}",
        "A",
        "1a",
        "a.",
        "a-",
        "a\n",
        "ä",
        "a b",
        ".",
        ".a",
    ),
    *("a~0f", "-a", "_a", "a.-"),
]
NO_TEXTS = [None, 1, True, ["a"], {"a": 1}]
STAGE = TypeAdapter(AgentStage)


def stage(agent: str) -> dict[str, str]:
    return {"type": "agent", "name": "plan", "template": "default", "agent": agent}


@pytest.mark.parametrize("name", [*NAMES, "a" * AGENT_ID_LENGTH_MAX])
def test_what_an_agent_may_be_called_is_the_same_everywhere(name):
    assert is_agent_id(name)
    assert refuse_agent_identity(name) is None
    assert STAGE.validate_python(stage(name)).agent == name
    assert entity_name(name) == f"agent-{name}"


@pytest.mark.parametrize("name", [*NO_NAMES, "a" * (AGENT_IDENTITY_LENGTH_MAX + 1)])
def test_what_no_agent_is_called_is_refused_everywhere(name):
    with pytest.raises(ValidationError):
        STAGE.validate_python(stage(name))
    with pytest.raises(DeniedError, match="cannot be an identity"):
        entity_name(name)
    assert not is_agent_identity(name)


@pytest.mark.parametrize("name", [*NO_NAMES, *NO_TEXTS, "a" * (AGENT_IDENTITY_LENGTH_MAX + 1)])
def test_a_refusal_says_what_is_expected_and_repeats_nothing(name):
    refusal = refuse_agent_identity(name)

    assert refusal is not None
    assert len(refusal) < 200


def test_an_identity_has_room_for_the_prefix_of_an_inline_plan():
    name = f"inline-0123456789ab.{'a' * AGENT_ID_LENGTH_MAX}"

    assert is_agent_identity(name)
    assert entity_name(name) == f"agent-{name}"
