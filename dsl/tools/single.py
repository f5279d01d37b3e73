"""What the operator knows of one tool of a server, beside what the server says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field, field_validator, model_validator

from dsl import limits
from dsl.rules.tools.effects import arguments_of, refuse_effect
from dsl.rules.tools.hidden import FIELD_PATTERN, like_of
from dsl.stages.fields import AS_WHOLE, TierField, refused
from dsl.stages.stage import Document
from dsl.values.durations import ToolTimeout


class ToolRedact(Document):
    """Fields that nobody keeps."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "answer": "Fields of the answer, by their path: customer.card. It has to be JSON, or "
        "all of it is left out.",
        "arguments": "Fields of the arguments, likewise: a seal stands for them wherever somebody "
        "could read them, and the server alone is handed what they say.",
    }

    answer: tuple[Annotated[str, Field(pattern=FIELD_PATTERN, max_length=200)], ...] = Field(
        default=(), max_length=limits.TOOL_FIELDS_MAX
    )
    arguments: tuple[Annotated[str, Field(pattern=FIELD_PATTERN, max_length=200)], ...] = Field(
        default=(), max_length=limits.TOOL_FIELDS_MAX
    )


class ToolConfig(Document):
    """What the operator knows of one tool."""

    EXPLAINED: ClassVar[Mapping[str, str]] = {
        "tier": "The least tier of a stage that calls it; default: that of the server.",
        "timeout": "How long one call may take, up to 10m; default: that of the server.",
        "idempotent": "To call it twice with the same arguments is to call it once.",
        "retries": "How often it is made again where nobody knows whether it was made, up to 2, "
        "which is the default; only of a tool that is idempotent.",
        "redact": "What of an answer is left out before anybody keeps it, the agent too, and what "
        "of the arguments nobody is to read on their way.",
        "effect": "What a call brings about, made of args, as refund:${{ args.payment_id }}: it "
        "happens once, whichever run or agent asks for it.",
    }

    tier: TierField | None = None
    timeout: ToolTimeout | None = None
    idempotent: bool = False
    retries: Annotated[int, Field(ge=0, le=limits.TOOL_ATTEMPTS_MAX - 1), AS_WHOLE] | None = None
    redact: ToolRedact = ToolRedact()
    effect: str | None = Field(default=None, min_length=1, max_length=limits.EFFECT_LENGTH_MAX)

    @model_validator(mode="after")
    def _once_or_again(self) -> ToolConfig:
        if self.retries is not None and not self.idempotent:
            raise refused("retries: only a call of an idempotent tool is made again")
        return self

    @model_validator(mode="after")
    def _of_what_may_be_read(self) -> ToolConfig:
        hidden = {like_of(each.partition(".")[0]) for each in self.redact.arguments}
        shown = [each for each in arguments_of(self.effect or "") if like_of(each) in hidden]
        if shown:  # as what is hidden is found
            raise refused(
                f"effect: its name stands on the ledger, and {min(shown)} is hidden by redact"
            )
        return self

    @field_validator("effect")
    @classmethod
    def _of_arguments(cls, effect: str | None) -> str | None:
        why = refuse_effect(effect) if effect is not None else None
        if why is not None:
            raise refused(why)
        return effect
