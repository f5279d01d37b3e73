"""Checks of commits: each made once, and edited from then on.

1. Where nobody remembers making one, GitHub is asked, by ``external_id``.
2. One that somebody has deleted is made anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from integrations.errors import NotFoundError, UnavailableError
from integrations.github.api import GitHubApi, segment

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class CheckPlace:
    """Which check of which commit."""

    repository: str  # one of ours
    commit: str
    name: str
    external_id: str


class Checks:
    """Writes checks of one installation."""

    def __init__(self, api: GitHubApi) -> None:
        self._api = api

    async def put(
        self, place: CheckPlace, fields: Mapping[str, Any], *, known: str | None, look: bool
    ) -> str:
        """Have a check say so; return its id.

        Args:
            place: which.
            fields: what it says.
            known: its id, where that was kept.
            look: it may be there without being known (1).
        """
        where = f"/repos/{place.repository}/check-runs"
        found = await edited(
            self._api, where, fields, known, (lambda: self._find(place)) if look else None
        )
        if found is not None:
            return found
        made = await self._api.call(
            "POST",
            where,
            {
                "name": place.name,
                "head_sha": place.commit,
                "external_id": place.external_id,
                **fields,
            },
        )
        return id_of(made)

    async def _find(self, place: CheckPlace) -> str | None:
        found = await self._api.call(
            "GET",
            f"/repos/{place.repository}/commits/{place.commit}/check-runs"
            f"?check_name={segment(place.name)}&filter=all&per_page={PAGE}",
        )
        rows = found.get("check_runs") if isinstance(found, dict) else None
        for row in rows if isinstance(rows, list) else ():
            if row.get("external_id") == place.external_id:
                return id_of(row)
        return None


async def edited(
    api: GitHubApi,
    where: str,
    fields: Mapping[str, Any],
    known: str | None,
    find: Callable[[], Awaitable[str | None]] | None,
) -> str | None:
    """Edit what is there already; return its id, None where nothing is (any more) (2).

    Args:
        api: of one installation.
        where: the path of all of its kind.
        fields: what it is to say.
        known: its id, where that was kept.
        find: asks GitHub for its id (1); None: it is known, or not there.
    """
    if known is not None and await _is_edited(api, f"{where}/{segment(known)}", fields):
        return known
    found = await find() if find is not None else None
    if found is not None and await _is_edited(api, f"{where}/{segment(found)}", fields):
        return found
    return None


async def _is_edited(api: GitHubApi, path: str, fields: Mapping[str, Any]) -> bool:
    try:
        await api.call("PATCH", path, fields)
    except NotFoundError:
        return False
    return True


def id_of(made: Any) -> str:
    """Return the id of what was made.

    Raises:
        UnavailableError: GitHub says none.
    """
    found = made.get("id") if isinstance(made, dict) else None
    if not isinstance(found, int):
        raise UnavailableError("github answers without an id")
    return str(found)
