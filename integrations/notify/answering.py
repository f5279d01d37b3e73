"""The line that answers a gate, where it cannot be answered at the place that tells of it."""

from __future__ import annotations

from typing import TypeVar

from dsl.rules.notify.snapshot import GateSnapshot, RunSnapshot
from dsl.shown.surfaces import Markdown, SlackText, Terminal

_Shown = TypeVar("_Shown", Terminal, Markdown, SlackText)


def approving(surface: type[_Shown], gate: GateSnapshot, run: RunSnapshot) -> _Shown:
    """Return the command that approves, to be copied from that surface."""
    if gate.reason_required:
        return surface.command("mandate approve {} {} --reason ...", run.workflow, gate.path)
    return surface.command("mandate approve {} {}", run.workflow, gate.path)
