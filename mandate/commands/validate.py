"""``mandate validate``: every problem of every file in one report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsl.compiler import compile_text
from dsl.errors import DslError, Severity, report
from mandate._entry import EXIT_USAGE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one file."""

    text: str
    errors: int = 0
    warnings: int = 0


def run(files: Sequence[Path]) -> int:
    """Print the report and return the exit code."""
    verdicts = [check(file) for file in files]
    for verdict in verdicts:
        print(verdict.text)
    errors = sum(verdict.errors for verdict in verdicts)
    if len(files) > 1:
        refused = sum(1 for verdict in verdicts if verdict.errors)
        print(f"{len(files)} files, {refused} refused, {_counted(errors, 'error')}")
    return EXIT_USAGE if errors else 0


def check(file: Path) -> Verdict:
    """Compile one file."""
    source = str(file)
    try:
        content = file.read_bytes()
    except OSError as error:
        return Verdict(f"{source}: cannot be read: {error.strerror}", errors=1)
    try:
        compiled = compile_text(content, source)
    except DslError as error:
        return _refused(error)
    plan, warnings = compiled.plan, compiled.warnings
    told = [report(source, warnings, content.decode())] if warnings else []
    told.append(f"{source}: ok: {plan.name} {plan.version}, digest {compiled.digest}")
    return Verdict("\n".join(told), warnings=len(warnings))


def _refused(error: DslError) -> Verdict:
    errors = sum(1 for problem in error.problems if problem.severity is Severity.ERROR)
    warnings = len(error.problems) - errors
    counts = [_counted(errors, "error")] + ([_counted(warnings, "warning")] if warnings else [])
    text = f"{error}\n{error.source}: refused: {', '.join(counts)}"
    return Verdict(text, errors=errors, warnings=warnings)


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
