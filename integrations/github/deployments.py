"""A run as a deployment of its commit to an environment, with its statuses.

1. It is shown only for environments of the operator's file: a deployment may start workflows of the
   repository, and what a run says must not.
2. It is made once. A try that is not the first looks for it: the run stands in its payload. GitHub
   merges nothing for it and asks for no other check: whether it goes on, the run's gates decide.
3. A status is given where it says something new, ``STATUSES_MAX`` times at most, of which the last
   is kept for the end. One that GitHub has as its newest is not given again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dsl.notify.destinations import GitHubDestination
from dsl.rules.notify.snapshot import RunSnapshot
from dsl.rules.notify.subject import ACTIONS_RUN, COMMIT, ENVIRONMENT
from dsl.values.canonical import digest_of
from integrations.errors import NotFoundError
from integrations.github.api import GitHubApi, segment
from integrations.github.checks import PAGE, id_of
from integrations.github.pages import status_of_deployment
from integrations.notify.channel import kept_id

STATUSES_MAX: Final = 10
_OURS: Final = "mandate"  # in the payload, and the task
_MADE, _GIVEN, _SAID = "deployment", "statuses", "status"  # what is kept


class Deployments:
    """Makes them in the environments of one destination."""

    def __init__(self, api: GitHubApi, destination: GitHubDestination) -> None:
        self._api = api
        self._environments = frozenset(destination.environments)

    def shows(self, run: RunSnapshot) -> bool:
        """Tell whether a run is a deployment (1); what Actions deploys is theirs already."""
        about = run.subject
        is_ours = COMMIT in about and ACTIONS_RUN not in about
        return is_ours and about.get(ENVIRONMENT) in self._environments

    async def show(
        self, repository: str, run: RunSnapshot, link: str, known: Mapping[str, str], *, again: bool
    ) -> dict[str, str]:
        """Have it say how the run is; return what is to be known of it."""
        where = f"/repos/{repository}/deployments"
        made = known.get(_MADE)
        if made is not None:
            try:
                return await self._given(where, made, run, link, known, again=again)
            except NotFoundError:  # somebody has deleted it: it is made anew
                pass
        made = await self._find(where, run) if again else None
        made = made or await self._make(where, run)
        return await self._given(where, made, run, link, {}, again=again)

    async def _given(
        self,
        where: str,
        made: str,
        run: RunSnapshot,
        link: str,
        known: Mapping[str, str],
        *,
        again: bool,
    ) -> dict[str, str]:
        statuses = f"{where}/{segment(made)}/statuses"
        status = status_of_deployment(run)
        said, given = known.get(_SAID, ""), int(known.get(_GIVEN) or 0)
        if again:  # (3) it may have been given
            said, given = await self._newest(statuses)
        now = digest_of(status)
        if now != said and (given < STATUSES_MAX - 1 or run.ended):
            await self._api.call("POST", statuses, {**status, "log_url": link})
            said, given = now, given + 1
        return {_MADE: made, _GIVEN: str(given), _SAID: said}

    async def _make(self, where: str, run: RunSnapshot) -> str:
        made = await self._api.call(
            "POST",
            where,
            {
                "ref": run.subject[COMMIT],
                "environment": run.subject[ENVIRONMENT],
                "task": _OURS,
                "payload": {_OURS: _mark(run)},
                "description": f"by Mandate, of {run.pipeline or 'a run'}"[:140],
                "auto_merge": False,  # (2) the run's gates decide
                "required_contexts": [],
            },
        )
        return id_of(made)

    async def _find(self, where: str, run: RunSnapshot) -> str | None:
        environment = segment(run.subject[ENVIRONMENT])
        about = f"sha={run.subject[COMMIT]}&environment={environment}&task={_OURS}"
        found = await self._api.call("GET", f"{where}?{about}&per_page={PAGE}")
        for row in found if isinstance(found, list) else ():
            payload = row.get("payload")
            if isinstance(payload, dict) and payload.get(_OURS) == _mark(run):
                return id_of(row)
        return None

    async def _newest(self, statuses: str) -> tuple[str, int]:
        """Return what was said last, and how often something was."""
        found = await self._api.call("GET", f"{statuses}?per_page={PAGE}")
        rows = found if isinstance(found, list) else []
        if not rows:
            return "", 0
        said: dict[str, Any] = {name: rows[0].get(name) for name in ("state", "description")}
        return digest_of(said), len(rows)


def _mark(run: RunSnapshot) -> str:
    return kept_id(f"{run.workflow}/{run.run}")
