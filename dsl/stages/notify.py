"""Who is told of a run, and of what, as an author writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from pydantic import Field

from dsl.stages.fields import Name
from dsl.stages.stage import Document
from dsl.steps.notify import Happening

Told = Literal[
    "gate-opened",
    "gate-reminder",
    "gate-escalated",
    "gate-decided",
    "stage-failed",
    "revoked",
    "ended",
]
# What asks somebody for something, and the end.
USUALLY: Final[tuple[Told, ...]] = (
    "gate-opened",
    "gate-reminder",
    "gate-escalated",
    "revoked",
    "ended",
)


class NotifyConfig(Document):
    """One destination that is told of each run."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "to": "A destination of the operator's file, MANDATE_NOTIFY, by its name.",
        "when": "What it is told of; default: what asks for somebody, and the end.",
    }

    to: Name
    when: tuple[Told, ...] = Field(default=USUALLY, min_length=1, max_length=len(Happening))
