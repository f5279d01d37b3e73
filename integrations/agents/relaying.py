"""The relay of an agent that may call tools: put into the copy of its program, and started first.

Its files are ours and no part of the program's digest; they lie in a folder that no program has,
and run with the agent's rights. See ``integrations.agents.relay.relay``.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from integrations.agents.programs.program import python

FOLDER: Final = ".relay"
_FILES: Final = ("relay.py", "tool_server.py")
_SOURCE: Final = Path(__file__).with_name("relay")


def relayed(folder: Path, argv: list[str]) -> list[str]:
    """Return the command line that starts ``argv`` behind a relay, which is put into ``folder``."""
    place = folder / FOLDER
    place.mkdir(mode=0o700)
    for name in _FILES:
        shutil.copyfile(_SOURCE / name, place / name)
    return [*python(), str(place / _FILES[0]), *argv]
