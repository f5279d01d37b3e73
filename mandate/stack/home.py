"""Where the logins of one person on one machine lie: never in a stack's own directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

HOME_VARIABLE: Final = "MANDATE_HOME"


def home(caller: Mapping[str, str]) -> Path:
    """Return where the logins of whoever has these variables are kept."""
    own = caller.get(HOME_VARIABLE, "")
    if own:
        return Path(own).expanduser().absolute()
    state = Path(caller.get("XDG_STATE_HOME", ""))
    # The specification says so: a relative path there counts as none.
    folder = state if state.is_absolute() else Path.home() / ".local" / "state"
    return folder / "mandate"
