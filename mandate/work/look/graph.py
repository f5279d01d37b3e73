"""``mandate graph``: the plan as a tree, as a Mermaid flowchart for a page, or as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dsl.catalogue import UnknownPipelineError
from dsl.errors import DslError
from dsl.plan import Plan
from dsl.shown.diagram import picture
from dsl.shown.graph import mermaid, outline
from dsl.shown.surfaces import Terminal
from mandate import catalogue
from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.people.errors import RefusalError, UsageError
from mandate.terminal import complain, say, say_document
from mandate.work.look.new_files import write_new

MERMAID: Final = "mermaid"
SVG: Final = "svg"


def run(pipeline: str, out: Path | None, *, drawn_as: str, data_dir: Path | None) -> int:
    """Print the drawing or write it; return 2 when there is no such pipeline or it is refused."""
    try:
        plan = catalogue.compile_named(pipeline, data_dir).plan
        if out is not None:
            write_new(out, [_text(plan, drawn_as)])
    except (UnknownPipelineError, DslError, UsageError) as error:
        complain(error)
        return EXIT_USAGE
    except RefusalError as error:
        complain(error)
        return EXIT_FAILED
    if out is not None:
        say(Terminal.of("{} is written", out))
    elif drawn_as == SVG:
        say_document(picture(plan))
    else:
        say(*Terminal.report(_text(plan, drawn_as).rstrip("\n")))
    return 0


def _text(plan: Plan, drawn_as: str) -> str:
    if drawn_as == SVG:
        return picture(plan)
    return mermaid(plan) if drawn_as == MERMAID else "\n".join([*outline(plan), ""])
