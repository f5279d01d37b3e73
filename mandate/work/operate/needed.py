"""What a command needs that comes with an extra of ours, and may not be installed."""

from __future__ import annotations

from importlib.util import find_spec

import typer

from dsl.shown.surfaces import Terminal
from mandate._entry import EXIT_USAGE
from mandate.terminal import note


def require_extra(package: str, extra: str) -> None:
    """Go on if ``package`` is there, else say which extra has it, and end the command."""
    if find_spec(package) is None:
        note(Terminal.of("mandate: {} is not installed: pip install 'mandate[{}]'", package, extra))
        raise typer.Exit(EXIT_USAGE)
