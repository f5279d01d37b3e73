"""The pins of a server's tools, in its own words, beside its file: written whole, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from integrations.tools.listing import ListedTool
from integrations.whole_files import whole


def write_pins(path: Path, server: str, tools: Iterable[ListedTool]) -> None:
    """Write the pins of all ``tools`` that can be pinned.

    Raises:
        OSError: they cannot be written; what was there is there still.
    """
    pinned = [each.said for each in sorted(tools, key=lambda tool: tool.name) if each.digest]
    text = json.dumps({"server": server, "tools": pinned}, indent=2) + "\n"
    with whole(path) as file:
        file.write(text)
