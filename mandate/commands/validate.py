"""``mandate validate``: every problem of every file in one report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsl.compiler import compile_text
from dsl.errors import DslError, Severity, report
from dsl.surfaces import Terminal
from mandate._entry import EXIT_USAGE
from mandate.terminal import say, told


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one file."""

    lines: tuple[Terminal, ...]
    errors: int = 0
    warnings: int = 0


def run(files: Sequence[Path]) -> int:
    """Print the report and return the exit code."""
    verdicts = [check(file) for file in files]
    for verdict in verdicts:
        say(*verdict.lines)
    errors = sum(verdict.errors for verdict in verdicts)
    if len(files) > 1:
        refused = sum(1 for verdict in verdicts if verdict.errors)
        say(Terminal.of("{} files, {} refused, {}", len(files), refused, _counted(errors, "error")))
    return EXIT_USAGE if errors else 0


def check(file: Path) -> Verdict:
    """Compile one file."""
    source = str(file)
    try:
        content = file.read_bytes()
    except OSError as error:
        line = Terminal.of("{}: cannot be read: {}", source, error.strerror)
        return Verdict((line,), errors=1)
    try:
        compiled = compile_text(content, source)
    except DslError as error:
        return _refused(error)
    plan, warnings = compiled.plan, compiled.warnings
    warned = report(source, warnings, content.decode()) if warnings else ""
    lines = Terminal.report(warned) if warned else []
    words = (source, plan.name, plan.version, compiled.digest)
    lines.append(Terminal.of("{}: ok: {} {}, digest {}", *words))
    return Verdict(tuple(lines), warnings=len(warnings))


def _refused(error: DslError) -> Verdict:
    errors = sum(1 for problem in error.problems if problem.severity is Severity.ERROR)
    warnings = len(error.problems) - errors
    counts = [_counted(errors, "error")] + ([_counted(warnings, "warning")] if warnings else [])
    verdict = Terminal.of("{}: refused: {}", error.source, Terminal.listed(counts))
    return Verdict((*told(error), verdict), errors=errors, warnings=warnings)


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
