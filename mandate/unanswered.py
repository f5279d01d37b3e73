"""Why a server gave no answer, in the operating system's words.

The SDK's core quotes them amid names of its own types, which help nobody at a terminal.
"""

from __future__ import annotations

import re

_QUOTED = re.compile(r'message: "([^"]+)"')


def why_of(error: Exception) -> str:
    """Return the reason that is quoted in a failure to connect, else all that it says."""
    quoted = _QUOTED.search(str(error))
    return quoted[1] if quoted else str(error)
