"""The wheel: our folders filed under ``mandate``, with the imports that go with it.

In a checkout the folders are plain (``from dsl.core import Tier``), as the customer laid them
out. Installed so, they would take four generic names from whoever installs us, and ``workflows``
and ``activities`` are what people call their own. So when a wheel is built:

1. Every file goes under ``mandate/``, whatever it is. What Python compiled stays out.
2. In every Python file each import of one of our names is rewritten, and nothing else is touched:
   ``from dsl.core import Tier`` becomes ``from mandate.dsl.core import Tier``, ``import worker``
   becomes ``from mandate import worker``.
3. An import that cannot be rewritten ends the build: ``import dsl.core`` would bind another name.

An editable install is not rewritten: it is the checkout.
"""

from __future__ import annotations

import ast
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE: Final = "mandate"
OURS: Final = ("activities", "dsl", "integrations", "workflows")
WORKER: Final = "worker"
_NAMES: Final = frozenset({*OURS, WORKER})


class CustomBuildHook(BuildHookInterface[Any]):
    """Builds the wheel's content in a folder of its own, which is then packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Lay out the package; see the base class."""
        if version == "editable":
            return
        self._folder = Path(tempfile.mkdtemp(prefix="mandate-wheel-"))
        lay_out(Path(self.root), self._folder)
        build_data["force_include"][str(self._folder)] = PACKAGE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was laid out; see the base class."""
        if version != "editable":
            shutil.rmtree(self._folder, ignore_errors=True)


def lay_out(root: Path, target: Path) -> None:
    """Copy the package of the checkout ``root`` into ``target``, rewritten (1).

    Raises:
        ValueError: an import cannot be rewritten (3).
    """
    _copy(root / PACKAGE, target)
    for name in OURS:
        _copy(root / name, target / name)
    _write(root / f"{WORKER}.py", target / f"{WORKER}.py")


def rewritten(source: str) -> str:
    """Return ``source`` with its imports of our names made imports of ``mandate`` (2).

    Raises:
        ValueError: an import cannot be rewritten (3).
    """
    lines = source.splitlines(keepends=True)
    # From the end, so that what is replaced moves nothing that is still to be found.
    for node in sorted(_imports(source), key=lambda node: -node.lineno):
        line = lines[node.lineno - 1].encode()  # the parser counts bytes
        before, rest = line[: node.col_offset].decode(), line[node.col_offset :].decode()
        lines[node.lineno - 1] = before + _rewritten(node, rest)
    return "".join(lines)


def _imports(source: str) -> list[ast.Import | ast.ImportFrom]:
    found: list[ast.Import | ast.ImportFrom] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _is_ours(node.module or ""):
            found.append(node)
        if isinstance(node, ast.Import) and any(_is_ours(each.name) for each in node.names):
            found.append(node)
    return found


def _rewritten(node: ast.Import | ast.ImportFrom, rest: str) -> str:
    if isinstance(node, ast.ImportFrom):
        return rest.replace("from ", f"from {PACKAGE}.", 1)
    (name, *more) = (each.name for each in node.names)
    if more or "." in name:
        raise ValueError(
            f"line {node.lineno}: {ast.unparse(node)!r} cannot be rewritten for the wheel: "
            "expected 'from package import module'"
        )
    return rest.replace("import ", f"from {PACKAGE} import ", 1)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in _NAMES


def _copy(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            _write(path, target / path.relative_to(source))


def _write(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix != ".py":
        shutil.copyfile(source, target)
        return
    try:
        target.write_text(rewritten(source.read_text("utf-8")), "utf-8")
    except ValueError as error:
        raise ValueError(f"{source}, {error}") from None
