"""The tools of a stage as a model is offered them, and called for it by the contract.

What a model asks for decides nothing here: every call is put to the engine, which decides by the
table of the stage and by people, and what became of it is what the model is told.

1. A model names tools by letters, digits, ``_`` and ``-`` alone, 64 at most; names are made so.
2. Arguments that two readers would read in two ways are not passed on: the model hears why.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from contract import say

NAME_MAX = 64  # characters
WHY_MAX = 500  # likewise
_REFUSED = re.compile(r"[^A-Za-z0-9_-]")
_ANYTHING = {"type": "object"}


class ToolsOffered:
    """What the request says that the stage may call."""

    def __init__(self, tools: list[dict[str, Any]]) -> None:
        self._tools: dict[str, dict[str, Any]] = {}
        self._count = 0
        for tool in tools:
            self._tools[self._name(tool)] = tool

    def __bool__(self) -> bool:
        return bool(self._tools)

    def described(self) -> list[dict[str, Any]]:
        """Return them in the words of the wire."""
        return [
            {
                "type": "function",
                "function": {
                    "name": name,
                    "description": tool.get("description") or f"{tool['tool']} of {tool['server']}",
                    "parameters": tool.get("input_schema") or _ANYTHING,
                },
            }
            for name, tool in self._tools.items()
        ]

    def call(self, name: str, arguments: str, why: str) -> str:
        """Have one called, and return what became of it."""
        tool = self._tools.get(name)
        if tool is None:
            return f"denied: there is no tool {name!r}"
        try:
            given = json.loads(
                arguments or "{}", object_pairs_hook=_once, parse_constant=_refuse_constant
            )
        except (ValueError, RecursionError) as error:  # (2) the model hears why
            return f"denied: the arguments are no JSON that everybody reads alike: {error}"
        self._count += 1
        said = {"server": tool["server"], "tool": tool["tool"], "arguments": given}
        say("tool_call", id=f"c{self._count}", why=why[:WHY_MAX], **said)
        answer = json.loads(sys.stdin.readline())
        text = str(answer["text"])
        return text if answer["status"] == "ok" else f"{answer['status']}: {text}"

    def _name(self, tool: dict[str, Any]) -> str:
        """Return a name that the wire takes, and no other tool has (1)."""
        made = _REFUSED.sub("_", tool["tool"])[:NAME_MAX]
        if made in self._tools:
            made = _REFUSED.sub("_", f"{tool['server']}__{tool['tool']}")[:NAME_MAX]
        while made in self._tools:
            made = f"{made[: NAME_MAX - 4]}_{len(self._tools)}"
        return made


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
