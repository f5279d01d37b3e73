"""``mandate agent check``: does a program keep the contract of agents, and what is to be mended.

It runs the program in the sandbox that agents run in, on this machine and no other: no server is
asked, nothing is registered. The rules:

1. What it prints of the program is as a terminal takes it, and without the secret it was told.
2. Exit code 0: nothing was found; 1: something was; 2: the check could not be made.
3. A template's program is checked as its stages would start it: its copy, its sandbox, its phases,
   the defaults of its inputs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsl.core import AgentPhase
from dsl.limits import REQUEST_BYTES_MAX
from dsl.shown.surfaces import Terminal
from dsl.values import strict_json
from dsl.values.strict_json import JsonError
from integrations.agents.conformance.command import command_of
from integrations.agents.conformance.suite import Checked, Suite
from integrations.agents.programs.needs import require_runnable
from integrations.agents.programs.program import Program
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.errors import IntegrationError
from integrations.settings import agent_directories
from mandate import catalogue
from mandate.stack import environment
from mandate.terminal import complain, note, say, say_json
from mandate.typed_pairs import by_name

EXIT_FAILED = 1
EXIT_UNASKED = 2


@dataclass(frozen=True, slots=True)
class _Checkable:
    """A program, and how it is to be started."""

    program: Program
    sandbox: SandboxSpec
    phases: tuple[str, ...] = (AgentPhase.EXECUTE.value,)
    inputs: Mapping[str, Any] = field(default_factory=dict)


def run(
    words: Sequence[str],
    *,
    template: str | None = None,
    phases: Sequence[str],
    inputs: Sequence[str],
    read: Sequence[Path],
    tcp: Sequence[int],
    timeout_s: float,
    as_json: bool,
    data_dir: Path | None = None,
) -> int:
    """Check a program: what ``words`` call, or the one of a ``template``.

    ``inputs`` are NAME=VALUE, of JSON where it is.
    """
    if bool(words) == (template is not None):
        note(Terminal("mandate: expected --template NAME, or a command: -- python3 agent.py"))
        return EXIT_UNASKED
    try:
        given = by_name("--input", map(_input, inputs))
        checked_ = _command(words) if template is None else _template(template, data_dir)
    except (ValueError, IntegrationError) as error:
        complain(error, "mandate")
        return EXIT_UNASKED
    opened = checked_.sandbox
    suite = Suite(
        checked_.program,
        phases=[AgentPhase(each) for each in phases or checked_.phases],
        inputs={**checked_.inputs, **given},
        sandbox=replace(
            opened,
            read=(*opened.read, *(path.absolute() for path in read)),
            tcp=(*opened.tcp, *tcp),
        ),
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


def _command(words: Sequence[str]) -> _Checkable:
    command = command_of(words)
    sandbox = SandboxSpec(workspace=Path.cwd(), read=command.reads, required=False)
    return _Checkable(command, sandbox)


def _template(name: str, data_dir: Path | None) -> _Checkable:
    """Return the program of a template, as its stages would start it (3)."""
    env = environment.present(data_dir)
    programs = catalogue.programs(env)
    template = programs.template(name).template
    declared = template.sandbox.model_dump(exclude={"read", "tcp"}, exclude_none=True)
    sandbox = SandboxSpec(
        workspace=Path.cwd(),
        path=agent_directories(env),
        tcp=template.sandbox.tcp,
        required=False,
        **declared,
    )
    inputs = {
        key: spec.default
        for key, spec in (template.inputs or {}).items()
        if spec.default is not None
    }
    phases = tuple(each.value for each in template.phases)
    # What is missing on this machine is told as a worker tells it.
    return _Checkable(require_runnable(programs, name, lambda: ()), sandbox, phases, inputs)


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
