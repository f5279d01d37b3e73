"""A failure of ours is meant or a bug: nobody makes one that says neither.

And what Temporal's client says of one reaches people by ``mandate.unanswered`` alone: it speaks of
connections in names of its own types.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("workflows", "activities", "mandate")


def test_every_failure_is_made_as_what_it_is():
    made = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for folder in FOLDERS
        for file in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rsplit(".", 1)[-1] == "ApplicationError"
    ]

    assert made == [], (
        "raise MeantError or, for what was caught, BugError: activities.contracts.meant"
    )


def test_what_temporals_client_says_is_told_in_words_of_ours():
    told = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in sorted((ROOT / "mandate").rglob("*.py"))
        for line in told_as_it_is(ast.parse(file.read_text()))
    ]

    assert told == [], "say words_of(error), or why_of(error): mandate.unanswered"


def test_each_way_to_tell_it_as_it_is_is_seen():
    program = """
try: ...
except (RPCError, OSError) as error:
    say(error.message)
    say(f"no: {error}")
    say(str(error))
    say(Terminal.of("no: {}", error))
    raise RefusalError("no: {}", error) from None
def _said(why: RPCError | None) -> str:
    return f"no: {why}"
def _well(why: RPCError) -> str:
    if why.status is GONE: raise why
    return f"no: {words_of(why)}"
"""

    assert sorted(told_as_it_is(ast.parse(program))) == [4, 5, 6, 7, 8, 10]


def told_as_it_is(module: ast.Module) -> Iterator[int]:
    """Yield the lines where an error of the client is told in its own words."""
    for node in ast.walk(module):
        for name in names_of_errors(node):
            for inner in ast.walk(node):
                if isinstance(inner, ast.expr | ast.FormattedValue) and is_told(inner, name):
                    yield inner.lineno


def names_of_errors(node: ast.AST) -> Iterator[str]:
    """Yield the names by which an error of the client is known inside of a node."""
    if isinstance(node, ast.ExceptHandler) and node.type and node.name:
        if "RPCError" in ast.unparse(node.type):
            yield node.name
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for each in node.args.args:
            if each.annotation and "RPCError" in ast.unparse(each.annotation):
                yield each.arg


def is_told(node: ast.AST, name: str) -> bool:
    """Tell whether that error is put into text there as it is."""
    if isinstance(node, ast.Attribute):
        return node.attr == "message" and ast.unparse(node.value) == name
    if isinstance(node, ast.FormattedValue):
        return ast.unparse(node.value) == name
    if not isinstance(node, ast.Call):
        return False
    told = [each for each in node.args if ast.unparse(each) == name]
    says = ast.unparse(node.func)
    return bool(told) and (says == "str" or says.endswith(("Error", "Terminal.of", "Html.of")))
