"""What somebody has asked for at GitHub: a command in a comment, or a press of a check's button.

A command is the first line of the comment, and the line begins with its words: what goes on
otherwise, such as ``/mandate approved?``, is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.limits import REASON_LENGTH_MAX
from dsl.rules.gates.consensus import GITHUB
from integrations.doors.ballots import Given
from integrations.doors.payloads import object_of, text_of

_COMMAND: Final = re.compile(
    r"^/mandate[ \t]+(approve|reject)(?=[ \t]|$)(?:[ \t]+(\S{1,1000}))?[ \t]*(.*)$"
)
COMMENT_MAX: Final = 4_000  # characters that are looked at
EXTERNAL_ID_MAX: Final = 1_100
_SHA: Final = re.compile(r"[0-9a-f]{40}")
_LOGIN: Final = re.compile(r"[A-Za-z0-9-]{1,39}")
_BUTTON: Final = re.compile(r"([ar])-([1-9][0-9]{0,6})-[0-9a-f]{10}")
_DECISIONS: Final = {"a": "approve", "r": "reject"}


@dataclass(frozen=True, slots=True)
class Comment:
    """A command that somebody has written at a pull request."""

    account: str
    decision: str
    gate: str
    reason: str
    delivery: str
    at: str


@dataclass(frozen=True, slots=True)
class Press:
    """A button of a check of ours that somebody has pressed."""

    account: str
    login: str  # for people to read; empty: none that can be one
    button: str
    decision: str
    opening: int
    run: str
    run_id: str
    commit: str


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


def press_in(payload: Mapping[str, Any]) -> Press | None:
    """Return which button was pressed, if it is one of ours."""
    check, sender = object_of(payload.get("check_run")), object_of(payload.get("sender"))
    run, _, run_id = text_of(check.get("external_id"), EXTERNAL_ID_MAX).rpartition("/")
    named = text_of(object_of(payload.get("requested_action")).get("identifier"))
    pressed, commit = _BUTTON.fullmatch(named), text_of(check.get("head_sha"))
    account, login = sender.get("id"), text_of(sender.get("login"))
    if pressed is None or not run or type(account) is not int or not is_commit(commit):
        return None
    return Press(
        account=str(account),
        login=login if _LOGIN.fullmatch(login) else "",
        button=named,
        decision=_DECISIONS[pressed[1]],
        opening=int(pressed[2]),
        run=run,
        run_id=run_id,
        commit=commit,
    )


def given_in(asked: Comment, run: str, gate: str) -> Given:
    """Return the vote that a command asks for, at that gate of that run."""
    return Given(
        door=GITHUB,
        account=asked.account,
        run=run,
        gate=gate,
        decision=asked.decision,
        reason=asked.reason,
        delivery=asked.delivery,
        at=asked.at,
    )


def is_commit(word: str) -> bool:
    """Tell whether that names a commit."""
    return _SHA.fullmatch(word) is not None
