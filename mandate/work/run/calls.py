"""Calls of tools of a run: what was decided, what became of them, and how long it took.

Each stage says its own; one that does not say, or says what is none, has none here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from dsl.limits import TOOL_CALLS_ASKED_MAX


class CallOfStage(BaseModel):
    """One call, as its stage says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    stage: str = ""
    ordinal: StrictInt
    call: str
    policy: str
    status: str
    why: str = ""
    began_ms: StrictInt = 0
    ended_ms: StrictInt = 0

    @property
    def place(self) -> str:
        """Which call of the run it is."""
        return f"{self.stage}#{self.ordinal}"

    @property
    def took_s(self) -> float | None:
        """How long it took, with the time that people thought; None: it is not over."""
        return (self.ended_ms - self.began_ms) / 1_000 if self.ended_ms else None


class _Said(BaseModel):
    calls: tuple[CallOfStage, ...] = Field(default=(), max_length=2 * TOOL_CALLS_ASKED_MAX)


def calls_in(said: Mapping[str, Mapping[str, Any]]) -> list[CallOfStage]:
    """Return the calls of stages, in their order; ``said``: what they say of themselves."""
    return [
        each.model_copy(update={"stage": path})
        for path, status in said.items()
        for each in _calls(status)
    ]


def _calls(status: Mapping[str, Any]) -> tuple[CallOfStage, ...]:
    try:
        return _Said.model_validate(status).calls
    except ValidationError:
        return ()
