"""A command that somebody has written in a comment at GitHub.

It is the first line of the comment, and the line begins with its words: what goes on otherwise,
such as ``/mandate approved?``, is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.limits import REASON_LENGTH_MAX
from integrations.doors.payloads import object_of, text_of

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


def command_in(comment: Mapping[str, Any]) -> Comment | None:
    """Return the command in a comment, if its first line is one."""
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
