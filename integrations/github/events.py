"""What comes in from GitHub: runs that events start, and votes that people give there.

1. Who has sent it was found out before, by the signature over the raw body. That it is a delivery
   of a repository of ours is looked at here.
2. Nothing is done about events of other kinds, of which some are about no repository.
3. Some events start runs: see ``integrations.github.starts``.
4. ``/mandate approve GATE [REASON]`` in a comment is a vote of whoever has written it, on what had
   waited when it was written; so is a button of a check, on what was shown beside it. A comment
   that was edited is none. What says why it counts for nothing is asked of no run: see
   ``integrations.github.payloads``.
5. What somebody has asked for there is answered there in one sentence: a comment by a comment, a
   press by a check beside the one that was pressed. Strangers who comment are answered by nothing:
   whoever passes by must not have us write. Only who may write to the repository can press.
6. A command that comes again is told what became of it, whatever waits at the pull request by now.
7. What is returned is done; what is still to be told is returned with it, and may take its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from dsl.notify.doors import GitHubDoor
from dsl.rules.gates.consensus import GITHUB
from dsl.shown.surfaces import Markdown
from integrations.doors.ballots import Ballots, Given, Told, in_time, taken, uncounted, undone
from integrations.doors.payloads import UnreadableError, count_of, object_of, text_of
from integrations.doors.telling import Answers, Taken
from integrations.errors import IntegrationError, NotFoundError
from integrations.github.api import GitHubApi
from integrations.github.comments import CommentPlace, Comments
from integrations.github.pages import answer_mark, button
from integrations.github.payloads import Comment, Press, command_in, given_in, press_in
from integrations.github.run_names import of_pull
from integrations.github.starts import GitHubStarts, Starts
from integrations.github.verdicts import Verdicts, verdict_place

_HERE: Final = ("OWNER", "MEMBER", "COLLABORATOR")  # what GitHub calls who is no stranger
_EVENTS: Final = ("pull_request", "deployment_protection_rule", "issue_comment", "check_run")
_NOTHING: Final = Taken("nothing is done about that")
_OPENED: Final = ("opened", "reopened", "synchronize")
RUNS_LOOKED_AT: Final = 200
ASKED_AT_ONCE: Final = 10
NAMES_SHOWN_MAX: Final = 10
Waiting = tuple[str, str, Mapping[str, Any]]  # a run, its gate, and what that says of itself


class _Listed(Protocol):
    @property
    def run(self) -> str: ...


class EventRuns(Starts, Protocol):
    """What is asked of runs as well; see ``integrations.web.engine``."""

    async def list(
        self, *, running: bool = False, limit: int = 200, prefix: str = ""
    ) -> Sequence[_Listed]:
        """Return the newest runs whose ids begin so."""

    async def query(self, run: str, name: str, *arguments: Any) -> Any:
        """Ask one something."""


class GitHubEvents:
    """Takes deliveries to runs."""

    def __init__(
        self,
        api: GitHubApi,
        door: GitHubDoor,
        engine: EventRuns,
        ballots: Ballots | None,
        within_s: float,
    ) -> None:
        """Take them.

        Args:
            api: tells people there.
            door: what they may do.
            engine: reaches runs.
            ballots: gives votes; without it nobody votes from there.
            within_s: a vote is given so soon, or said not to be.
        """
        self._within_s = within_s
        self._api = api
        self._verdicts = Verdicts(api)
        self._comments = Comments(api)
        self._answers = Answers()
        self._starts = GitHubStarts(door, engine)
        self._engine = engine
        self._ballots = ballots

    async def take(self, event: str, payload: Mapping[str, Any], *, delivery: str) -> Taken:
        """Do what a delivery asks for; return what was done (7).

        Args:
            event: its kind.
            payload: what it says.
            delivery: GitHub's id for it.

        Raises:
            UnreadableError: it is not what GitHub sends.
            DeniedError: it is of no repository of ours.
        """
        action = text_of(payload.get("action"))
        if event not in _EVENTS:  # (2) of another kind
            return _NOTHING
        repository = self._repository(payload)  # (1) of ours
        match event, action:
            case "pull_request", _ if action in _OPENED:
                return await self._starts.of_pull_request(repository, payload)
            case "deployment_protection_rule", "requested":
                return await self._starts.of_deployment(repository, payload)
            case "issue_comment", "created":  # (4) as it was written
                return await self._comment(repository, payload)
            case "check_run", "requested_action":
                return await self._button(repository, payload, delivery)
        return _NOTHING

    def _repository(self, payload: Mapping[str, Any]) -> str:
        name = text_of(object_of(payload.get("repository")).get("full_name"))
        if not name:
            raise UnreadableError("expected a repository with its name")
        return self._api.require_ours(name)

    async def _comment(self, repository: str, payload: Mapping[str, Any]) -> Taken:
        issue, comment = object_of(payload.get("issue")), object_of(payload.get("comment"))
        asked = command_in(payload)
        number = count_of(issue.get("number"))
        if asked is None or "pull_request" not in issue or number is None:
            return Taken("no command of ours")
        if not self._is_heard(asked, comment):  # (5) strangers
            return Taken("a command of a stranger, who is told nothing")
        told = uncounted(asked.fault)
        if not asked.fault:
            told = await in_time(self._answered(repository, number, asked), self._within_s)
        place = CommentPlace(repository, str(number), answer_mark(asked.delivery), asked.at)
        body = Markdown.of("{}", told.text, limit=1_000)  # (5) one sentence
        tell = self._answers.of(
            place.mark, lambda: self._comments.put(place, body, known=None, look=True)
        )
        return taken(told, tell)

    def _is_heard(self, asked: Comment, comment: Mapping[str, Any]) -> bool:
        is_here = comment.get("author_association") in _HERE
        return is_here or (self._ballots is not None and self._ballots.knows(asked.account))

    async def _answered(self, repository: str, number: int, asked: Comment) -> Told:
        if self._ballots is None:
            return Told(counted=False, text="Nobody votes from here: no key is set up.")
        prefix = of_pull(repository, number)
        try:
            if not self._ballots.knows(asked.account):
                return await self._ballots.cast(given_in(asked, "", ""))  # it says so
            found = await self._waiting(prefix, asked.gate)
            told, but = not_one(asked, found), ""
            if told is None:
                [(but, gate, row)] = found
                told = await self._ballots.cast(given_in(asked, but, gate), row)
            if told.counted or told.is_undone:
                return told
            # (6) it may have come before
            return await self._earlier(self._ballots, prefix, asked, but) or told
        except IntegrationError as error:
            return undone(error)

    async def _earlier(
        self, ballots: Ballots, prefix: str, asked: Comment, but: str
    ) -> Told | None:
        """Return what became of a command that comes again, and whose gate waits no more.

        ``but``: a run that was asked already. One that does not answer hides none that has counted.
        """
        unheard = None
        listed = await self._engine.list(limit=RUNS_LOOKED_AT, prefix=prefix)
        runs = [each.run for each in listed if each.run != but]
        for at in range(0, len(runs), ASKED_AT_ONCE):
            some = runs[at : at + ASKED_AT_ONCE]
            asking = (ballots.earlier(given_in(asked, run, asked.gate)) for run in some)
            for told in await asyncio.gather(*asking):
                if told is not None and not told.is_undone:
                    return told
                unheard = unheard or told
        return unheard

    async def _waiting(self, prefix: str, gate: str) -> list[Waiting]:
        """Return the gates that wait in runs of a pull request, or those called so."""
        turn = asyncio.Semaphore(ASKED_AT_ONCE)

        async def ask(run: str) -> list[Waiting]:
            async with turn:
                rows = await self._engine.query(run, "gates")
            named = ((text_of(row.get("gate"), 1_000), row) for row in _rows(rows))
            return [
                (run, path, row)
                for path, row in named
                if path and gate in ("", path, path.rpartition("/")[2])
            ]

        runs = await self._engine.list(running=True, limit=RUNS_LOOKED_AT, prefix=prefix)
        asking = [asyncio.create_task(ask(each.run)) for each in runs]
        try:
            return [each for several in await asyncio.gather(*asking) for each in several]
        finally:  # one that does not answer ends them all: nobody waits for the rest
            for each in asking:
                each.cancel()

    async def _button(self, repository: str, payload: Mapping[str, Any], delivery: str) -> Taken:
        press = press_in(payload)
        if press is None or self._ballots is None:
            return Taken("no button of ours")
        told = await in_time(self._pressed(press, self._ballots, delivery), self._within_s)
        place = verdict_place(repository, press)  # (5) where it was pressed
        tell = self._answers.of(place.external_id, lambda: self._verdicts.tell(place, told))
        return taken(told, tell)

    async def _pressed(self, press: Press, ballots: Ballots, delivery: str) -> Told:
        if press.fault:
            return uncounted(press.fault)
        given = Given(
            door=GITHUB,
            account=press.account,
            run=press.run,
            gate="",
            decision=press.decision,
            delivery=delivery,
            run_id=press.run_id,
            opening=press.opening,
        )
        try:
            rows = await self._engine.query(press.run, "gates")
        except NotFoundError:
            rows = []
        except IntegrationError as error:
            return undone(error)
        for row in _rows(rows):
            gate, subject = text_of(row.get("gate"), 1_000), text_of(row.get("subject_digest"))
            shown = button(
                press.decision,
                run=press.run_id,
                gate=gate,
                opening=press.opening,
                subject=subject,
            )
            if shown == press.button:
                return await ballots.cast(replace(given, gate=gate, subject=subject), row)
        return await ballots.earlier(given) or Told(
            counted=False, text="What that button was for waits no more: nothing was sent."
        )


def _rows(answer: Any) -> list[dict[str, Any]]:
    """Return the rows of gates in a run's answer."""
    return [each for each in answer if isinstance(each, dict)] if isinstance(answer, list) else []


def not_one(asked: Comment, found: Sequence[Waiting]) -> Told | None:
    """Return what is said where not one gate waits that was asked for; None: one does.

    Args:
        asked: the command.
        found: gates of runs that are called so.
    """
    if len(found) == 1:
        return None
    names = sorted({gate for _, gate, _ in found})
    if not names:
        named = f"gate {asked.gate!r}" if asked.gate else "gate"
        text = f"No {named} waits at this pull request now: nothing was sent."
    elif len(names) == 1:
        text = (
            f"Gate {names[0]!r} waits in {len(found)} runs of this pull request: press the button "
            "of the check at the commit that is meant."
        )
    else:
        shown = ", ".join(names[:NAMES_SHOWN_MAX])
        text = (
            f"{len(found)} gates wait at this pull request ({shown}): "
            f"write /mandate {asked.decision} GATE."
        )
    return Told(counted=False, text=text)
