"""inventory: what is in the workspace. An observer: it reads, and changes nothing.

Input: ``workspace`` (absolute; the engine sets it) and optionally ``path`` below it. Output:
``files``, ``bytes``, ``languages`` (files by language), ``unreadable`` (directories and files
skipped). Artifact ``inventory.json``: every file with size and digest.

1. Symbolic links are not followed; version control, installed packages, caches and Mandate's
   own data are not looked into.
2. Beyond ``FILES_MAX`` files the list is refused, not cut: half an inventory misleads.
3. A file larger than ``DIGEST_BYTES_MAX`` is listed without a digest.

Speaks the contract of agents by itself: it runs isolated and can import nothing of ours.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

VERSION = 1  # of the contract
FILES_MAX = 20_000
DIGEST_BYTES_MAX = 64 << 20
PROGRESS_S = 1.0
SKIPPED = {
    *(".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".mandate"),
    *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".terraform"),
}
ENVIRONMENT = "pyvenv.cfg"  # what is in such a folder is not of the workspace
LANGUAGES = {
    ".c": "C",
    ".cpp": "C++",
    ".cs": "C#",
    ".css": "CSS",
    ".go": "Go",
    ".h": "C",
    ".hcl": "HCL",
    ".html": "HTML",
    ".java": "Java",
    ".js": "JavaScript",
    ".json": "JSON",
    ".kt": "Kotlin",
    ".lua": "Lua",
    ".md": "Markdown",
    ".php": "PHP",
    ".py": "Python",
    ".rb": "Ruby",
    ".rs": "Rust",
    ".sh": "Shell",
    ".sql": "SQL",
    ".swift": "Swift",
    ".tf": "HCL",
    ".toml": "TOML",
    ".ts": "TypeScript",
    ".tsx": "TypeScript",
    ".yaml": "YAML",
    ".yml": "YAML",
}


def main() -> None:
    """Answer one request."""
    request = json.loads(sys.stdin.readline())
    if request["v"] != VERSION:
        give_up(f"expected version {VERSION} of the contract, got {request['v']}", os.EX_CONFIG)
    root = base_of(request["input"])
    entries, unreadable = walk(root)
    document = {"root": root.name, "files": entries, "unreadable": unreadable}
    Path("inventory.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    say("artifact", name="inventory.json", path="inventory.json", media_type="application/json")
    languages = Counter(entry["language"] for entry in entries if entry["language"])
    total = sum(entry["bytes"] for entry in entries)
    say(
        "result",
        status="ok",
        summary=f"{len(entries)} files, {total} bytes",
        output={
            "files": len(entries),
            "bytes": total,
            "languages": dict(sorted(languages.items())),
            "unreadable": len(unreadable),
        },
    )


def base_of(given: dict[str, Any]) -> Path:
    """Return the directory to look at."""
    if not isinstance(given.get("workspace"), str):
        give_up("there is no workspace: set MANDATE_WORKSPACE for the worker", os.EX_CONFIG)
    relative = Path(str(given.get("path", ".")))
    if relative.is_absolute() or ".." in relative.parts:
        give_up(f"input `path` must lie below the workspace, got {str(relative)!r}", os.EX_DATAERR)
    base = Path(given["workspace"]) / relative
    if not base.is_dir():
        give_up(f"input `path`: {str(relative)!r} is no directory", os.EX_DATAERR)
    return base


def walk(root: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return all files in order of their names, and what could not be read."""
    entries: list[dict[str, Any]] = []
    unreadable: list[str] = []
    reported = time.monotonic()
    walker = os.walk(root, onerror=lambda error: unreadable.append(name_of(error.filename, root)))
    for folder, folders, names in walker:
        kept = set(folders) - SKIPPED
        folders[:] = sorted(name for name in kept if not is_environment(Path(folder, name)))
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_symlink() or not path.is_file():
                continue
            if len(entries) == FILES_MAX:
                give_up(f"more than {FILES_MAX} files; narrow with input `path`", os.EX_DATAERR)
            try:
                entries.append(describe(path, root))
            except OSError:
                unreadable.append(name_of(path, root))
        if time.monotonic() - reported > PROGRESS_S:
            reported = time.monotonic()
            say("progress", message=f"{len(entries)} files")
    return entries, unreadable


def is_environment(folder: Path) -> bool:
    """Tell whether a folder is an environment of Python; one that cannot be read is none."""
    try:
        return (folder / ENVIRONMENT).is_file()
    except OSError:
        return False


def describe(path: Path, root: Path) -> dict[str, Any]:
    """Return one line of the inventory."""
    size = path.stat().st_size
    digest = None
    if size <= DIGEST_BYTES_MAX:
        with path.open("rb") as file:
            digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "path": name_of(path, root),
        "bytes": size,
        "digest": digest,
        "language": LANGUAGES.get(path.suffix.lower()),
    }


def name_of(path: Path | str, root: Path) -> str:
    """Return the name below ``root``; a name that is no text gets replacement characters."""
    return os.fsencode(os.path.relpath(path, root)).decode("utf-8", "replace")


def say(kind: str, **fields: Any) -> None:
    """Write one message of the contract."""
    print(json.dumps({"type": kind, **fields}), flush=True)  # noqa: T201 - stdout is the contract


def give_up(message: str, status: int) -> NoReturn:
    """End with a permanent error."""
    say("error", message=message)
    sys.stderr.write(message + "\n")
    sys.exit(status)


if __name__ == "__main__":
    main()
