"""Runs that events of GitHub start: of a pull request, and of an environment that waits.

1. The same thing starts one run, however often it is delivered: the run's id is made of it.
2. What an id is made of is what GitHub gives: numbers that count something, a commit, a name. What
   is none of these starts nothing.
3. Nothing in a payload is an address: of ``deployment_callback_url`` only the number of the Actions
   run is read, and the answer goes to the operator's API.
4. A push ends the run of the commit that was the head before it, of the pipelines for which the
   operator's file says so. Which that was the payload says: so one that comes late, or again, ends
   no run of a later commit. Where somebody has pushed back to the commit before, that is the head
   again, and one that comes late, or again, ends its run: no other is started (1).
5. What comes from a fork starts nothing, unless the operator's file says so: anybody can make one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

from dsl.notify.doors import GitHubDoor, GitHubStart
from dsl.rules.notify.subject import ACTIONS_RUN, COMMIT, ENVIRONMENT, PULL_REQUEST, REPOSITORY
from integrations.doors.payloads import UnreadableError, count_of, object_of, text_of
from integrations.doors.telling import Taken
from integrations.errors import ConflictError, NotFoundError
from integrations.github.payloads import is_commit
from integrations.github.run_names import of_deployment, of_pull

_ENVIRONMENT: Final = re.compile(r"[^\x00-\x1f\x7f]{1,255}")  # so many characters at GitHub
_CALLBACK: Final = re.compile(r"/actions/runs/([1-9][0-9]{0,18})/deployment_protection_rule$")


class Starts(Protocol):
    """What starting runs takes; see ``integrations.web.engine``."""

    async def start(
        self,
        pipeline: str,
        inputs: Mapping[str, Any],
        *,
        run: str,
    ) -> Any:
        """Start a pipeline of the catalogue."""

    async def cancel(self, run: str) -> None:
        """Ask a run that is under way to end."""


class GitHubStarts:
    """Starts what the operator's file names for an event."""

    def __init__(self, door: GitHubDoor, engine: Starts) -> None:
        self._door = door
        self._engine = engine

    async def of_pull_request(self, repository: str, payload: Mapping[str, Any]) -> Taken:
        """Start the runs of one that was opened, or pushed to.

        Raises:
            UnreadableError: it is none (2).
        """
        pull = object_of(payload.get("pull_request"))
        head = object_of(pull.get("head"))
        number, commit = count_of(pull.get("number")), text_of(head.get("sha"))
        if number is None or not is_commit(commit):
            raise UnreadableError(
                "expected a pull request with its number and the commit of its head"
            )
        inputs = {REPOSITORY: repository, COMMIT: commit, PULL_REQUEST: number}
        where = f"{of_pull(repository, number)}{commit[:12]}/"
        source = text_of(object_of(head.get("repo")).get("full_name"))
        is_fork = source.lower() != repository.lower()  # (5) or of what is not there any more
        done = await self._start("pull_request", repository, "", inputs, where, is_fork=is_fork)
        before = text_of(payload.get("before"))
        if is_commit(before) and before != commit:
            where = f"{of_pull(repository, number)}{before[:12]}/"
            await self._superseded(repository, where, is_fork=is_fork)
        return done

    async def _superseded(self, repository: str, where: str, *, is_fork: bool) -> None:
        """End the runs of a commit that is the head no more (4)."""
        for start in self._for("pull_request", repository, "", is_fork=is_fork):
            if start.superseded == "cancel":
                with suppress(NotFoundError):  # it is over, or there was none
                    await self._engine.cancel(f"{where}{start.pipeline}")

    async def of_deployment(self, repository: str, payload: Mapping[str, Any]) -> Taken:
        """Start the runs that an environment waits for.

        Raises:
            UnreadableError: nothing waits by that (2).
        """
        found = _CALLBACK.search(text_of(payload.get("deployment_callback_url"), 2_000))
        environment = text_of(payload.get("environment"))
        commit = text_of(object_of(payload.get("deployment")).get("sha"))
        if found is None or _ENVIRONMENT.fullmatch(environment) is None:
            raise UnreadableError("expected an environment, and the Actions run that waits for it")
        inputs: dict[str, Any] = {  # (3) the number alone
            REPOSITORY: repository,
            ENVIRONMENT: environment,
            ACTIONS_RUN: found[1],
        }
        if is_commit(commit):
            inputs[COMMIT] = commit
        where = of_deployment(repository, found[1], environment)
        number = count_of(object_of(payload.get("deployment")).get("id"))
        if number is not None:  # Actions that run again make another
            where = f"{where}{number}/"
        return await self._start("deployment", repository, environment, inputs, where)

    def _for(
        self, on: str, repository: str, environment: str, *, is_fork: bool
    ) -> Iterator[GitHubStart]:
        """Yield what the operator's file names for an event (5)."""
        for start in self._door.starts:
            if start.is_for(on, repository, environment) and (start.forks or not is_fork):
                yield start

    async def _start(
        self,
        on: str,
        repository: str,
        environment: str,
        inputs: Mapping[str, Any],
        where: str,
        *,
        is_fork: bool = False,
    ) -> Taken:
        done = []
        for start in self._for(on, repository, environment, is_fork=is_fork):
            run = f"{where}{start.pipeline}"
            try:
                await self._engine.start(start.pipeline, inputs, run=run)
            except ConflictError:  # (1) once
                done.append(f"{run} was started before")
            else:
                done.append(f"{run} is started")
        if not done:
            return Taken("no pipeline starts by that")
        return Taken("; ".join(done), is_settled=True)
