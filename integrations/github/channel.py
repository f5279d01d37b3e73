"""Repositories at GitHub: what a run is about there shows how it is.

What that is, the run's inputs say (``dsl.rules.notify.subject``): a commit has a check, a pull
request a comment, an environment that waits is answered. Each is made once and edited.

1. A try that is not the first looks for what it makes: a check by ``external_id``, a comment by its
   mark. GitHub is asked, and nobody's memory.
2. What somebody has deleted is made anew.
3. A deployment that waits is told at most ``REPORTS_MAX`` times how its run is, and then how it
   ended. That it has heard is read back: GitHub may take an answer and go on waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dsl.notify.site import GitHubDestination
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
from integrations.github.api import GitHubApi, segment
from integrations.github.pages import check_of, mark, summary, word_for_deployment
from integrations.notify.links import run_in_ui

REPORTS_MAX: Final = 9  # GitHub takes ten, the last is the answer
PAGE: Final = 100
PAGES_MAX: Final = 10
_TELLS: Final = (Happening.GATE_OPENED, Happening.GATE_ESCALATED, Happening.GATE_DECIDED)


class GitHubChannel:
    """Some repositories."""

    has_board = True

    def __init__(self, destination: GitHubDestination, *, ui: str = "", has_door: bool) -> None:
        """Write there; ``has_door``: whether what people do there comes back."""
        self._api = GitHubApi(destination)
        self._ui = ui
        self._has_door = has_door

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
        if ENVIRONMENT in about and ACTIONS_RUN in about:
            kept["reports"] = await self._deployment(repository, event, run, kept, again=again)
        return kept

    async def _check(
        self, repository: str, run: RunSnapshot, check: str | None, *, again: bool
    ) -> str:
        link = run_in_ui(self._ui, run)
        fields = check_of(run, link, has_door=self._has_door)
        if check is None and again:
            check = await self._find_check(repository, run)  # (1) it may be there
        if check is not None and await self._edited(
            f"/repos/{repository}/check-runs/{segment(check)}", fields
        ):
            return check
        made = await self._api.call(
            "POST",
            f"/repos/{repository}/check-runs",
            {
                "name": _name(run),
                "head_sha": run.subject[COMMIT],
                "external_id": run.workflow,
                **fields,
            },
        )
        return _id_of(made)

    async def _find_check(self, repository: str, run: RunSnapshot) -> str | None:
        found = await self._api.call(
            "GET",
            f"/repos/{repository}/commits/{run.subject[COMMIT]}/check-runs"
            f"?check_name={segment(_name(run))}&filter=all&per_page={PAGE}",
        )
        rows = found.get("check_runs") if isinstance(found, dict) else None
        for row in rows if isinstance(rows, list) else ():
            if row.get("external_id") == run.workflow:
                return _id_of(row)
        return None

    async def _comment(
        self, repository: str, run: RunSnapshot, comment: str | None, *, again: bool
    ) -> str:
        body = f"{mark(run)}\n{summary(run, run_in_ui(self._ui, run))}"
        issue = f"/repos/{repository}/issues/{run.subject[PULL_REQUEST]}/comments"
        if comment is None and again:
            comment = await self._find_comment(issue, mark(run))  # (1) it may be there
        if comment is not None and await self._edited(
            f"/repos/{repository}/issues/comments/{segment(comment)}", {"body": body}
        ):
            return comment
        return _id_of(await self._api.call("POST", issue, {"body": body}))

    async def _find_comment(self, issue: str, marked: str) -> str | None:
        for page in range(1, PAGES_MAX + 1):
            found = await self._api.call("GET", f"{issue}?per_page={PAGE}&page={page}")
            rows = found if isinstance(found, list) else []
            for row in rows:
                if str(row.get("body", "")).startswith(marked):
                    return _id_of(row)
            if len(rows) < PAGE:
                return None
        return None

    async def _edited(self, path: str, fields: Mapping[str, Any]) -> bool:
        """Return whether it was still there (2)."""
        try:
            await self._api.call("PATCH", path, fields)
        except DeniedError as error:
            if "answers 404" in str(error):
                return False
            raise
        return True

    async def _deployment(
        self,
        repository: str,
        event: Event | None,
        run: RunSnapshot,
        known: Mapping[str, str],
        *,
        again: bool,
    ) -> str:
        reports = int(known.get("reports") or 0)
        environment = run.subject[ENVIRONMENT]
        actions = f"/repos/{repository}/actions/runs/{run.subject[ACTIONS_RUN]}"
        said = {"environment_name": environment, "comment": word_for_deployment(run)}
        if run.ended:
            if again and not await self._waits(actions, environment):
                return str(reports)  # (3) it has heard
            state = "approved" if run.status == "completed" else "rejected"
            path = f"{actions}/deployment_protection_rule"
            await self._api.call("POST", path, {**said, "state": state})
            if await self._waits(actions, environment):
                raise UnavailableError(f"github still waits at environment {environment!r}")
            return str(reports)
        tells = event is not None and event.kind in _TELLS
        if not tells or reports >= REPORTS_MAX:  # (3) at most so often
            return str(reports)
        await self._api.call("POST", f"{actions}/deployment_protection_rule", said)
        return str(reports + 1)

    async def _waits(self, actions: str, environment: str) -> bool:
        try:
            found = await self._api.call("GET", f"{actions}/pending_deployments")
        except NotFoundError:
            return False
        rows = found if isinstance(found, list) else []
        return any((row.get("environment") or {}).get("name") == environment for row in rows)


def _name(run: RunSnapshot) -> str:
    return f"mandate: {run.pipeline or 'run'}"[:100]


def _id_of(made: Any) -> str:
    found = made.get("id") if isinstance(made, dict) else None
    if not isinstance(found, int):
        raise UnavailableError("github answers without an id")
    return str(found)
