"""Names of tools and of their servers: ASCII, so that no other name looks like one of them."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from dsl.values.names import NAME_PATTERN

TOOL_NAME_PATTERN: Final = r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}$"

_FORMS: Final = {
    "tool": (re.compile(TOOL_NAME_PATTERN), "letters, digits, '_', '.', '/' and '-', 128 at most"),
    "server": (re.compile(NAME_PATTERN), "lower-case letters, digits and '-', 63 at most"),
}


def refuse_tool_name(server: str, tool: str) -> str | None:
    """Say why nothing can be called so; None when it may."""
    for what, name in (("server", server), ("tool", tool)):
        pattern, form = _FORMS[what]
        if pattern.fullmatch(name) is None:
            return f"the name of the {what} {_fault(name)}: expected {form}"
    return None


def _fault(name: str) -> str:
    foreign = next((each for each in name if not each.isascii()), None)
    if foreign is None:
        return "has another form"
    known = unicodedata.name(foreign, "a character without a name")
    return f"holds U+{ord(foreign):04X} ({known}), which only looks like one that may stand there"
