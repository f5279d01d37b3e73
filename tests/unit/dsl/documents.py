"""Small pipeline documents, and what is found in them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

from dsl.compiler import compile_text
from dsl.errors import DslError, Problem, Severity
from dsl.template_folders import TemplateFolders

SOURCE = "pipeline.yaml"
# The shipped ones, and one that is declared without a program.
TEMPLATES = TemplateFolders([Path(__file__).parents[2] / "fixtures" / "templates"]).look()


def document(stages: str, head: str = "") -> str:
    """Return a document named ``p`` around a YAML list of stages."""
    body = indent(dedent(stages).strip(), "  ")
    top = dedent(head).strip()
    return f'name: p\nversion: "1"\n{top + chr(10) if top else ""}stages:\n{body}\n'


def problems(text: str) -> list[Problem]:
    """Return all that the compiler has to say about ``text``, errors and warnings."""
    try:
        return list(compile_text(text, SOURCE, TEMPLATES).warnings)
    except DslError as error:
        return list(error.problems)


def found(stages: str, head: str = "") -> list[tuple[str, str]]:
    """Return code and the text under the caret, to the end of its line, of each problem."""
    text = document(stages, head)
    lines = text.splitlines()
    return [(each.code, lines[each.at.line - 1][each.at.column - 1 :]) for each in problems(text)]


def only(stages: str, head: str = "") -> Problem:
    """Return the one problem there is."""
    (problem,) = problems(document(stages, head))
    return problem


def is_error(problem: Problem) -> bool:
    """Tell whether the problem refuses the document."""
    return problem.severity is Severity.ERROR
