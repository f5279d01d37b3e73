"""Comments at issues and pull requests: each made once, and edited from then on.

1. A comment of ours begins with its mark, by which it is found again where nobody remembers making
   it. One that somebody has deleted is made anew.
2. A mark can be read by everybody, and put before a comment of theirs: ours is only what our App
   has made, by the word of GitHub. Without that word a comment is nobody's, and one is made anew:
   what is another's cannot be edited, and nobody would be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dsl.shown.surfaces import Markdown
from integrations.doors.payloads import object_of
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
        found = await edited(
            self._api, where, fields, known, (lambda: self._find(place)) if look else None
        )
        if found is not None:
            return found
        return id_of(await self._api.call("POST", _of_issue(place), fields))

    async def _find(self, place: CommentPlace) -> str | None:
        since = f"&since={segment(place.since)}" if place.since else ""
        for page in range(1, PAGES_MAX + 1):
            asked = f"{_of_issue(place)}?per_page={PAGE}&page={page}{since}"
            found = await self._api.call("GET", asked)
            rows = found if isinstance(found, list) else []
            for row in rows:
                is_marked = str(row.get("body", "")).startswith(place.mark)
                if is_marked and _is_by(self._api.app, row):  # (2) the mark is no proof
                    return id_of(row)
            if len(rows) < PAGE:
                return None
        return None


def _is_by(app: str, row: Mapping[str, Any]) -> bool:
    """Tell whether a comment was made by an App of that id (2)."""
    made_via = object_of(row.get("performed_via_github_app"))
    is_of_bot = object_of(row.get("user")).get("type") == "Bot"
    return is_of_bot and app in (str(made_via.get("id")), made_via.get("client_id"))


def _of_issue(place: CommentPlace) -> str:
    return f"/repos/{place.repository}/issues/{segment(place.issue)}/comments"
