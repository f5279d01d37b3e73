"""The tool servers that are declared in directories, with the pins of their tools.

How a server is found by its name, and what two of one name mean, is said in
``dsl.document.named_folders``. The pins lie beside its file, and are read anew each time: whoever
has looked at a tool and pinned it restarts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsl.document.loader import load
from dsl.document.named_folders import NamedFolders, NamedView
from dsl.document.parse import shaped
from dsl.limits import TOOL_LIST_BYTES_MAX, TOOL_SERVERS_MAX
from dsl.tools.servers import PINS_SUFFIX, KnownServer, PinnedTool, ToolServer, ToolServers
from dsl.values import strict_json
from dsl.values.canonical import digest_of


@dataclass(frozen=True, slots=True)
class ServerFile:
    """One server on file."""

    server: ToolServer
    path: Path

    @property
    def pins_path(self) -> Path:
        """Return where its pins lie."""
        return self.path.with_name(self.path.stem + PINS_SUFFIX)

    def known(self) -> KnownServer:
        """Return it with its pins."""
        try:
            return KnownServer(self.server, _pins(self.pins_path))
        except FileNotFoundError:
            return KnownServer(self.server, {}, "nobody has pinned its tools")
        except (OSError, ValueError) as error:
            return KnownServer(self.server, {}, f"{self.pins_path} cannot be read: {error}")


class ToolFolders:
    """Finds tool servers by name."""

    def __init__(self, directories: Sequence[str | Path] = ()) -> None:
        """Look into ``directories``; without one, nothing is known of servers."""
        self.directories = tuple(Path(each) for each in directories)
        self._folders = NamedFolders(self.directories, _read, TOOL_SERVERS_MAX, what="tool servers")

    def look(self) -> ToolServers | None:
        """Return the servers there are right now; None: nobody has declared where they are."""
        if not self.directories:
            return None
        view = self.view()
        known = {name: each.known() for name, each in view.files.items()}
        return ToolServers(
            known, view.refused, tuple(f"{path} {why}" for path, why in view.problems)
        )

    def view(self) -> NamedView[ServerFile]:
        """Return the files behind them, too."""
        return self._folders.view()

    def named(self, name: str) -> NamedView[ServerFile]:
        """Return as much of that as concerns the server ``name``."""
        return self._folders.named(name)


def _read(path: Path, content: bytes) -> ServerFile | str:
    server = shaped(load(content, path.name), ToolServer, "a server with name, tier and command")
    if server.name != path.stem:  # the file says so too
        return f"name: expected {path.stem!r}, as the file is called, got {server.name!r}"
    return ServerFile(server, path)


def _pins(path: Path) -> Mapping[str, PinnedTool]:
    with path.open("rb") as file:
        found = strict_json.read(file.read(TOOL_LIST_BYTES_MAX + 1), bytes_max=TOOL_LIST_BYTES_MAX)
    tools = found.get("tools") if isinstance(found, dict) else None
    if not isinstance(tools, list) or not all(_is_tool(each) for each in tools):
        raise ValueError('expected {"tools": [...]}, each with a name, as its server says it')
    pins = {each["name"]: PinnedTool(each, digest_of(each)) for each in tools}
    if len(pins) < len(tools):
        raise ValueError("a tool is there twice")
    return pins


def _is_tool(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str)
