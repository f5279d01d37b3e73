"""What fields of documents may hold: names, tiers, numbers, each with its pattern."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from dsl.core import Tier
from dsl.people import GROUP_PREFIX, refuse_name
from dsl.values.names import NAME_PATTERN

# As far as a pattern tells; ``dsl.people`` has the rest. No name ends in a blank.
_ENDS, _WITHIN = r"[^\u0000-\u0020\u007f-\u00a0]", r"[^\u0000-\u001f\u007f-\u009f]"
GROUP_PATTERN = rf"^{_ENDS}({_WITHIN}{{0,254}}{_ENDS})?$"
PERSON_PATTERN = rf"^(group:)?{_ENDS}({_WITHIN}{{0,254}}{_ENDS})?$"
PROJECT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"
WRITABLE_PATTERN = r"^[^\x00]{1,1024}$"
SECRET_NAME_PATTERN = r"^[A-Z][A-Z0-9_]{0,63}$"  # noqa: S105  # a pattern, no secret
INPUT_NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
# The id is looked at by ``dsl.checks.agents``, which can say more about it.
ON_REVOKED_PATTERN = r"^(fail|skip|replace: ?[a-z][a-z0-9._-]*)$"

RULE_BROKEN: Final = "rule_broken"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]


def read_person(value: str) -> str:
    """Accept the name of a person, and of a group behind ``group:``."""
    why = refuse_name(value.removeprefix(GROUP_PREFIX))
    if why is not None:
        raise PydanticCustomError(NAME_REFUSED, "{why}", {"why": why})
    return value


def read_group(value: str) -> str:
    """Accept the name of a group."""
    why = refuse_name(value)
    if why is not None:
        raise PydanticCustomError(NAME_REFUSED, "{why}", {"why": why})
    return value


NAME_REFUSED: Final = "name_refused"
Person = Annotated[
    str,
    Field(pattern=PERSON_PATTERN),
    AfterValidator(read_person),
    WithJsonSchema(
        {"type": "string", "pattern": PERSON_PATTERN, "not": {"pattern": "^group:(group:| |$)"}}
    ),
]
Group = Annotated[
    str,
    Field(pattern=GROUP_PATTERN),
    AfterValidator(read_group),
    WithJsonSchema({"type": "string", "pattern": GROUP_PATTERN, "not": {"pattern": "^group:"}}),
]


def read_whole(value: Any) -> Any:
    """Accept ``1.0`` for ``1``: JSON Schema tells them apart as little as JSON does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Where it stands beside bounds, it stands behind them, or the schema would not have them.
AS_WHOLE = BeforeValidator(read_whole)
Whole = Annotated[int, AS_WHOLE]
Folder = Annotated[str, Field(pattern=WRITABLE_PATTERN)]
Port = Annotated[int, Field(ge=1, le=65535), AS_WHOLE]


def parse_tier(value: Any) -> Tier:
    """Accept ``1`` and ``T1`` alike."""
    if isinstance(value, Tier):
        return value
    value = read_whole(value)
    text = value if isinstance(value, str) else f"T{value}"
    if isinstance(value, bool) or text not in Tier.__members__:
        raise ValueError(f"expected a trust tier from 0 to 4 (or T0 to T4), got {value!r}")
    return Tier[text]


TierField = Annotated[
    Tier,
    BeforeValidator(parse_tier),
    WithJsonSchema({"enum": [0, 1, 2, 3, 4, "T0", "T1", "T2", "T3", "T4"]}),
]


def refused(why: str) -> PydanticCustomError:
    """Return what to raise for a rule that is broken; ``why`` are the words for it."""
    return PydanticCustomError(RULE_BROKEN, "{why}", {"why": why})
