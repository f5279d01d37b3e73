"""How much one stage may call: so often, with so much of arguments. All of it stands in history.

1. What is denied counts as well, and what is no call at all: it stands there no less.
2. Once there is no room an update is refused before it is taken, and so before it stands there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dsl.limits import TOOL_ARGUMENTS_OF_STAGE_BYTES_MAX, TOOL_CALLS_ASKED_MAX
from dsl.rules.tools.calls import CallRefusedError
from dsl.values.sizes import wire_bytes

_TOO_OFTEN: Final = f"the stage has called {TOOL_CALLS_ASKED_MAX} times"
_TOO_LARGE: Final = (
    f"the arguments of the stage's calls have more than {TOOL_ARGUMENTS_OF_STAGE_BYTES_MAX} bytes "
    "together"
)


class CallRoom:
    """What one stage has used of it."""

    def __init__(self) -> None:
        self._asked = 0
        self._bytes = 0

    def refuse(self) -> str | None:
        """Say why there is none for another call (2)."""
        if self._asked >= TOOL_CALLS_ASKED_MAX:
            return _TOO_OFTEN
        return _TOO_LARGE if self._bytes > TOOL_ARGUMENTS_OF_STAGE_BYTES_MAX else None

    def take(self, arguments: Mapping[str, Any]) -> None:
        """Count one call (1).

        Raises:
            CallRefusedError: there is no room for what it holds.
        """
        self._asked += 1
        self._bytes += wire_bytes(arguments)
        if self._bytes > TOOL_ARGUMENTS_OF_STAGE_BYTES_MAX:
            raise CallRefusedError(_TOO_LARGE)
