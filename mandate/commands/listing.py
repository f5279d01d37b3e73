"""``mandate list``: the pipelines that can be started by name, and what is wrong with the rest."""

from __future__ import annotations

from pathlib import Path

from dsl.catalogue import Catalogue, CatalogueEntry
from dsl.errors import DslError, Severity
from dsl.plan import walk
from dsl.surfaces import Terminal
from mandate.commands import pipelines
from mandate.commands.columns import columns
from mandate.terminal import note, say

_HEAD = ("NAME", "VERSION", "STAGES", "DIGEST", "SOURCE")
_DIGEST_SHOWN = 19  # "sha256:" and twelve hex digits


def run(data_dir: Path | None) -> int:
    """Print the table, and problems below it; finding some is no failure of the command."""
    catalogue = pipelines.catalogue(data_dir)
    rows = [_row(catalogue, entry) for entry in catalogue.entries()]
    say(*columns([_HEAD, *rows]))
    for problem in catalogue.problems():
        kind = Terminal("warning: ") if problem.severity is Severity.WARNING else Terminal()
        note(Terminal.of("{}: {}{}", problem.path, kind, problem.message))
    return 0


def _row(catalogue: Catalogue, entry: CatalogueEntry) -> tuple[str, ...]:
    try:
        compiled = catalogue.load(entry.name)
    except DslError as error:
        count = len(error.problems)
        return (entry.name, "-", "-", f"refused ({count})", f"mandate validate {entry.path}")
    plan = compiled.plan
    stages = str(sum(1 for _ in walk(plan.steps)))
    return (entry.name, plan.version, stages, compiled.digest[:_DIGEST_SHOWN], str(entry.path))
