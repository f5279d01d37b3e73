"""What comes in from GitHub: runs that events start, and votes that people give there.

1. Who has sent it was found out before, by the signature over the raw body. That it is a delivery
   of a repository of ours is looked at here.
2. Nothing in a payload is an address: of ``deployment_callback_url`` only the number of the Actions
   run is read, and the answer goes to the operator's API.
3. The same thing starts one run, however often it is delivered: the run's id is made of it.
4. ``/mandate approve GATE [REASON]`` in a comment is a vote of whoever has written it; so is a
   button of a check, whose ``external_id`` names the run. A comment that was edited is none.
5. What somebody has asked for there is answered there, by one comment with one sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from dsl.limits import REASON_LENGTH_MAX
from dsl.notify.site import GitHubDoor, GitHubStart
from dsl.rules.gates.consensus import GITHUB
from dsl.rules.notify.subject import (
    ACTIONS_RUN,
    COMMIT,
    ENVIRONMENT,
    PULL_REQUEST,
    REPOSITORY,
)
from dsl.shown.surfaces import Markdown
from integrations.doors.ballots import Ballots, Given, Told
from integrations.errors import ConflictError, DeniedError
from integrations.github.api import GitHubApi

_COMMAND: Final = re.compile(r"^/mandate[ \t]+(approve|reject)(?:[ \t]+(\S{1,1000}))?[ \t]*(.*)$")
_CALLBACK: Final = re.compile(r"/actions/runs/([1-9][0-9]{0,18})/deployment_protection_rule$")
_SHA: Final = re.compile(r"[0-9a-f]{40}")
_BUTTON: Final = re.compile(r"(approve|reject)-([1-9][0-9]{0,8})")
STARTING: Final = ("pull_request", "deployment_protection_rule")  # events
_OPENED: Final = ("opened", "reopened", "synchronize")
COMMENT_MAX: Final = 4_000  # characters that are looked at
RUNS_LOOKED_AT: Final = 200


class _Listed(Protocol):
    @property
    def run(self) -> str: ...


class Starts(Protocol):
    """What starting runs takes; see ``integrations.web.engine``."""

    async def list(self, *, running: bool = False, limit: int = 200) -> Sequence[_Listed]:
        """Return the runs under way."""

    async def query(self, run: str, name: str, *arguments: Any) -> Any:
        """Ask one something."""

    async def start(
        self,
        pipeline: str,
        inputs: Mapping[str, Any],
        *,
        run: str,
        memo: Mapping[str, str] | None = None,
    ) -> Any:
        """Start a pipeline of the catalogue."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A command that somebody has written at a pull request."""

    account: str
    decision: str
    gate: str
    reason: str
    delivery: str


class GitHubEvents:
    """Takes deliveries to runs."""

    def __init__(
        self, api: GitHubApi, door: GitHubDoor, engine: Starts, ballots: Ballots | None
    ) -> None:
        """Reach runs by ``engine``; without ``ballots`` nobody votes from there."""
        self._api = api
        self._door = door
        self._engine = engine
        self._ballots = ballots

    async def take(self, event: str, payload: Mapping[str, Any]) -> str:
        """Do what a delivery asks for; return what was done, in a sentence.

        Raises:
            DeniedError: it is of no repository of ours, or cannot be read.
        """
        action = _text(payload.get("action"))
        if event == "ping":
            return "pong"
        repository = self._repository(payload)  # (1) of ours
        match event, action:
            case "pull_request", _ if action in _OPENED:
                return await self._pull_request(repository, payload)
            case "deployment_protection_rule", "requested":
                return await self._deployment(repository, payload)
            case "issue_comment", "created":  # (4) as it was written
                return await self._comment(repository, payload)
            case "check_run", "requested_action":
                return await self._button(repository, payload)
        return "nothing is done about that"

    def _repository(self, payload: Mapping[str, Any]) -> str:
        return self._api.require_ours(_text(_object(payload.get("repository")).get("full_name")))

    async def _pull_request(self, repository: str, payload: Mapping[str, Any]) -> str:
        pull = _object(payload.get("pull_request"))
        number, commit = pull.get("number"), _text(_object(pull.get("head")).get("sha"))
        if type(number) is not int or not _SHA.fullmatch(commit):
            raise DeniedError("expected a pull request with its number and the commit of its head")
        inputs = {REPOSITORY: repository, COMMIT: commit, PULL_REQUEST: number}
        where = f"{_of_pull(repository, number)}{commit[:12]}"
        return await self._start("pull_request", repository, "", inputs, where)

    async def _deployment(self, repository: str, payload: Mapping[str, Any]) -> str:
        found = _CALLBACK.search(_text(payload.get("deployment_callback_url"), 2_000))
        environment = _text(payload.get("environment"))
        commit = _text(_object(payload.get("deployment")).get("sha"))
        if found is None or not environment:
            raise DeniedError("expected an environment, and the Actions run that waits for it")
        inputs: dict[str, Any] = {  # (2) the number alone
            REPOSITORY: repository,
            ENVIRONMENT: environment,
            ACTIONS_RUN: found[1],
        }
        if _SHA.fullmatch(commit):
            inputs[COMMIT] = commit
        where = f"github/{repository}/deployment/{found[1]}/{environment}"
        return await self._start("deployment", repository, environment, inputs, where)

    async def _start(
        self, on: str, repository: str, environment: str, inputs: Mapping[str, Any], where: str
    ) -> str:
        done = []
        for start in self._door.starts:
            if start.on != on or not _is_for(start, repository, environment):
                continue
            run = f"{where}/{start.pipeline}"
            try:
                await self._engine.start(start.pipeline, inputs, run=run)
            except ConflictError:  # (3) once
                done.append(f"{run} was started before")
            else:
                done.append(f"{run} is started")
        return "; ".join(done) or "no pipeline starts by that"

    async def _comment(self, repository: str, payload: Mapping[str, Any]) -> str:
        issue, comment = _object(payload.get("issue")), _object(payload.get("comment"))
        asked = _command(comment)
        number = issue.get("number")
        if asked is None or "pull_request" not in issue or type(number) is not int:
            return "no command of ours"
        told = await self._answered(repository, number, asked)
        body = Markdown.of("{}", told.text, limit=1_000)  # (5) one sentence
        await self._api.call(
            "POST", f"/repos/{repository}/issues/{number}/comments", {"body": body}
        )
        return told.text

    async def _answered(self, repository: str, number: int, asked: Comment) -> Told:
        if self._ballots is None:
            return Told(counted=False, text="Nobody votes from here: no key is set up.")
        found = await self._waiting(_of_pull(repository, number), asked.gate)
        if len(found) != 1:
            names = ", ".join(sorted({gate for _, gate in found})[:10]) or "no gate"
            return Told(
                counted=False,
                text=f"Expected one gate that waits, and there are {len(found)} ({names}): "
                "write /mandate approve GATE",
            )
        [(run, gate)] = found
        return await self._ballots.cast(
            Given(
                door=GITHUB,
                account=asked.account,
                run=run,
                gate=gate,
                decision=asked.decision,
                reason=asked.reason,
                delivery=asked.delivery,
            )
        )

    async def _waiting(self, prefix: str, gate: str) -> list[tuple[str, str]]:
        """Return the gates that wait in runs of a pull request, or those called so."""
        found = []
        for each in await self._engine.list(running=True, limit=RUNS_LOOKED_AT):
            if not each.run.startswith(prefix):
                continue
            rows = await self._engine.query(each.run, "gates")
            for row in rows if isinstance(rows, list) else ():
                path = _text(row.get("gate"), 1_000)
                if gate in ("", path, path.rpartition("/")[2]):
                    found.append((each.run, path))
        return found

    async def _button(self, repository: str, payload: Mapping[str, Any]) -> str:
        check = _object(payload.get("check_run"))
        run = _text(check.get("external_id"), 1_000)
        pressed = _BUTTON.fullmatch(
            _text(_object(payload.get("requested_action")).get("identifier"))
        )
        account = _object(payload.get("sender")).get("id")
        if pressed is None or not run or type(account) is not int or self._ballots is None:
            return "no button of ours"
        rows = await self._engine.query(run, "gates")
        gates = [_text(row.get("gate"), 1_000) for row in rows if isinstance(row, dict)]
        if len(gates) != 1:
            return "expected one gate that waits"
        told = await self._ballots.cast(
            Given(
                door=GITHUB,
                account=str(account),
                run=run,
                gate=gates[0],
                decision=pressed[1],
                opening=int(pressed[2]),
                delivery=f"{check.get('id')}-{pressed[0]}",
            )
        )
        return told.text


def _command(comment: Mapping[str, Any]) -> Comment | None:
    """Return the command in a comment, if its first line is one (4)."""
    line, _, rest = _text(comment.get("body"), COMMENT_MAX).strip().partition("\n")
    found = _COMMAND.match(line.strip())
    account = _object(comment.get("user")).get("id")
    if found is None or type(account) is not int:
        return None
    reason = "\n".join(part.strip() for part in (found[3], rest) if part.strip())
    return Comment(
        account=str(account),
        decision=found[1],
        gate=found[2] or "",
        reason=reason[:REASON_LENGTH_MAX],
        delivery=str(comment.get("id")),
    )


def _is_for(start: GitHubStart, repository: str, environment: str) -> bool:
    is_there = start.repository is None or start.repository.lower() == repository.lower()
    return is_there and start.environment in (None, environment)


def _of_pull(repository: str, number: int) -> str:
    return f"github/{repository}/pull/{number}/"


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, limit: int = 300) -> str:
    return value[:limit] if isinstance(value, str) else ""
