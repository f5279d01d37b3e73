"""Text of others reaches people through ``dsl.shown.surfaces`` and no other way.

The types hold it: what prints and what draws takes a ``Terminal``, the Web UI a ``Markdown``. What
they cannot hold is how these are made, so it is read here: templates are literals, nothing else is
declared to be of a surface, and nothing prints beside ``mandate.terminal``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOORS: Final = ("dsl/shown/surfaces.py", "mandate/people/errors.py")
PRINTS: Final = (
    "mandate/terminal.py",
    "mandate/board.py",
    "mandate/_entry.py",
    "mandate/__main__.py",
)
SURFACES: Final = ("Terminal", "Markdown", "Html", "SlackText")
DRAWN: Final = ("summary", "static_summary", "static_details", "timeout_summary")
# A renderer looks for the ends of these before it looks for spans of code.
FRAGILE: Final = re.compile(r"[*~<\[].*\{|#.*\{")
TEMPLATED: Final = ("RefusalError", "UsageError")
FOLDERS: Final = ("mandate", "workflows", "activities", "dsl", "integrations")
SOURCES = [
    ROOT / "worker.py",
    *(p for each in FOLDERS for p in sorted((ROOT / each).rglob("*.py"))),
]


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def dotted(node: ast.expr) -> str:
    """Return a name as it is written; of anything else what follows its last bracket."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def is_literal(node: ast.expr) -> bool:
    """Tell whether it is text, or the name of a constant."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    return isinstance(node, ast.Name) and node.id.isupper()


def bypasses(path: Path) -> Iterator[str]:
    """Yield what makes text of a surface out of something else than a literal."""
    for name, call in calls(path):
        surface, _, method = name.partition(".")
        makes = name in TEMPLATED or (surface in SURFACES and method in ("of", "command", "joined"))
        if makes and not (call.args and is_literal(call.args[0])):
            yield f"{path.name}:{call.lineno}: {name} of something that is no literal"
        if name == "Markdown.of" and FRAGILE.search(ast.unparse(call.args[0])):
            yield f"{path.name}:{call.lineno}: text of others in a heading, in bold or in a link"
        if name in SURFACES and not all(map(is_literal, call.args)):
            yield f"{path.name}:{call.lineno}: {name} around something that is no literal"


def test_templates_are_literals():
    paths = [path for path in SOURCES if str(path.relative_to(ROOT)) not in DOORS]

    assert [each for path in paths for each in bypasses(path)] == []


def test_what_the_web_ui_draws_is_made_for_it():
    paths = sorted((ROOT / "workflows").rglob("*.py"))

    assert [each for path in paths for each in unmade(path)] == []


def unmade(path: Path) -> Iterator[str]:
    """Yield what is given to the Web UI and was put together, or is bare text."""
    for name, call in calls(path):
        given = [word.value for word in call.keywords if word.arg in DRAWN]
        if name.endswith("set_current_details"):
            given += call.args
        for value in given:
            if not isinstance(value, ast.Name | ast.Call) or ast.unparse(value).startswith(
                ("'", "f'")
            ):
                yield f"{path.name}:{call.lineno}: {ast.unparse(value)}"


@pytest.mark.parametrize(
    "code",
    [
        "Terminal.of(f'run {x}')",
        "Terminal.of('run ' + x)",
        "Terminal.of(template, x)",
        "Markdown(x)",
        "RefusalError(f'no {x}')",
        "Terminal.joined(x, y)",
        "Markdown.of('## {}', x)",
        "Markdown.of('**{}**', x)",
    ],
)
def test_a_bypass_is_found(code, tmp_path):
    (tmp_path / "m.py").write_text(code)
    assert len(list(bypasses(tmp_path / "m.py"))) == 1


@pytest.mark.parametrize("value", ["f'run {x}'", "'a' + x", "'run'", "', '.join(x)"])
def test_a_bare_summary_is_found(value, tmp_path):
    (tmp_path / "m.py").write_text(f"workflow.sleep(1, summary={value})")
    assert len(list(unmade(tmp_path / "m.py"))) == 1


def test_commands_print_in_one_place():
    paths = [
        path
        for path in SOURCES
        if path.is_relative_to(ROOT / "mandate") and str(path.relative_to(ROOT)) not in PRINTS
    ]
    printing = (
        "print",
        "typer.echo",
        "click.echo",
        "Console",
        "sys.stdout.write",
        "sys.stderr.write",
    )

    assert [
        f"{path}:{call.lineno}: {name}"
        for path in paths
        for name, call in calls(path)
        if name in printing
    ] == []
