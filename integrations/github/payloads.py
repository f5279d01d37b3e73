"""What somebody has asked for at GitHub: a command in a comment, or a press of a check's button.

1. A command is the first line of the comment, and the line begins with its words: what goes on
   otherwise, such as ``/mandate approved?``, is none.
2. A comment with another command below is none at all: nobody can say which of them was meant.
3. A reason that is longer than a run takes is none at all, and not its beginning: what somebody has
   written stands on record as they wrote it.
4. A vote is given by the person whose account it is. What an app has written, also by a token that
   somebody has given it, and what a bot does, is that program's word and not theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.limits import REASON_LENGTH_MAX
from dsl.rules.gates.consensus import GITHUB
from integrations.doors.ballots import Given
from integrations.doors.payloads import count_of, object_of, text_of

_COMMAND: Final = re.compile(
    r"^/mandate[ \t]+(approve|reject)(?=[ \t]|$)(?:[ \t]+(\S{1,1000}))?[ \t]*(.*)$"
)
BODY_MAX: Final = 1 << 18  # characters of a comment: GitHub takes fewer
EXTERNAL_ID_MAX: Final = 1_100
_SHA: Final = re.compile(r"[0-9a-f]{40}")
_LOGIN: Final = re.compile(r"[A-Za-z0-9-]{1,39}")
_PERSON: Final = "User"  # others are Bot, Organization, Mannequin
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
    fault: str  # why it counts for nothing, whatever waits; empty: nothing speaks against it


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
    fault: str  # as of a comment


def command_in(payload: Mapping[str, Any]) -> Comment | None:
    """Return the command in a comment, if its first line is one (1)."""
    comment = object_of(payload.get("comment"))
    body = text_of(comment.get("body"), BODY_MAX).strip()
    line, _, rest = body.partition("\n")
    found = _COMMAND.match(line.strip())
    account = count_of(object_of(comment.get("user")).get("id"))
    number = count_of(comment.get("id"))
    if found is None or account is None or number is None:
        return None
    reason = "\n".join(part.strip() for part in (found[3], rest) if part.strip())
    return Comment(
        account=str(account),
        decision=found[1],
        gate=found[2] or "",
        reason=reason[:REASON_LENGTH_MAX],  # of a longer one nothing is sent (3)
        delivery=f"comment {number}",
        at=text_of(comment.get("created_at")),
        fault=_not_of_a_person(payload, account) or _not_one(body) or _too_long(reason),
    )


def press_in(payload: Mapping[str, Any]) -> Press | None:
    """Return which button was pressed, if it is one of ours."""
    check, sender = object_of(payload.get("check_run")), object_of(payload.get("sender"))
    run, _, run_id = text_of(check.get("external_id"), EXTERNAL_ID_MAX).rpartition("/")
    named = text_of(object_of(payload.get("requested_action")).get("identifier"))
    pressed, commit = _BUTTON.fullmatch(named), text_of(check.get("head_sha"))
    account, login = count_of(sender.get("id")), text_of(sender.get("login"))
    if pressed is None or not run or account is None or not is_commit(commit):
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
        fault=_not_of_a_person(payload, account),
    )


def _not_of_a_person(payload: Mapping[str, Any], account: int) -> str:
    """Return why what was done for an account was not done by its person (4); empty: it was."""
    sender = object_of(payload.get("sender"))
    via = object_of(payload.get("comment")).get("performed_via_github_app")
    if via is not None:
        slug = text_of(object_of(via).get("slug"))
        name = f"app {slug}" if _LOGIN.fullmatch(slug) else "an app"
        return f"it came through {name}, and a vote is given by a person: give it at GitHub itself"
    if sender.get("type") != _PERSON:
        return "it is not of the account of a person, and a vote is given by one"
    if sender.get("id") != account:
        return "it was sent by another account than has written it"
    return ""


def _not_one(body: str) -> str:
    """Return that a comment has several commands (2); empty: it has one."""
    commands = sum(_COMMAND.match(line.strip()) is not None for line in body.splitlines())
    if commands > 1:
        return f"expected one command in a comment, got {commands}: write a comment for each"
    return ""


def _too_long(reason: str) -> str:
    """Return that a reason is longer than a run takes (3); empty: it is not."""
    if len(reason) > REASON_LENGTH_MAX:
        return (
            f"a reason has at most {REASON_LENGTH_MAX:,} characters, and this one {len(reason):,}: "
            "write a comment with a shorter one"
        )
    return ""


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
