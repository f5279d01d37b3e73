"""How an agent's activity shows that a call comes from it: links of a chain that only it has.

Whoever may write to the namespace can send the agent's workflow a message. A call therefore shows
the next link of a chain of digests, made of a random end by the one attempt that speaks for the
agent. The rules:

1. The head of the chain is the digest of its first link, each link the digest of the one behind it.
   Who knows a link can compute all before it, and none behind it.
2. A link is shown once, with one call: what was shown is known to whoever reads histories, and
   proves nothing any more.
3. The head is learnt from what only a worker can write, see ``activities.contracts.tool_specs``.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

LINK_PATTERN: Final = r"^[0-9a-f]{64}$"


def follows(link: str, tip: str) -> bool:
    """Tell whether ``link`` is the one behind ``tip``: the head, or the link shown last."""
    return hmac.compare_digest(_before(link), tip)


class Chain:
    """The links of one attempt, shown from the first to the last."""

    def __init__(self, end: bytes, length: int) -> None:
        """Make ``length`` links; ``end`` is random, and told to nobody."""
        links = [end.hex()]
        for _ in range(length):
            links.append(_before(links[-1]))
        self.head = links.pop()
        self._links = links  # the next one to show is the last

    @property
    def next(self) -> str | None:
        """The link to be shown next; None: all were shown."""
        return self._links[-1] if self._links else None

    def shown(self) -> None:
        """Note that the next link was taken (2)."""
        self._links.pop()


def _before(link: str) -> str:
    return hashlib.sha256(link.encode()).hexdigest()
