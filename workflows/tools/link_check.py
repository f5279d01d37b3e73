"""Does a call come from the attempt that speaks for the agent? See ``dsl.rules.tools.chain``.

1. A link that is not the next one may be the first of another attempt: then the server's record of
   the activity is looked at. It is so at most ``TOOL_LOOKS_MAX`` times, for anybody may cause it.
2. A head that was found before is not taken again: its links were shown.
"""

from __future__ import annotations

import asyncio

from temporalio.exceptions import ActivityError

from activities.contracts import tool_specs
from activities.contracts.question_specs import AsksRequest
from dsl.limits import TOOL_LOOKS_MAX
from dsl.rules.tools.chain import follows
from dsl.shown.surfaces import Markdown


class LinkCheck:
    """The chain of the agent's activity, as far as it was shown."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._tip = ""
        self._heads: set[str] = set()
        self._looks = 0
        self._one_at_a_time = asyncio.Lock()

    async def takes(self, link: str) -> bool:
        """Tell whether ``link`` is the next one; it is shown then."""
        async with self._one_at_a_time:
            if not follows(link, self._tip):
                head = await self._head()
                if not head or head in self._heads or not follows(link, head):  # (2) shown before
                    return False
                self._heads.add(head)
            self._tip = link
            return True

    async def _head(self) -> str:
        if self._looks == TOOL_LOOKS_MAX:  # (1) anybody may cause it
            return ""
        self._looks += 1
        try:
            found = await tool_specs.chain(
                AsksRequest(),
                activity_id=f"{self._stage}/chain#{self._looks}",
                summary=Markdown.of("{}: who calls?", self._stage),
                local=True,
            )
        except ActivityError:
            return ""
        return found.chain
