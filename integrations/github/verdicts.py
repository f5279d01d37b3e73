"""What became of a press of a button, told where it was pressed: at the commit, as a check.

1. It is a check of its own, beside the one that has the button: that one is edited by whoever shows
   the run, and of two who edit one text the later undoes what the earlier has said.
2. There is one for each run and account, edited at each press. It is neutral: it says nothing of
   the commit and holds back no merge.
"""

from __future__ import annotations

from typing import Any

from dsl.shown.surfaces import Markdown
from integrations.doors.ballots import Told
from integrations.github.api import GitHubApi
from integrations.github.checks import CheckPlace, Checks
from integrations.github.payloads import Press


class Verdicts:
    """Tells people at GitHub what became of their votes."""

    def __init__(self, api: GitHubApi) -> None:
        self._checks = Checks(api)

    async def tell(self, place: CheckPlace, told: Told) -> None:
        """Have whoever has pressed find it (2); one at a time, or two are made."""
        await self._checks.put(place, _fields(told), known=None, look=True)


def verdict_place(repository: str, press: Press) -> CheckPlace:
    """Return the check that tells of a press (2)."""
    return CheckPlace(
        repository,
        press.commit,
        name=f"mandate: vote of {press.login or press.account}",
        external_id=f"{press.run}/{press.run_id}/{press.account}",
    )


def _fields(told: Told) -> dict[str, Any]:
    return {
        "status": "completed",
        "conclusion": "neutral",  # (2) of the commit it says nothing
        "output": {
            "title": "The vote counts" if told.counted else "The vote does not count",
            "summary": Markdown.of("{}", told.text, limit=1_000),
        },
    }
