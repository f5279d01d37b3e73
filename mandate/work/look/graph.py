"""``mandate graph``: the plan as a tree, or as a Mermaid flowchart for a page."""

from __future__ import annotations

from pathlib import Path

from dsl.catalogue import UnknownPipelineError
from dsl.errors import DslError
from dsl.shown.graph import mermaid as flowchart
from dsl.shown.graph import outline
from dsl.shown.surfaces import Terminal
from mandate import catalogue
from mandate._entry import EXIT_USAGE
from mandate.people.errors import UsageError
from mandate.terminal import complain, say


def run(pipeline: str, *, mermaid: bool, data_dir: Path | None) -> int:
    """Print the drawing; return 2 when there is no such pipeline or it is refused."""
    try:
        plan = catalogue.compile_named(pipeline, data_dir).plan
    except (UnknownPipelineError, DslError, UsageError) as error:
        complain(error)
        return EXIT_USAGE
    say(*Terminal.report(flowchart(plan).rstrip("\n") if mermaid else "\n".join(outline(plan))))
    return 0
