"""Forty defects of fifteen kinds, planted in a copy of a package that others wrote.

``python -m tests.integration.review.seeds FOLDER`` makes such a copy to be looked at.

1. The package is ``requests``, as it is installed. What a repository has besides, it is given: what
   it depends on, a contract, tests, a report of coverage, and a history.
2. A clean copy has all of that and no seed, so that what is found in it is not of the seeds.
3. Each seed says its kind, its file and its lines; whoever finds something else there is wrong.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests

from dsl.review.kinds import AnomalyKind
from tests.integration.review.repositories import committed, written

K = AnomalyKind
OLD: Final = "2019-01-01T00:00:00Z"
NEW: Final = "2026-01-01T00:00:00Z"
NOW_S: Final = 1_770_000_000.0  # February of 2026
NOTE: Final = "TO" + "DO"
PROJECT: Final = """\
[project]
name = "requests"
dependencies = [
  "charset_normalizer>=2,<4",
  "idna>=2.5,<4",
  "urllib3>=1.26,<3",
  "certifi>=2023.5.7",
]
[tool.mypy]
strict = true
[tool.importlinter]
root_package = "requests"
[[tool.importlinter.contracts]]
name = "help stands alone"
type = "forbidden"
source_modules = ["requests.help", "requests.certs"]
forbidden_modules = ["requests.hooks", "requests.status_codes"]
"""
TESTS: Final = """\
from requests.structures import CaseInsensitiveDict


def test_case():
    assert CaseInsensitiveDict(A=1)["a"] == 1
"""
BRANCHES: Final = "".join(f"    if x == {n}:\n        return {n + 1}\n" for n in range(20))
STATEMENTS: Final = "".join(f"    x = x * 2 + {n}\n" for n in range(100))


@dataclass(frozen=True, slots=True)
class Seed:
    """One defect, and where it is."""

    kind: AnomalyKind
    path: str
    first: int
    last: int


# Appended to a file of the package: kind, file, text.
APPENDED: Final = (
    (
        K.SECURITY,
        "api.py",
        "def shell(x):\n    import subprocess\n\n    subprocess.run(x, shell=True)\n",
    ),
    (K.SECURITY, "auth.py", "def load(x):\n    import pickle\n\n    return pickle.loads(x)\n"),
    (K.SECURITY, "cookies.py", "def value(x):\n    return eval(x)\n"),
    (K.SECURITY, "hooks.py", "def digest(x):\n    import hashlib\n\n    return hashlib.md5(x)\n"),
    (K.SECURITY, "help.py", "def place():\n    import tempfile\n\n    return tempfile.mktemp()\n"),
    (K.DEFECT, "adapters.py", "def undefined():\n    return nowhere_at_all\n"),
    (K.DEFECT, "models.py", "def gathered(x, into=[]):\n    into.append(x)\n    return into\n"),
    (K.DEFECT, "sessions.py", "def same(x):\n    return x is 'same'\n"),
    (K.DEFECT, "utils.py", "def shown(x):\n    return '%s %s' % (x,)\n"),
    (K.DEFECT, "compat.py", "def late():\n    return [lambda: n for n in range(3)]\n"),
    (K.DEAD_CODE, "exceptions.py", "def _left_over(x):\n    return x + 1\n"),
    (K.DEAD_CODE, "structures.py", "def ended(x):\n    return x\n    x.close()\n"),
    (K.DEAD_CODE, "status_codes.py", "import zipfile\n"),
    (K.DEAD_CODE, "certs.py", "class _NeverMade:\n    pass\n"),
    (K.LAYER_BREACH, "help.py", "from . import hooks\n\nused = hooks\n"),
    (K.LAYER_BREACH, "certs.py", "from . import status_codes\n\nused = status_codes\n"),
    (K.COMPLEXITY, "packages.py", f"def branching(x):\n{BRANCHES}    return x\n"),
    (K.COMPLEXITY, "_internal_utils.py", f"def choosing(x):\n{BRANCHES}    return x\n"),
    (K.SIZE, "help.py", f"def lengthy(x):\n{STATEMENTS}    return x\n"),
    (K.MISSING_DEPENDENCY, "models.py", "import numpy\n\nzeros = numpy.zeros\n"),
    (K.MISSING_DEPENDENCY, "hooks.py", "from flask import Flask\n\napp = Flask\n"),
    (K.MISSING_DEPENDENCY, "auth.py", "import pandas.io\n\nframe = pandas.io\n"),
    (K.STALE_NOTE, "cookies.py", f"# {NOTE}: do this at last\n"),
    (K.STALE_NOTE, "utils.py", "# FIX" + "ME the other way round\n"),
    (K.STALE_NOTE, "sessions.py", f"# {NOTE} think again\n"),
    (K.TYPE_ERROR, "api.py", "def number() -> int:\n    return 'one'\n"),
    (K.TYPE_ERROR, "structures.py", "def length(x: int) -> int:\n    return len(x)\n"),
)
# Files of their own: kind, path, text.
FILES: Final = (
    (K.IMPORT_CYCLE, "requests/ring_a.py", "from . import ring_b\n\nring = ring_b\n"),
    (K.IMPORT_CYCLE, "requests/knot_a.py", "import requests.knot_b\n\nknot = requests.knot_b\n"),
    (K.SIZE, "requests/tables.py", "".join(f"v{n} = {n}\n" for n in range(1_600))),
    (K.UNREADABLE, "requests/broken.py", "def broken(:\n    pass\n"),
    (K.UNREADABLE, "requests/mixed.py", "if True:\n\tx = 1\n        y = 2\n"),
)
BESIDE: Final = {
    "requests/squeeze.py": "import brotli\n\nsqueeze = brotli.compress\n",
    "requests/ring_b.py": "from . import ring_a\n\nring = ring_a\n",
    "requests/knot_b.py": "import requests.knot_c\n\nknot = requests.knot_c\n",
    "requests/knot_c.py": "import requests.knot_a\n\nknot = requests.knot_a\n",
}
EMPTY_TESTS: Final = (
    "def test_pass():\n    pass\n",
    "def test_true():\n    assert True\n",
    "def test_runs():\n    CaseInsensitiveDict()\n",
)
DECLARED: Final = (
    (K.UNUSED_DEPENDENCY, "pyproject.toml", '"certifi>=2023.5.7",\n', '  "attrs>=20",\n'),
    (K.UNPINNED_DEPENDENCY, "pyproject.toml", '"idna>=2.5,<4",\n', '  "brotli",\n'),
    (K.UNPINNED_DEPENDENCY, "requirements-dev.txt", "pytest==8.0.0\n", "tox\n"),
)
# Of each its last function that is no seed.
NEVER_RUN: Final = ("requests/utils.py", "requests/sessions.py")


def clean(root: Path) -> None:
    """Make the copy without seeds (1)."""
    package = Path(requests.__file__).parent
    shutil.copytree(package, root / "requests", ignore=shutil.ignore_patterns("__pycache__"))
    written(root, {"pyproject.toml": PROJECT, "requirements-dev.txt": "pytest==8.0.0\n"})
    written(root, {"tests/test_structures.py": TESTS})
    committed(root, at=OLD)
    _cover(root, frozenset())


def planted(root: Path) -> list[Seed]:
    """Make the copy with all seeds; return them."""
    clean(root)
    (root / "coverage.json").unlink()
    seeds = [_append(root, kind, f"requests/{file}", text) for kind, file, text in APPENDED]
    for kind, path, text in FILES:
        written(root, {path: text})
        seeds.append(Seed(kind, path, 0, len(text.splitlines())))
    written(root, BESIDE)
    seeds += [_append(root, K.EMPTY_TEST, "tests/test_structures.py", text) for text in EMPTY_TESTS]
    for _, path, after, text in DECLARED:
        before = (root / path).read_text()
        (root / path).write_text(before.replace(after, after + text))
    for kind, path, _, text in DECLARED:  # where it stands when all are there
        at = (root / path).read_text().partition(text)[0].count("\n") + 1
        seeds.append(Seed(kind, path, at, at))
    committed(root, at=OLD)
    gaps = {path: _last_function(root / path, seeds, path) for path in NEVER_RUN}
    seeds += [Seed(K.COVERAGE_GAP, path, *lines) for path, lines in gaps.items()]
    _cover(root, frozenset((path, n) for path, (a, b) in gaps.items() for n in range(a + 1, b + 1)))
    return seeds


def _append(root: Path, kind: AnomalyKind, path: str, text: str) -> Seed:
    before = (root / path).read_text().rstrip("\n") + "\n\n\n"
    (root / path).write_text(before + text)
    first = before.count("\n") + 1
    return Seed(kind, path, first, first + text.count("\n") - 1)


def _last_function(path: Path, seeds: list[Seed], name: str) -> tuple[int, int]:
    """Return the lines of the last function that is no seed and has some statements."""
    first_seed = min(seed.first for seed in seeds if seed.path == name)
    found = [
        (each.lineno, each.end_lineno or each.lineno)
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.FunctionDef) and len(each.body) > 3
    ]
    return max(lines for lines in found if lines[1] < first_seed)


def _cover(root: Path, never: frozenset[tuple[str, int]]) -> None:
    """Say that every line was run, but for some."""
    files = {}
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        count = len(path.read_text().splitlines())
        ran = [n for n in range(1, count + 1) if (name, n) not in never]
        files[name] = {"executed_lines": ran}
        os.utime(path, (NOW_S - 100, NOW_S - 100))
    written(root, {"coverage.json": json.dumps({"files": files})})


if __name__ == "__main__":
    for each in planted(Path(sys.argv[1])):
        print(f"{each.path}:{each.first}: {each.kind.value}")
