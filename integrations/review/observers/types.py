"""What mypy says, where the repository goes by mypy.

1. Its configuration is looked for and not used: plugins are code, and options silence. Since they
   are left out, what a plugin would explain may be told here: less sure where some are named.
2. Other packages are not followed, so that the answer does not hang on what is installed here.
"""

from __future__ import annotations

import re
from typing import Any, Final

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from dsl.values.strict_json import JsonError, read
from integrations.review.observation import Observation
from integrations.review.observers.observer import Observer, Scene, is_test, within
from integrations.review.running import ToolFailedError, python, run, said

LIMIT_S: Final = 180.0
LINE_BYTES_MAX: Final = 1 << 20
CONFIG_BYTES_MAX: Final = 1 << 20
TOOL: Final = "mypy"
_CONFIGS: Final = {
    "mypy.ini": re.compile(r"^\[mypy\]", re.MULTILINE),
    ".mypy.ini": re.compile(r"^\[mypy\]", re.MULTILINE),
    "setup.cfg": re.compile(r"^\[mypy\]", re.MULTILINE),
    "pyproject.toml": re.compile(r"^\[tool\.mypy\]", re.MULTILINE),
}
_PLUGINS: Final = re.compile(r"^\s*plugins\s*=", re.MULTILINE)
# What hangs on plugins, on stubs or on options, and what nobody mends: left out.
_CODES_LEFT_OUT: Final = frozenset(
    {
        *("import-untyped", "import-not-found", "import", "misc", "unused-ignore", "no-redef"),
        *(
            "annotation-unchecked",
            "note",
            "var-annotated",
            "override",
            "attr-defined",
            "valid-type",
        ),
        *("type-var", "has-type", "no-any-return", "untyped-decorator", "prop-decorator"),
        *("return",),  # a function of another package may never return
        *("name-defined", "used-before-def"),  # ruff knows these
    }
)
_OPTIONS: Final = (
    *("--config-file=", "--output=json", "--no-error-summary", "--no-incremental"),
    *("--cache-dir=/dev/null", "--ignore-missing-imports", "--follow-imports=silent"),
    *("--no-site-packages", "--namespace-packages", "--explicit-package-bases"),
    *("--no-strict-optional", "--python-version=3.13"),
)


def _observe(scene: Scene, seen: Observation) -> None:
    text = _configured(scene)
    if text is None:
        seen.notes.append("types: the repository does not go by mypy, so it was not asked")
        return
    plugins = _PLUGINS.search(text) is not None
    if plugins:
        seen.notes.append("types: plugins of mypy are code, and were not loaded")
    files = [path for path in scene.parsed if not is_test(path)]
    if not files:
        return
    listed = scene.scratch / "mypy-files"
    listed.write_text("\n".join(f"./{path}" for path in files))
    ran = run(
        python("-m", "mypy", *_OPTIONS, f"@{listed}"), cwd=scene.snapshot.copy, limit_s=LIMIT_S
    )
    if ran.status not in (0, 1) and not ran.out.strip():
        raise ToolFailedError(said(ran))
    for line in ran.out.splitlines():
        item = _item(line)
        if item is not None and item.get("severity") == "error":
            _add(scene, item, seen, plugins=plugins)


def _configured(scene: Scene) -> str | None:
    for name, pattern in _CONFIGS.items():
        data = scene.snapshot.read(name, CONFIG_BYTES_MAX) or b""
        text = data.decode("utf-8", "replace")
        if pattern.search(text):
            return text
    return None


def _item(line: bytes) -> dict[str, Any] | None:
    try:
        item = read(line, bytes_max=LINE_BYTES_MAX)
    except JsonError:
        return None
    return item if isinstance(item, dict) else None


def _add(scene: Scene, item: dict[str, Any], seen: Observation, *, plugins: bool) -> None:
    code = str(item.get("code") or "other")
    path = within(scene.snapshot.copy, str(item["file"]))
    if code == "syntax":
        seen.notes.append(f"types: mypy stops at {path}: {item['message']}")
    elif code not in _CODES_LEFT_OUT and re.fullmatch(r"[a-z-]+", code):
        seen.sightings.append(
            Sighting(
                kind=AnomalyKind.TYPE_ERROR,
                severity=AnomalySeverity.MEDIUM,
                confidence=0.5 if plugins else 0.75,  # (1) less sure
                path=path,
                line=max(0, int(item["line"])),
                message=str(item["message"]),
                tool=TOOL,
                rule=code,
            )
        )


TYPES: Final = Observer("types", _observe, needs=("mypy",))
