"""The tool server that the last agent of an experiment calls: declared, pinned, and looked at.

1. One of its tools is called freely, and twice is as good as once; the other when people say so,
   and what it brings about happens once in a run.
2. What reached it stands in files that no agent can write, a line for each call.
3. Every other run is struck at the one tool, the rest at the other.
4. A process serves one call: of a run that is over none is left.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from dsl.chaos.catalogue import TOOLS
from dsl.tools.folders import ToolFolders
from dsl.values import strict_json
from integrations.settings import Settings
from integrations.tools.pins import write_pins
from integrations.tools.serving import serving
from integrations.tools.surroundings import surroundings_of

NOTE, PUBLISH = "note", "publish"
PROGRAM: Final = "register.py"
ANSWERS_WITHIN: Final = "2s"
_LINE_BYTES_MAX: Final = 1 << 16


def table(people: Sequence[str]) -> list[dict[str, Any]]:
    """Return what the stage may call (1)."""
    asked = {"approvers": [*people], "timeout": "10m"}
    return [
        {"server": TOOLS, "tool": NOTE, "policy": "allow"},
        {"server": TOOLS, "tool": PUBLISH, "policy": "approve", "approve": asked},
    ]


class Register:
    """The server of one stack, below its folder."""

    def __init__(self, folder: Path, orders: Path) -> None:
        self.declared = folder / "tools"
        self.reached = {f"{TOOLS}/{tool}": folder / "kept" / tool for tool in (NOTE, PUBLISH)}
        self._orders = orders

    def declare(self, programs: Path) -> None:
        """Write its declaration; its program lies in ``programs``."""
        kept = next(iter(self.reached.values())).parent
        for folder in (self.declared, kept):
            folder.mkdir(mode=0o700)
        server = {
            "name": TOOLS,
            "description": "keeps what the agents of an experiment tell it",
            "tier": "T1",
            "command": [sys.executable, str(programs / PROGRAM), str(kept), str(self._orders)],
            "timeout": ANSWERS_WITHIN,
            "keep": "call",  # (4) none is left
            "sandbox": {"read": [str(programs)], "write": [str(kept), str(self._orders)]},
            "tools": {
                NOTE: {"idempotent": True},
                PUBLISH: {"effect": "publish:${{ args.run }}"},
            },
        }
        (self.declared / f"{TOOLS}.yaml").write_text(json.dumps(server))

    async def pin(self, settings: Settings) -> None:
        """Have its tools be what they are now."""
        file = ToolFolders(settings.tools).named(TOOLS).files[TOOLS]
        async with serving(file.server, surroundings_of(settings)) as session:
            write_pins(file.pins_path, TOOLS, await session.tools())

    def order_for(self, run: str) -> Path:
        """Return where the server looks for the order that strikes a run."""
        return self._orders / f"{run.replace('/', '~')}.{self._struck(run)}"

    def has_reached(self, run: str, tool: str = "") -> bool:
        """Tell whether a call of the run has reached a tool; of none: the one that is struck."""
        file = self.reached[f"{TOOLS}/{tool or self._struck(run)}"]
        lines = file.read_text().splitlines() if file.exists() else ()
        calls = (strict_json.read(line, bytes_max=_LINE_BYTES_MAX) for line in lines)
        return any(call["run"] == run for call in calls)

    @staticmethod
    def _struck(run: str) -> str:
        return (NOTE, PUBLISH)[ord(run[-1]) % 2]  # (3) they are numbered
