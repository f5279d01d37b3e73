"""Comments at issues and pull requests: each made once, and edited from then on.

A comment of ours begins with its mark, by which it is found again where nobody remembers making it.
One that somebody has deleted is made anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dsl.shown.surfaces import Markdown
from integrations.github.api import GitHubApi, segment
from integrations.github.checks import PAGE, edited, id_of

PAGES_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class CommentPlace:
    """Which comment of which issue."""

    repository: str  # one of ours
    issue: str  # its number
    mark: str  # what it begins with
    since: str = ""  # it was not there before that time


class Comments:
    """Writes comments of one installation."""

    def __init__(self, api: GitHubApi) -> None:
        self._api = api

    async def put(
        self, place: CommentPlace, body: Markdown, *, known: str | None, look: bool
    ) -> str:
        """Have a comment say so; return its id.

        Args:
            place: which.
            body: what it says below its mark.
            known: its id, where that was kept.
            look: it may be there without being known.
        """
        where = f"/repos/{place.repository}/issues/comments"
        fields = {"body": f"{place.mark}\n{body}"}
        if known is not None and await edited(self._api, f"{where}/{segment(known)}", fields):
            return known
        found = await self._find(place) if look else None
        if found is not None and await edited(self._api, f"{where}/{segment(found)}", fields):
            return found
        return id_of(await self._api.call("POST", _of_issue(place), fields))

    async def _find(self, place: CommentPlace) -> str | None:
        since = f"&since={segment(place.since)}" if place.since else ""
        for page in range(1, PAGES_MAX + 1):
            asked = f"{_of_issue(place)}?per_page={PAGE}&page={page}{since}"
            found = await self._api.call("GET", asked)
            rows = found if isinstance(found, list) else []
            for row in rows:
                if str(row.get("body", "")).startswith(place.mark):
                    return id_of(row)
            if len(rows) < PAGE:
                return None
        return None


def _of_issue(place: CommentPlace) -> str:
    return f"/repos/{place.repository}/issues/{segment(place.issue)}/comments"
