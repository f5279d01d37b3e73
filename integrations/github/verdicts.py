"""What became of a press of a button, told where it was pressed: at the commit, as a check.

1. It is a check of its own, beside the one that has the button: that one is edited by whoever shows
   the run, and of two who edit one text the later undoes what the earlier has said.
2. There is one for each run and account, edited at each press. It is neutral: it says nothing of
   the commit and holds back no merge.
3. One is told at a time, so that of two presses of one person at once none makes a second.
"""

from __future__ import annotations

import asyncio
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
        self._turn = asyncio.Lock()

    async def tell(self, repository: str, press: Press, told: Told) -> None:
        """Have whoever has pressed find it (2)."""
        place = CheckPlace(
            repository,
            press.commit,
            name=f"mandate: vote of {press.login or press.account}",
            external_id=f"{press.run}/{press.run_id}/{press.account}",
        )
        async with self._turn:  # (3) one at a time
            await self._checks.put(place, _fields(told), known=None, look=True)


def _fields(told: Told) -> dict[str, Any]:
    return {
        "status": "completed",
        "conclusion": "neutral",  # (2) of the commit it says nothing
        "output": {
            "title": "The vote counts" if told.counted else "The vote does not count",
            "summary": Markdown.of("{}", told.text, limit=1_000),
        },
    }
