"""Templates: what an ``agent`` stage may be, and what it starts from.

A template names a program by its bare name and never says where the file lies: that is the
runner's business. One without a program is declared and validated, and its stages are refused
saying so. The shipped ones are YAML files beside this module, read once. The rules:

1. The tier of a template is what its stages ask for where they say nothing themselves.
2. ``phases`` are those in which the program itself is asked, in the order of the lifecycle;
   EXECUTE is always one of them.
3. ``inputs`` is the whole list of inputs its stages may set. Without the key they may set
   any: Mandate cannot know what a program that is not here would take.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field, field_validator

from dsl.core import AgentPhase
from dsl.document.loader import load
from dsl.limits import AGENT_TIMEOUT_MS
from dsl.models import INPUT_NAME_PATTERN, Document, InputSpec, Name, TierField
from dsl.values.durations import Duration

DIRECTORY: Final = Path(__file__).parent / "template_files"
ASKABLE_PHASES: Final = (AgentPhase.PLAN, AgentPhase.EXECUTE, AgentPhase.VERIFY)


class Template(Document):
    """One kind of agent."""

    name: Name
    description: str
    tier: TierField  # (1)
    program: Name | None
    phases: tuple[AgentPhase, ...]
    timeout: Duration = AGENT_TIMEOUT_MS
    inputs: dict[Annotated[str, Field(pattern=INPUT_NAME_PATTERN)], InputSpec] | None = None  # (3)

    @field_validator("phases")
    @classmethod
    def _in_order(cls, phases: tuple[AgentPhase, ...]) -> tuple[AgentPhase, ...]:
        allowed = tuple(phase for phase in ASKABLE_PHASES if phase in phases)
        if phases != allowed or AgentPhase.EXECUTE not in phases:  # (2)
            raise ValueError(
                f"expected EXECUTE and any of {', '.join(ASKABLE_PHASES)} in this order, "
                f"got {', '.join(phases)}"
            )
        return phases


@cache
def shipped() -> Mapping[str, Template]:
    """Return the templates that come with Mandate, by name."""
    templates = (
        Template.model_validate(load(file.read_text("utf-8"), file.name).data)
        for file in sorted(DIRECTORY.glob("*.yaml"))
    )
    return MappingProxyType({template.name: template for template in templates})
