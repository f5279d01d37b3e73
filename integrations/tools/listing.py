"""What a server says of its tools, and how that compares with what somebody has looked at.

1. The digest of a tool is of all that its server says of it: a description is what a model reads,
   so another description is another tool.
2. A tool whose name is none that a pipeline can write, or of which two readers would read two
   things, is listed with the reason, and cannot be pinned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsl.limits import TOOLS_OF_SERVER_MAX
from dsl.values.canonical import digest_of
from dsl.values.tool_names import refuse_tool_name
from integrations.tools.wire import ToolServerError


@dataclass(frozen=True, slots=True)
class ListedTool:
    """One tool, in the words of its server."""

    name: str
    description: str
    said: Mapping[str, Any]  # all that is said of it
    digest: str  # empty: it cannot be pinned
    fault: str = ""  # why not (2)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of a tool since it was pinned."""

    tool: str
    state: str  # pinned, new, changed, gone, unusable
    listed: ListedTool | None = None
    why: str = ""

    @property
    def is_pinned(self) -> bool:
        """Whether it is what somebody has looked at."""
        return self.state == "pinned"


def listed_in(answer: Mapping[str, Any]) -> tuple[list[ListedTool], str | None]:
    """Return the tools of one page of a server's list, and where the next begins.

    Raises:
        ToolServerError: it is no such list.
    """
    tools, cursor = answer.get("tools"), answer.get("nextCursor")
    if not isinstance(tools, list) or not isinstance(cursor, str | None):
        raise ToolServerError("its list of tools is none")
    return [_listed(each) for each in tools], cursor or None


def compare(listed: Sequence[ListedTool], pins: Mapping[str, str]) -> list[Comparison]:
    """Return every tool that is listed or pinned, by name."""
    by_name = {each.name: each for each in listed}
    gone = [Comparison(name, "gone") for name in pins.keys() - by_name.keys()]
    return sorted((*gone, *(_compared(each, pins) for each in listed)), key=lambda it: it.tool)


def refuse_list(listed: Sequence[ListedTool]) -> None:
    """Refuse a list that cannot be gone by.

    Raises:
        ToolServerError: it is too long, or names a tool twice.
    """
    if len(listed) > TOOLS_OF_SERVER_MAX:
        raise ToolServerError(f"it lists more than {TOOLS_OF_SERVER_MAX} tools")
    names = [each.name for each in listed]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ToolServerError(f"it lists tool {twice!a} twice")


def _compared(listed: ListedTool, pins: Mapping[str, str]) -> Comparison:
    if listed.fault:
        return Comparison(listed.name, "unusable", listed, listed.fault)
    pin = pins.get(listed.name)
    if pin is None:
        return Comparison(listed.name, "new", listed)
    if pin != listed.digest:
        return Comparison(
            listed.name, "changed", listed, f"pinned as {pin}, and is {listed.digest} now"
        )
    return Comparison(listed.name, "pinned", listed)


def _listed(tool: Any) -> ListedTool:
    if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
        raise ToolServerError("it lists a tool without a name")
    name, schema = tool["name"], tool.get("inputSchema")
    fault = refuse_tool_name("any", name) or ""  # (2) none that a pipeline can write
    if not fault and not isinstance(schema, dict):
        fault = "it says nothing of its arguments"
    digest = ""
    if not fault:
        try:
            digest = digest_of(tool)  # (1) of all that is said of it
        except ValueError as error:
            fault = f"what is said of it has no canonical form: {error}"
    return ListedTool(
        name=name,
        description=str(tool.get("description") or ""),
        said=tool,
        digest=digest,
        fault=fault,
    )
