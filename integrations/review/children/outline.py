"""Read Python files as text and tell of each what stands where; nothing of them is executed.

A process of its own, since a file can be written so that it takes its parser along. It reads
names of files, one a line, and writes one JSON object a line.

1. A file that does not parse is told with the line and the reason, and nothing else of it.
2. A test asserts something where it asserts, raises, expects an exception, fails, or calls what
   may do so: a name that says so, a function of the same file that does, or one of another file
   of tests. What is left passes whatever the code does; ``calls`` tells whether it runs any.
3. An import is guarded where the code lives without it: within a try, a condition, a function.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import tokenize
import warnings
from collections.abc import Iterator
from typing import Any, Final

FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES: Final = (*FUNCTIONS, ast.ClassDef)
NOTE: Final = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b")
ASSERTING: Final = re.compile(
    r"assert|raises|warns|expect|fail|check|verify|should|ensure|must|match|compare|deprecated_call"
)
OF_TESTS: Final = re.compile(r"(^|\.)(tests?|testing|conftest|helpers?|utils?)(\.|$)|^\.")
LINE_MAX: Final = 200


def main() -> None:
    """Tell of every file that is named."""
    warnings.simplefilter("ignore")
    for name in sys.stdin.read().splitlines():
        sys.stdout.write(json.dumps({"path": name, **told(name)}) + "\n")


def told(name: str) -> dict[str, Any]:
    """Return what stands where in a file."""
    with open(name, "rb") as file:  # noqa: PTH123 - a child loads as little as it can
        data = file.read()
    try:
        tree = ast.parse(data, name)
    except SyntaxError as error:
        return {"error": str(error.msg), "line": error.lineno or 1}
    except (ValueError, RecursionError, MemoryError) as error:
        return {"error": str(error) or type(error).__name__, "line": 1}
    scopes = list(scopes_of(tree, ""))
    return {
        "lines": data.count(b"\n"),
        "scopes": scopes,
        "bodies": list(bodies_of(tree, "")),
        "notes": list(notes_of(data)),
        "guarded": sorted(imports_within(tree, (ast.Try, ast.If, *FUNCTIONS))),
        "lent": sorted(lent_of(tree)),
        "deferred": sorted(imports_within(tree, FUNCTIONS) | imports_of_scripts(tree)),
        "probed": sorted(probed_of(tree)),
        "taken": sorted(taken_of(tree)),
        "renamed": renamed_of(tree),
        "empty": list(empty_tests(tree)) if is_of_tests(name) else [],
    }


def scopes_of(node: ast.AST, above: str) -> Iterator[tuple[int, int, str]]:
    """Yield first line, last line and name of each function and class."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, SCOPES):
            name = f"{above}.{child.name}" if above else child.name
            first = min([child.lineno, *(each.lineno for each in child.decorator_list)])
            yield first, child.end_lineno or child.lineno, name
            yield from scopes_of(child, name)
        else:
            yield from scopes_of(child, above)


def bodies_of(node: ast.AST, above: str) -> Iterator[tuple[str, int, list[int]]]:
    """Yield name, line and the lines of statements of each function."""
    for child in ast.iter_child_nodes(node):
        name = above
        if isinstance(child, SCOPES):
            name = f"{above}.{child.name}" if above else child.name
        if isinstance(child, FUNCTIONS):
            lines = {
                each.lineno
                for statement in child.body
                for each in ast.walk(statement)
                if isinstance(each, ast.stmt) and not is_docstring(each)
            }
            yield name, child.lineno, sorted(lines)
        yield from bodies_of(child, name)


def is_docstring(node: ast.stmt) -> bool:
    """Tell whether a statement is nothing but a constant."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def notes_of(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield line and text of each comment that says something is to be done."""
    if NOTE.search(data.decode("utf-8", "replace")) is None:
        return
    try:
        for token in tokenize.tokenize(io.BytesIO(data).readline):
            if token.type == tokenize.COMMENT and NOTE.search(token.string):
                yield token.start[0], token.string[:LINE_MAX]
    except (tokenize.TokenError, SyntaxError):
        return


def taken_of(tree: ast.AST) -> set[str]:
    """Return what is taken from modules: the last part of the module's name, and the name."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = (node.module or "").rpartition(".")[2]
            found |= {f"{module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{node.value.id}.{node.attr}")
    return found


def renamed_of(tree: ast.AST) -> dict[str, str]:
    """Return what imported names are called here, where that is another name."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            before = ""
            if isinstance(node, ast.ImportFrom):
                before = "." * node.level + (f"{node.module}." if node.module else "")
            found.update({f"{before}{e.name}": e.asname for e in node.names if e.asname})
    return found


def imports_within(tree: ast.AST, kinds: tuple[type[ast.AST], ...]) -> set[int]:
    """Return the lines of imports within nodes of some kinds (3)."""
    return {
        each.lineno
        for node in ast.walk(tree)
        if isinstance(node, kinds)
        for each in ast.walk(node)
        if isinstance(each, (ast.Import, ast.ImportFrom))
    }


def imports_of_scripts(tree: ast.AST) -> set[int]:
    """Return the lines of imports that happen only where the file is run as a program."""
    return {
        each.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
        for each in ast.walk(node)
        if isinstance(each, (ast.Import, ast.ImportFrom))
    }


def probed_of(tree: ast.AST) -> set[str]:
    """Return the names of which the code finds out whether they are there."""
    return {
        each.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
        and any("NameError" in ast.unparse(h.type) for h in node.handlers if h.type)
        for statement in node.body
        for each in ast.walk(statement)
        if isinstance(each, ast.Name)
    }


def lent_of(tree: ast.AST) -> set[int]:
    """Return the lines of what others call: methods of classes with a base, what is decorated."""
    lent = {
        id(each)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.bases
        for each in node.body
    }
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, SCOPES) and (id(node) in lent or node.decorator_list)
        for line in (node.lineno, *(each.lineno for each in node.decorator_list))
    }


def is_of_tests(name: str) -> bool:
    """Tell whether a file is one that a test runner collects."""
    file = name.rpartition("/")[2]
    return file.startswith("test_") or file.endswith("_test.py") or file in ("tests.py", "test.py")


def empty_tests(tree: ast.Module) -> Iterator[tuple[int, str, bool]]:
    """Yield line, name and whether it calls anything, of each test that asserts nothing (2)."""
    known: dict[int, str] = {}
    seen = [(each, *asserts(each, known)) for each in ast.walk(tree) if isinstance(each, FUNCTIONS)]
    asserting = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.level or OF_TESTS.search(node.module or ""))
        for alias in node.names
    }
    asserting |= {each.name for each, by_itself, _ in seen if by_itself}
    callers: dict[str, set[str]] = {}
    for each, _, called in seen:
        for name in called:
            callers.setdefault(name, set()).add(each.name)
    left = list(asserting)
    while left:  # whoever calls one that asserts does so too; each name is looked at once
        more = callers.pop(left.pop(), set()) - asserting
        asserting |= more
        left += more
    for each, by_itself, called in seen:
        if not each.name.startswith("test") or by_itself or called & asserting or is_stub(each):
            continue
        yield each.lineno, each.name, any(isinstance(node, ast.Call) for node in within(each))


def is_stub(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether it is no test: it takes part in another one, or says that it is left out."""
    words = " ".join(ast.unparse(each) for each in function.decorator_list)
    return bool(re.search(r"fixture|skip|xfail|overload|abstractmethod|route|command", words))


def within(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """Yield all that stands in the body."""
    for statement in function.body:
        yield from ast.walk(statement)


def asserts(
    function: ast.FunctionDef | ast.AsyncFunctionDef, known: dict[int, str]
) -> tuple[bool, set[str]]:
    """Tell whether it may fail by itself because of what the code does (2), and what it calls."""
    called: set[str] = set()
    for node in within(function):
        if isinstance(node, (ast.Raise, ast.Yield, ast.YieldFrom)):
            return True, set()
        if isinstance(node, ast.Assert) and not is_always_true(node.test):
            return True, set()
        if isinstance(node, ast.Call):
            name = name_of(node.func)
            if ASSERTING.search(name.lower()):
                return True, set()
            called |= {name, root_of(node.func, known)}
    return False, called


def name_of(called: ast.expr) -> str:
    """Return the name by which something is called; empty: by none."""
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def root_of(node: ast.expr, known: dict[int, str]) -> str:
    """Return the name at which a chain of attributes and calls begins; each link is passed once."""
    passed = []
    while isinstance(node, (ast.Attribute, ast.Call)) and id(node) not in known:
        passed.append(id(node))
        node = node.value if isinstance(node, ast.Attribute) else node.func
    root = known.get(id(node)) or (node.id if isinstance(node, ast.Name) else "")
    known.update(dict.fromkeys(passed, root))
    return root


def is_always_true(test: ast.expr) -> bool:
    """Tell whether an assertion holds by the way it is written."""
    if isinstance(test, ast.Tuple):
        return bool(test.elts)
    return isinstance(test, ast.Constant) and bool(test.value)


if __name__ == "__main__":
    main()
