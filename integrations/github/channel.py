"""Repositories at GitHub: what a run is about there shows how it is.

What that is, the run's inputs say (``dsl.rules.notify.subject``): a commit has a check, a pull
request a comment, an environment a deployment or, where one waits there, its answer. Each is made
once and edited.

1. A try that is not the first looks for what it makes: a check by ``external_id``, a comment by its
   mark. GitHub is asked, and nobody's memory.
2. What somebody has deleted is made anew.
3. A deployment that waits is told at most ``REPORTS_MAX`` times how its run is, and then how it
   ended. That it has heard is read back, and where it has not it is told once more: GitHub may take
   an answer and go on waiting; or it waits for somebody else, and that is no concern of ours.
4. It is told by one run alone: the one that the operator's file has started for it. Whatever else
   names an environment among its inputs is about it, and answers nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dsl.notify.destinations import GitHubDestination
from dsl.notify.doors import GitHubStart
from dsl.rules.notify.changes import Event
from dsl.rules.notify.snapshot import RunSnapshot
from dsl.rules.notify.subject import (
    ACTIONS_RUN,
    COMMIT,
    ENVIRONMENT,
    PULL_REQUEST,
    REPOSITORY,
)
from dsl.steps.notify import Happening
from integrations.errors import DeniedError, NotFoundError, UnavailableError
from integrations.github.api import GitHubApi
from integrations.github.checks import CheckPlace, Checks
from integrations.github.comments import CommentPlace, Comments
from integrations.github.deployments import Deployments
from integrations.github.pages import check_of, mark, summary, word_for_deployment
from integrations.github.run_names import COMPLETED, is_started_for, of_deployment
from integrations.notify.links import NO_PAGES, SitePages
from integrations.notify.secrets import FILES, SiteSecrets

REPORTS_MAX: Final = 9  # GitHub takes ten, the last is the answer
_TELLS: Final = (Happening.GATE_OPENED, Happening.GATE_ESCALATED, Happening.GATE_DECIDED)


class GitHubChannel:
    """Some repositories."""

    has_board = True

    def __init__(
        self,
        destination: GitHubDestination,
        secrets: SiteSecrets = FILES,
        *,
        pages: SitePages = NO_PAGES,
        has_door: bool,
        starts: Sequence[GitHubStart] = (),
    ) -> None:
        """Write there.

        Args:
            destination: where.
            secrets: reads what opens it.
            pages: where messages lead.
            has_door: whether what people do there comes back.
            starts: which pipelines events start: their runs answer deployments (4).
        """
        self._api = GitHubApi(destination, secrets)
        self._checks = Checks(self._api)
        self._comments = Comments(self._api)
        self._deployments = Deployments(self._api, destination)
        self._pages = pages
        self._has_door = has_door
        self._starts = tuple(starts)

    async def deliver(
        self, event: Event | None, run: RunSnapshot, known: Mapping[str, str], *, again: bool
    ) -> dict[str, str]:
        """See ``MessageChannel``."""
        about = run.subject
        if REPOSITORY not in about:
            raise DeniedError(
                "the run says nothing of a repository: give its pipeline the inputs repository "
                "(owner/name) and commit, pull_request or environment with actions_run"
            )
        repository = self._api.require_ours(about[REPOSITORY])
        kept = dict(known)
        if COMMIT in about:
            kept["check"] = await self._check(repository, run, kept.get("check"), again=again)
        if PULL_REQUEST in about:
            kept["comment"] = await self._comment(repository, run, kept.get("comment"), again=again)
        if self._deployments.shows(run):
            link = self._pages.run(run)
            kept |= await self._deployments.show(repository, run, link, kept, again=again)
        if self._answers_deployment(repository, run):
            kept |= await self._deployment(repository, event, run, kept, again=again)
        return kept

    def _answers_deployment(self, repository: str, run: RunSnapshot) -> bool:
        """Tell whether a deployment is told by that run (4)."""
        about = run.subject
        if ENVIRONMENT not in about or ACTIONS_RUN not in about:
            return False
        environment = about[ENVIRONMENT]
        starts = [
            each for each in self._starts if each.is_for("deployment", repository, environment)
        ]
        prefix = of_deployment(repository, about[ACTIONS_RUN], environment)
        return len(starts) == 1 and is_started_for(run, prefix, starts[0].pipeline)

    async def _check(
        self, repository: str, run: RunSnapshot, check: str | None, *, again: bool
    ) -> str:
        fields = check_of(run, self._pages, has_door=self._has_door)
        place = CheckPlace(repository, run.subject[COMMIT], _name(run), _external_id(run))
        return await self._checks.put(place, fields, known=check, look=again)

    async def _comment(
        self, repository: str, run: RunSnapshot, comment: str | None, *, again: bool
    ) -> str:
        body = summary(run, self._pages)
        place = CommentPlace(repository, run.subject[PULL_REQUEST], mark(run))
        return await self._comments.put(place, body, known=comment, look=again)

    async def _deployment(
        self,
        repository: str,
        event: Event | None,
        run: RunSnapshot,
        known: Mapping[str, str],
        *,
        again: bool,
    ) -> dict[str, str]:
        """Return what is to be known of it."""
        reports = int(known.get("reports") or 0)
        environment = run.subject[ENVIRONMENT]
        actions = f"/repos/{repository}/actions/runs/{run.subject[ACTIONS_RUN]}"
        said = {"environment_name": environment, "comment": word_for_deployment(run)}
        if run.ended:
            if "answered" in known:
                return {}
            state = "approved" if run.status == COMPLETED else "rejected"
            if again and not await self._waits(actions, environment):
                return {"answered": state}  # (3) it has heard
            path = f"{actions}/deployment_protection_rule"
            await self._api.call("POST", path, {**said, "state": state})
            if not again and await self._waits(actions, environment):  # (3) once more
                raise UnavailableError(f"github still waits at environment {environment!r}")
            return {"answered": state}
        tells = event is not None and event.kind in _TELLS
        if not tells or reports >= REPORTS_MAX:  # (3) at most so often
            return {}
        await self._api.call("POST", f"{actions}/deployment_protection_rule", said)
        return {"reports": str(reports + 1)}

    async def _waits(self, actions: str, environment: str) -> bool:
        try:
            found = await self._api.call("GET", f"{actions}/pending_deployments")
        except NotFoundError:
            return False
        rows = found if isinstance(found, list) else []
        return any((row.get("environment") or {}).get("name") == environment for row in rows)


def _external_id(run: RunSnapshot) -> str:
    return f"{run.workflow}/{run.run}"  # what a reset has made is another


def _name(run: RunSnapshot) -> str:
    return f"mandate: {run.pipeline or 'run'}"[:100]
