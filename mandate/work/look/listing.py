"""``mandate list``: the pipelines that can be started by name, and what is wrong with the rest.

Below them stand the templates, which are what an agent stage may be.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsl.catalogue import Catalogue, CatalogueEntry
from dsl.errors import DslError, Severity
from dsl.plan import walk
from dsl.shown.surfaces import Terminal
from mandate import catalogue as pipelines
from mandate.columns import columns
from mandate.terminal import note, say, say_json
from mandate.work.look import templates

_HEAD = ("NAME", "VERSION", "STAGES", "DIGEST", "SOURCE")
_DIGEST_SHOWN = 19  # "sha256:" and twelve hex digits


def run(data_dir: Path | None, *, only_templates: bool = False, as_json: bool = False) -> int:
    """Print the tables, and problems below them; finding some is no failure of the command."""
    if not only_templates:
        _pipelines(data_dir, as_json=as_json)
    if as_json:
        for each in templates.records(data_dir):
            say_json(each)
        return 0
    say(*([] if only_templates else [Terminal()]), *templates.table(data_dir))
    return 0


def _pipelines(data_dir: Path | None, *, as_json: bool) -> None:
    catalogue = pipelines.catalogue(data_dir)
    entries = [_entry(catalogue, entry) for entry in catalogue.entries()]
    if as_json:
        for each in entries:
            say_json(each)
    else:
        say(*columns([_HEAD, *map(_row, entries)]))
    for problem in catalogue.problems():
        kind = Terminal("warning: ") if problem.severity is Severity.WARNING else Terminal()
        note(Terminal.of("{}: {}{}", problem.path, kind, problem.message))


def _entry(catalogue: Catalogue, entry: CatalogueEntry) -> dict[str, Any]:
    about = {"kind": "pipeline", "name": entry.name, "source": str(entry.path)}
    try:
        compiled = catalogue.load(entry.name)
    except DslError as error:
        return {**about, "refused": len(error.problems)}
    plan = compiled.plan
    stages = sum(1 for _ in walk(plan.steps))
    return {**about, "version": plan.version, "stages": stages, "digest": compiled.digest}


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    name, source = entry["name"], entry["source"]
    if "refused" in entry:
        line = Terminal.command("mandate validate {}", source)
        return (name, "-", "-", f"refused ({entry['refused']})", line)
    digest = entry["digest"][:_DIGEST_SHOWN]
    return (name, entry["version"], str(entry["stages"]), digest, source)
