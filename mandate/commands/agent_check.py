"""``mandate agent check``: does a program keep the contract of agents, and what is to be mended.

It runs the program in the sandbox that agents run in, on this machine and no other: no server is
asked, nothing is registered. The rules:

1. What it prints of the program is as a terminal takes it, and without the secret it was told.
2. Exit code 0: nothing was found; 1: something was; 2: the check could not be made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsl.core import AgentPhase
from dsl.limits import REQUEST_BYTES_MAX
from dsl.shown.surfaces import Terminal
from dsl.values import strict_json
from dsl.values.strict_json import JsonError
from integrations.agents.conformance.command import command_of
from integrations.agents.conformance.suite import Checked, Suite
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.errors import IntegrationError
from mandate.terminal import complain, note, say, say_json

EXIT_FAILED = 1
EXIT_UNASKED = 2


def run(
    words: Sequence[str],
    *,
    phases: Sequence[str],
    inputs: Sequence[str],
    read: Sequence[Path],
    tcp: Sequence[int],
    timeout_s: float,
    as_json: bool,
) -> int:
    """Check the program that ``words`` call; ``inputs`` are NAME=VALUE, of JSON where it is."""
    if not words:
        note(Terminal("mandate: expected a command behind --, such as: -- python3 agent.py"))
        return EXIT_UNASKED
    try:
        given = dict(map(_input, inputs))
        command = command_of(words)
    except (ValueError, IntegrationError) as error:
        complain(error, "mandate")
        return EXIT_UNASKED
    sandbox = SandboxSpec(
        workspace=Path.cwd(),
        read=(*command.reads, *(path.absolute() for path in read)),
        tcp=tuple(tcp),
        required=False,
    )
    suite = Suite(
        command,
        phases=[AgentPhase(each) for each in phases],
        inputs=given,
        sandbox=sandbox,
        timeout_s=timeout_s,
    )
    try:
        checked = asyncio.run(suite.run())
    except IntegrationError as error:
        complain(error, "mandate")
        return EXIT_UNASKED
    tell = _tell_json if as_json else _tell
    tell(checked)
    return EXIT_FAILED if any(each.findings for each in checked) else 0


def _tell(checked: Sequence[Checked]) -> None:
    for each in checked:
        say(Terminal.of("{}: {}", each.case, each.taken))
    for each in checked:
        for found in each.findings:
            say(Terminal.of("fault [{}] {}: {}", found.rule, found.case, found.seen))
            say(Terminal.of("  mend: {}", found.mend))
    count = sum(len(each.findings) for each in checked)
    say(Terminal.of("{}", f"{count} to mend" if count else "the program keeps the contract"))


def _tell_json(checked: Sequence[Checked]) -> None:
    for each in checked:
        findings = [
            {"rule": found.rule, "seen": found.seen, "mend": found.mend} for found in each.findings
        ]
        say_json({"case": each.case, "taken": each.taken, "findings": findings})


def _input(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"expected --input NAME=VALUE, got {text[:80]!r}")
    try:
        return name, strict_json.read(value, bytes_max=REQUEST_BYTES_MAX)
    except JsonError:
        return name, value
