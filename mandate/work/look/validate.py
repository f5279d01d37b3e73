"""``mandate validate``: every problem of every file in one report.

1. What `mandate run` refuses before it starts anything is refused here: a document that is wrong,
   inputs that were given and are, and what the site would not run, where that is known.
2. What only a server knows is not looked up: of a plan that runs for registered plans only, it is
   said that it must be one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dsl.checks.guards import GUARDED_FROM
from dsl.compiler import Compiled, compile_text
from dsl.core import Tier
from dsl.errors import DslError, Problem, Severity, report
from dsl.inputs import resolve_inputs
from dsl.plan import AgentStep, Plan, walk
from dsl.shown.surfaces import REPORT_LINE_MAX, Terminal
from dsl.shown.tool_table import table_in_words
from dsl.templates import Templates
from dsl.tools.servers import ToolServers
from mandate import catalogue
from mandate._entry import EXIT_USAGE
from mandate.site import NOT_HERE, not_started_here
from mandate.stack import environment
from mandate.terminal import say, say_json, told
from mandate.typed_inputs import parse_inputs


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one file."""

    lines: tuple[Terminal, ...]
    errors: int = 0
    warnings: int = 0
    record: Mapping[str, Any] = field(default_factory=dict)  # the same, for a program


def run(
    files: Sequence[Path],
    given: Sequence[str] = (),
    *,
    as_json: bool = False,
    data_dir: Path | None = None,
) -> int:
    """Print the report and return the exit code.

    Args:
        files: to be checked.
        given: inputs, ``name=value``, as ``mandate run`` would be given.
        as_json: an object for each file.
        data_dir: of the stack whose site is meant.
    """
    env = environment.present(data_dir)
    templates, servers = catalogue.templates(env).look(), catalogue.servers(env).look()
    verdicts = [check(file, templates, servers, given, env) for file in files]
    for file, verdict in zip(files, verdicts, strict=True):
        if as_json:
            say_json({"file": str(file), "ok": not verdict.errors, **verdict.record})
        else:
            say(*verdict.lines)
    errors = sum(verdict.errors for verdict in verdicts)
    if len(files) > 1 and not as_json:
        refused = sum(1 for verdict in verdicts if verdict.errors)
        say(Terminal.of("{} files, {} refused, {}", len(files), refused, _counted(errors, "error")))
    return EXIT_USAGE if errors else 0


def check(
    file: Path,
    templates: Templates | None = None,
    servers: ToolServers | None = None,
    given: Sequence[str] = (),
    env: Mapping[str, str] = MappingProxyType({}),
) -> Verdict:
    """Compile one file.

    Its stages may name ``templates``, default the shipped ones, and call tools of ``servers``. The
    inputs ``given`` are looked at where there are any, and the site that ``env`` tells of (1).
    """
    source = str(file)
    try:
        content = file.read_bytes()
    except OSError as error:
        line = Terminal.of("{}: cannot be read: {}", source, error.strerror)
        return Verdict((line,), errors=1, record={"error": error.strerror})
    try:
        compiled = compile_text(content, source, templates, servers)
    except DslError as error:
        return _refused(error)
    plan, warnings = compiled.plan, compiled.warnings
    warned = report(source, warnings, content.decode()) if warnings else ""
    lines = Terminal.report(warned) if warned else []
    refused = _refusals(compiled, given, env)
    word = "well formed" if refused else "ok"
    about_plan = (source, word, plan.name, plan.version, compiled.digest)
    lines.append(Terminal.of("{}: {}: {} {}, digest {}", *about_plan))
    tables = _tables(plan)
    for path, words in tables.items():
        lines.append(Terminal.of("{}: stage {} may call:", source, path))
        lines += [Terminal.of("    {}", each, limit=REPORT_LINE_MAX) for each in words]
    guarded = sorted(each.name for each in _tiers(plan) if each >= GUARDED_FROM)
    if guarded:
        line = Terminal.command("mandate register {}", source)
        tiers = Terminal.listed(guarded)
        lines.append(
            Terminal.of("{}: {} only once somebody has registered it: {}", source, tiers, line)
        )
    lines += [Terminal.of(NOT_HERE, source, why, limit=REPORT_LINE_MAX) for why in refused]
    about = {
        "name": plan.name,
        "version": plan.version,
        "digest": compiled.digest,
        "needs_registration": bool(guarded),
    }
    record = {
        **about,
        "problems": _records(warnings),
        **({"tools": tables} if tables else {}),
        **({"not_started_here": refused} if refused else {}),
    }
    return Verdict(tuple(lines), len(refused), len(warnings), record)


def _refusals(compiled: Compiled, given: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """Return why ``mandate run`` would not start it (1)."""
    plan = compiled.plan
    values = {name: each.default for name, each in plan.inputs.items()}
    if given:
        try:
            values = resolve_inputs(plan, parse_inputs(plan, given))
        except ValueError as error:
            return [str(error)]
    return not_started_here(compiled, values, env)


def _tables(plan: Plan) -> dict[str, list[str]]:
    """Return what the tables of tools say in words, by stage."""
    return {
        step.path: list(table_in_words(step.tools))
        for step in walk(plan.steps)
        if isinstance(step, AgentStep) and step.tools
    }


def _tiers(plan: Plan) -> set[Tier]:
    return {step.tier for step in walk(plan.steps) if isinstance(step, AgentStep)}


def _refused(error: DslError) -> Verdict:
    errors = sum(1 for problem in error.problems if problem.severity is Severity.ERROR)
    warnings = len(error.problems) - errors
    counts = [_counted(errors, "error")] + ([_counted(warnings, "warning")] if warnings else [])
    verdict = Terminal.of("{}: refused: {}", error.source, Terminal.listed(counts))
    record = {"problems": _records(error.problems)}
    return Verdict((*told(error), verdict), errors, warnings, record)


def _records(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    return [
        {
            "code": each.code,
            "severity": each.severity.value,
            "line": each.at.line,
            "column": each.at.column,
            "message": each.message,
            "hint": each.hint,
        }
        for each in problems
    ]


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
