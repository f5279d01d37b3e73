"""code-review: what ruff and bandit say about the Python in the workspace. It changes nothing.

Input: ``workspace`` (absolute; the engine sets it), ``path`` below it, ``fail_on`` (``high``,
``medium`` or ``low``: such findings fail the stage; ``never``), ``rules`` (``shipped`` or ``own``).
Output: ``findings``, ``high``, ``medium``, ``low``, ``files``. Artifacts: ``findings.json``
and ``review.md``.

1. PLAN only looks: which tools, which versions, how many files. EXECUTE reviews.
2. By default the reviewed code does not choose its own rules: configuration files, ``noqa``
   and ``nosec`` are disregarded. ``rules: own`` follows them.
3. Every Python file is reviewed or the review is refused; none is left out in silence, and a
   file that no tool can parse is a finding.

Speaks the contract of agents by itself: it runs isolated and can import nothing of ours.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

FILES_MAX = 5_000
FINDINGS_MAX = 10_000
BATCH = 500  # files on one command line
SHOWN_MAX = 200  # findings in the report for people
MESSAGE_MAX = 300
SEVERITIES = ("high", "medium", "low")
SKIPPED = {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".mandate"}
RULES = "E4,E7,E9,F,B,PLE,ASYNC,DTZ,PLW"
HIGH = ("E9", "F82", "F63", "F7", "PLE", "invalid-syntax")  # the code cannot be right
MEDIUM = ("F", "B", "PLW", "ASYNC")
TOOLS = ("ruff", "bandit")


def main() -> None:
    """Answer one request."""
    request = json.loads(sys.stdin.readline())
    given = request["input"]
    root = base_of(given)
    versions = {tool: version_of(tool) for tool in TOOLS}
    files = sorted(python_files(root))
    if len(files) > FILES_MAX:
        give_up(f"more than {FILES_MAX} Python files; narrow with input `path`", os.EX_DATAERR)
    if request["phase"] == "PLAN":
        say(
            "result",
            status="ok",
            summary=f"{len(files)} files to review",
            output={"files": len(files), "tools": versions},
        )
        return
    review(root, files, versions, given)


def review(root: Path, files: list[str], versions: dict[str, str], given: dict[str, Any]) -> None:
    """Run the tools, leave the artifacts, say the result."""
    own = choice(given, "rules", ("shipped", "own"), "shipped") == "own"
    fail_on = choice(given, "fail_on", ("never", *SEVERITIES), "never")
    findings = []
    for start in range(0, len(files), BATCH):
        batch = files[start : start + BATCH]
        say("progress", message=f"{start} of {len(files)} files reviewed")
        findings += [*ruff(root, batch, own=own), *bandit(root, batch, own=own)]
    if len(findings) > FINDINGS_MAX:
        give_up(f"more than {FINDINGS_MAX} findings; narrow with input `path`", os.EX_DATAERR)
    findings.sort(key=order)
    counts = Counter(finding["severity"] for finding in findings)
    leave("findings.json", "application/json", json.dumps(findings, indent=1))
    leave("review.md", "text/markdown", report(findings, counts, files, versions))
    bad = fail_on != "never" and any(
        counts[severity] for severity in SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    )
    say(
        "result",
        status="failed" if bad else "ok",
        summary=", ".join(f"{counts[s]} {s}" for s in SEVERITIES) + f" in {len(files)} files",
        output={
            "findings": len(findings),
            **{severity: counts[severity] for severity in SEVERITIES},
            "files": len(files),
        },
    )


def ruff(root: Path, files: list[str], *, own: bool) -> Iterator[dict[str, Any]]:
    """Yield what ruff finds."""
    options = ["check", "--output-format=json", "--no-cache", "--exit-zero", "--quiet"]
    if not own:
        options += ["--isolated", "--ignore-noqa", f"--select={RULES}"]  # (2)
    for item in run(root, "ruff", [*options, *files]):
        rule = item["code"] or item.get("name") or "invalid-syntax"
        yield finding(
            "ruff",
            rule,
            severity=severity_of(rule),
            file=os.path.relpath(item["filename"], root),
            line=item["location"]["row"],
            message=item["message"],
        )


def bandit(root: Path, files: list[str], *, own: bool) -> Iterator[dict[str, Any]]:
    """Yield what bandit finds; a file it cannot read is a finding too (3)."""
    options = ["--format=json", "--quiet", "--exit-zero"]
    if not own:
        options.append("--ignore-nosec")  # (2)
    answer = run(root, "bandit", [*options, *files])
    for item in answer["results"]:
        yield finding(
            "bandit",
            item["test_id"],
            severity=item["issue_severity"].lower(),
            file=item["filename"],
            line=item["line_number"],
            message=item["issue_text"],
        )
    for item in answer["errors"]:
        yield finding(
            "bandit",
            "unreadable",
            severity="high",
            file=item["filename"],
            line=1,
            message=item["reason"],
        )


def run(root: Path, tool: str, arguments: list[str]) -> Any:
    """Run a tool in the workspace and return the JSON it prints."""
    done = subprocess.run(  # noqa: S603 - our own interpreter, no shell, names begin with ./
        [sys.executable, "-I", "-B", "-m", tool, *arguments],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        detail = done.stderr.strip()[-MESSAGE_MAX:]
        give_up(f"{tool} ended with status {done.returncode}: {detail}", 1)


def finding(
    tool: str, rule: str, *, severity: str, file: str, line: int, message: str
) -> dict[str, Any]:
    """Return one finding in the form all tools share."""
    return {
        "tool": tool,
        "rule": rule,
        "severity": severity if severity in SEVERITIES else "low",
        "file": as_text(os.path.normpath(file)),
        "line": line,
        "message": as_text(message)[:MESSAGE_MAX],
    }


def severity_of(rule: str) -> str:
    """Grade a rule of ruff, which does not do so itself."""
    if rule.startswith(HIGH):
        return "high"
    return "medium" if rule.startswith(MEDIUM) else "low"


def order(item: dict[str, Any]) -> tuple[Any, ...]:
    """Worst first, then by place."""
    severity = SEVERITIES.index(item["severity"])
    return (severity, item["file"], item["line"], item["tool"], item["rule"])


def report(
    findings: list[dict[str, Any]],
    counts: Counter[str],
    files: list[str],
    versions: dict[str, str],
) -> str:
    """Return the review for people, as Markdown."""
    tools = ", ".join(f"{tool} {version}" for tool, version in versions.items())
    lines = [
        "# Code review",
        "",
        f"{len(files)} Python files, {len(findings)} findings, reviewed with {tools}.",
        "",
        "| severity | findings |",
        "|---|---|",
        *(f"| {severity} | {counts[severity]} |" for severity in SEVERITIES),
    ]
    if findings:
        lines += ["", "| severity | place | rule | message |", "|---|---|---|---|"]
    for item in findings[:SHOWN_MAX]:
        place = f"{item['file']}:{item['line']}"
        cells = (item["severity"], place, f"{item['tool']} {item['rule']}", item["message"])
        lines.append("| " + " | ".join(map(cell, cells)) + " |")
    if len(findings) > SHOWN_MAX:
        lines += ["", f"{len(findings) - SHOWN_MAX} more in findings.json."]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Return ``text`` as a table cell that shows it and does nothing else."""
    for plain, escaped in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), ("[", "\\["), ("`", "'")):
        text = text.replace(plain, escaped)
    return " ".join(text.split())


def base_of(given: dict[str, Any]) -> Path:
    """Return the directory to review."""
    if not isinstance(given.get("workspace"), str):
        give_up("there is no workspace: set MANDATE_WORKSPACE for the worker", os.EX_CONFIG)
    relative = Path(str(given.get("path", ".")))
    if relative.is_absolute() or ".." in relative.parts:
        give_up(f"input `path` must lie below the workspace, got {str(relative)!r}", os.EX_DATAERR)
    base = Path(given["workspace"]) / relative
    if not base.is_dir():
        give_up(f"input `path`: {str(relative)!r} is no directory", os.EX_DATAERR)
    return base


def python_files(root: Path) -> Iterator[str]:
    """Yield the Python files below ``root`` as ``./name``, so that none looks like an option."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED]
        for name in names:
            path = Path(folder, name)
            if name.endswith((".py", ".pyi")) and path.is_file() and not path.is_symlink():
                yield f"./{path.relative_to(root)}"


def version_of(tool: str) -> str:
    """Return the version of an installed tool."""
    try:
        return importlib.metadata.version(tool)
    except importlib.metadata.PackageNotFoundError:
        give_up(
            f"{tool} is not installed beside the worker: pip install 'mandate[review]'",
            os.EX_CONFIG,
        )


def choice(given: dict[str, Any], name: str, allowed: Iterable[str], default: Any) -> Any:
    """Return an input that is one of a few words."""
    value = given.get(name, default)
    if value != default and value not in allowed:
        give_up(f"input `{name}` must be one of {', '.join(allowed)}, got {value!r}", os.EX_DATAERR)
    return value


def as_text(text: str) -> str:
    """Return ``text`` without what cannot be written as UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def leave(name: str, media_type: str, text: str) -> None:
    """Leave an artifact in the private directory."""
    Path(name).write_text(text, encoding="utf-8")
    say("artifact", name=name, path=name, media_type=media_type)


def say(kind: str, **fields: Any) -> None:
    """Write one message of the contract."""
    print(json.dumps({"type": kind, **fields}), flush=True)  # noqa: T201 - stdout is the contract


def give_up(message: str, status: int) -> NoReturn:
    """End with an error for people and a status for the engine."""
    say("error", message=message)
    sys.stderr.write(message + "\n")
    sys.exit(status)


if __name__ == "__main__":
    main()
