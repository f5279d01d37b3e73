"""A patch for a suggestion, where one can be made that is sure to do what it says.

1. An import that nothing uses: by ruff's own fix, of the statements that the anomalies stand on and
   of no others; a statement of which only some names were found is left alone.
2. A bare ``except:`` becomes ``except Exception:``, so that cancellation and exits pass through.
3. ``yaml.load(x)`` with nothing else given becomes ``yaml.safe_load(x)``. With a loader named its
   author has chosen one, which is for people to judge.
4. Whatever is not certain, or no longer where it was seen, makes no patch. Nothing is written here.
"""

from __future__ import annotations

import ast
import difflib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from dsl.limits import PATCH_LENGTH_MAX
from dsl.review.anomaly import Anomaly
from dsl.review.remedy import Remedy
from dsl.values.strict_json import JsonError, read
from integrations.review.running import OUTPUT_BYTES_MAX, ToolFailedError, python, run

_LIMIT_S: Final = 60.0
_BARE: Final = "except:"
_LOAD: Final = "yaml.load("
Maker = Callable[[str, Sequence[int]], str | None]


def patched(remedy: Remedy, source: str, anomalies: Iterable[Anomaly]) -> str | None:
    """Return ``source``, a Python file, with ``remedy`` applied; None: no patch is sure (4)."""
    make = _MAKERS.get(remedy)
    lines = [each.place.line for each in anomalies]
    if make is None or not all(0 < line <= len(source.splitlines()) for line in lines):
        return None
    made = make(source, lines)
    return None if made is None or made == source else made


def diff_of(path: str, before: str, after: str) -> str | None:
    """Return the unified diff of one file; None where it is longer than a suggestion holds."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}"
    )
    text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline\n" for line in lines)
    return text if len(text) <= PATCH_LENGTH_MAX else None


def _without_imports(source: str, lines: Sequence[int]) -> str | None:
    with tempfile.TemporaryDirectory(prefix="mandate-patch-") as folder:
        file = Path(folder, "it.py")
        file.write_text(source, encoding="utf-8", newline="")
        options = ("--isolated", "--ignore-noqa", "--no-cache", "--exit-zero", "--quiet")
        try:
            ran = run(
                python(
                    "-m", "ruff", "check", *options, "--select=F401", "--output-format=json", "."
                ),
                cwd=Path(folder),
                limit_s=_LIMIT_S,
            )
            found = read(ran.out, bytes_max=OUTPUT_BYTES_MAX)
        except (ToolFailedError, JsonError):
            return None
    return _edited(source, found, Counter(lines))


def _edited(source: str, found: Any, wanted: Counter[int]) -> str | None:
    """Return ``source`` without the statements of which every name was found (1)."""
    edits: dict[tuple[int, int, int, int], str] = {}
    offered = Counter(each["location"]["row"] for each in found)
    for each in found:
        row, fix = each["location"]["row"], each["fix"]
        if row not in wanted:
            continue
        if offered[row] != wanted[row] or fix is None:
            return None
        for edit in fix["edits"]:
            at, to = edit["location"], edit["end_location"]
            edits[at["row"], at["column"], to["row"], to["column"]] = edit["content"]
    if any(offered[row] == 0 for row in wanted):
        return None
    text = source.splitlines(keepends=True)
    # From the end, so that what is replaced moves nothing that is still to be found.
    for (row, column, to_row, to_column), content in sorted(edits.items(), reverse=True):
        before = text[row - 1][: column - 1] if row <= len(text) else ""
        after = text[to_row - 1][to_column - 1 :] if to_row <= len(text) else ""
        text[row - 1 : to_row] = [before + content + after]
    return "".join(text)


def _narrowed(source: str, lines: Sequence[int]) -> str | None:
    return _replaced(source, lines, _BARE, "except Exception:", _is_bare)


def _safely_loaded(source: str, lines: Sequence[int]) -> str | None:
    return _replaced(source, lines, _LOAD, "yaml.safe_load(", _is_plain_load)


def _replaced(
    source: str,
    lines: Sequence[int],
    old: str,
    new: str,
    fits: Callable[[ast.AST, int], bool],
) -> str | None:
    """Replace ``old`` on each line, where it stands there once and is what it seems to be."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    text = source.splitlines(keepends=True)
    for line in set(lines):
        is_it = any(fits(node, line) for node in ast.walk(tree))
        if not is_it or text[line - 1].count(old) != 1:
            return None
        text[line - 1] = text[line - 1].replace(old, new)
    return "".join(text)


def _is_bare(node: ast.AST, line: int) -> bool:
    return isinstance(node, ast.ExceptHandler) and node.lineno == line and node.type is None


def _is_plain_load(node: ast.AST, line: int) -> bool:
    return (
        isinstance(node, ast.Call)
        and node.lineno == line
        and ast.unparse(node.func) == "yaml.load"
        and len(node.args) == 1
        and not node.keywords
    )


_MAKERS: Final[dict[Remedy, Maker]] = {
    Remedy.REMOVE_UNUSED_IMPORT: _without_imports,
    Remedy.NARROW_EXCEPT: _narrowed,
    Remedy.LOAD_SAFELY: _safely_loaded,
}
