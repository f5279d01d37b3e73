"""``mandate tools decide``: what does the table of a stage make of a call?

The rule that decides in a run decides here, of the plan as it would be compiled, about the first
call of its stage. Nothing is called, and no server is asked. Exit code 0: it would be called, or
people would be asked; 1: it would be denied; 2: wrong usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsl.catalogue import UnknownPipelineError
from dsl.errors import DslError
from dsl.inputs import InputsError, resolve_inputs
from dsl.limits import TOOL_ARGUMENTS_BYTES_MAX
from dsl.plan import AgentStep, Plan, walk
from dsl.rules.tools.calls import CallRefusedError, arguments_in, call_of
from dsl.rules.tools.ruling import Caller, Ruling, ToolPolicy, rule_on
from dsl.shown.surfaces import REPORT_LINE_MAX, Terminal
from dsl.shown.tool_table import table_in_words
from dsl.values.suggestions import suggest
from mandate import catalogue
from mandate._entry import EXIT_USAGE
from mandate.people.errors import UsageError
from mandate.terminal import complain, say, say_json
from mandate.typed_inputs import parse_inputs


def run(
    pipeline: str,
    stage: str,
    tool: str,
    arguments: str,
    *,
    inputs: Sequence[str],
    as_json: bool,
    data_dir: Path | None,
) -> int:
    """Print the ruling and return the exit code."""
    try:
        plan = catalogue.compile_named(pipeline, data_dir).plan
        step = _step(plan, stage)
        ruling = _ruling(plan, step, tool, arguments, inputs)
    except (DslError, UnknownPipelineError, InputsError, UsageError, ValueError) as error:
        complain(error, "mandate tools decide")
        return EXIT_USAGE
    if as_json:
        say_json({"policy": ruling.policy.value, "rule": ruling.rule, "why": ruling.why})
    else:
        say(Terminal.of("{}: {}", ruling.policy, ruling.why, limit=REPORT_LINE_MAX))
        words = list(table_in_words(step.tools))
        if ruling.rule:
            say(Terminal.of("  {}", words[ruling.rule - 1], limit=REPORT_LINE_MAX))
    return 1 if ruling.policy is ToolPolicy.DENY else 0


def tool_named(tool: str) -> tuple[str, str]:
    """Return server and tool of ``SERVER/TOOL``.

    Raises:
        UsageError: it is no such word.
    """
    server, slash, name = tool.partition("/")
    if not slash:
        raise UsageError("expected SERVER/TOOL, such as pay/refund, got {}", repr(tool))
    return server, name


def arguments_given(word: str) -> dict[str, Any]:
    """Return the arguments that ``word`` holds, or names: ``@FILE``, ``-`` for stdin.

    What nobody is to read stands there, and in no list of processes.

    Raises:
        CallRefusedError: they are none.
        UsageError: they cannot be read.
    """
    if word != "-" and not word.startswith("@"):
        return arguments_in(word)
    try:
        if word == "-":
            return arguments_in(sys.stdin.buffer.read(TOOL_ARGUMENTS_BYTES_MAX + 1))
        with Path(word[1:]).open("rb") as file:
            return arguments_in(file.read(TOOL_ARGUMENTS_BYTES_MAX + 1))
    except (OSError, ValueError) as error:
        if isinstance(error, CallRefusedError):
            raise
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError("the arguments in {} cannot be read: {}", repr(word), why or "") from None


def _step(plan: Plan, stage: str) -> AgentStep:
    agents = {each.path: each for each in walk(plan.steps) if isinstance(each, AgentStep)}
    if stage not in agents:
        hint = suggest(stage, agents, what="agent stages")
        raise UsageError("no agent stage has the path {}: {}", repr(stage), hint)
    return agents[stage]


def _ruling(
    plan: Plan, step: AgentStep, tool: str, arguments: str, inputs: Sequence[str]
) -> Ruling:
    given = resolve_inputs(plan, parse_inputs(plan, inputs))
    try:
        call = call_of(*tool_named(tool), arguments_given(arguments))
    except CallRefusedError as error:  # a run would refuse it before any rule is looked at
        return Ruling(ToolPolicy.DENY, 0, str(error))
    caller = Caller(step.agent, step.tier, step.path)
    return rule_on(call, step.tools, caller=caller, inputs=given, earlier=(), now_ms=0)
