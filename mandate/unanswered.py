"""Why a server gave no answer, in the operating system's words.

The SDK's core quotes them amid names of its own types, which help nobody at a terminal.
"""

from __future__ import annotations

import re
from typing import Final

_QUOTED: Final = re.compile(r'message: "([^"]+)"')
_LATE: Final = frozenset({"DEADLINE_EXCEEDED", "CANCELLED"})  # how the core says that it gave up
_OF_THE_WAY: Final = re.compile(  # what it says of connections, and no server does
    r"http2|h2 protocol|transport error|tcp connect|dns error|connection (closed|reset|refused)|"
    r"error trying to connect|operation was cancell?ed|broken pipe",
    re.IGNORECASE,
)


def why_of(error: Exception) -> str:
    """Return the reason that is quoted in a failure to connect, else all that it says."""
    quoted = _QUOTED.search(str(error))
    return quoted[1] if quoted else str(error)


def words_of(error: Exception) -> str:
    """Return what Temporal has said of a request; of one that it did not answer, just that.

    Args:
        error: an ``RPCError``, which is not named here, since it takes long to import.
    """
    status = getattr(getattr(error, "status", None), "name", "")
    if status in _LATE or isinstance(error, TimeoutError):
        return "no answer in time"
    said = str(getattr(error, "message", error)) or status.replace("_", " ").lower()
    if not said:
        return "it does not say why"
    return "the server is not reached" if _OF_THE_WAY.search(said) else said
