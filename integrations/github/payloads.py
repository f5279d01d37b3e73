"""What payloads of GitHub say, read with care.

1. What is of another type than was expected is as good as nothing.
2. A command is the first line of a comment, and the line begins with its words: what goes on
   otherwise, such as ``/mandate approved?``, is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.limits import REASON_LENGTH_MAX

_COMMAND: Final = re.compile(
    r"^/mandate[ \t]+(approve|reject)(?=[ \t]|$)(?:[ \t]+(\S{1,1000}))?[ \t]*(.*)$"
)
COMMENT_MAX: Final = 4_000  # characters that are looked at


@dataclass(frozen=True, slots=True)
class Comment:
    """A command that somebody has written at a pull request."""

    account: str
    decision: str
    gate: str
    reason: str
    delivery: str
    at: str


def object_of(value: Any) -> dict[str, Any]:
    """Return it if it is one; else an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(value: Any, limit: int = 300) -> str:
    """Return it if it is text, as far as ``limit``; else none."""
    return value[:limit] if isinstance(value, str) else ""


def command_in(comment: Mapping[str, Any]) -> Comment | None:
    """Return the command in a comment, if its first line is one (2)."""
    line, _, rest = text_of(comment.get("body"), COMMENT_MAX).strip().partition("\n")
    found = _COMMAND.match(line.strip())
    account, number = object_of(comment.get("user")).get("id"), comment.get("id")
    if found is None or type(account) is not int or type(number) is not int:
        return None
    reason = "\n".join(part.strip() for part in (found[3], rest) if part.strip())
    return Comment(
        account=str(account),
        decision=found[1],
        gate=found[2] or "",
        reason=reason[:REASON_LENGTH_MAX],
        delivery=f"comment {number}",
        at=text_of(comment.get("created_at")),
    )
