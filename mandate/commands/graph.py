"""``mandate graph``: the plan as a tree, or as a Mermaid flowchart for a page."""

from __future__ import annotations

import sys
from pathlib import Path

from dsl.catalogue import UnknownPipelineError
from dsl.errors import DslError
from dsl.graph import mermaid as flowchart
from dsl.graph import outline
from mandate._entry import EXIT_USAGE
from mandate.commands import pipelines


def run(pipeline: str, *, mermaid: bool, data_dir: Path | None) -> int:
    """Print the drawing; return 2 when there is no such pipeline or it is refused."""
    try:
        plan = pipelines.compile_named(pipeline, data_dir).plan
    except OSError as error:
        return _refuse(f"{pipeline}: cannot be read: {error.strerror}")
    except UnknownPipelineError as error:
        return _refuse(str(error))
    except DslError as error:
        return _refuse(str(error))
    print(flowchart(plan) if mermaid else "\n".join(outline(plan)))
    return 0


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return EXIT_USAGE
