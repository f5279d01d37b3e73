"""The tools of a review, each asked in a process of its own, and their findings in one form.

1. By default the reviewed code does not choose its own rules: configuration files, ``noqa``,
   ``nosec`` and ``nosem`` are disregarded.
2. A file that a tool cannot read or parse is a finding: none is left out in silence.
3. semgrep goes by rules of the workspace. It is never let ask a registry: a review does not depend
   on what somebody else changes.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contract import give_up

MESSAGE_MAX = 300
SEVERITIES = ("high", "medium", "low")
RULES = "E4,E7,E9,F,B,PLE,ASYNC,DTZ,PLW"
HIGH = ("E9", "F82", "F63", "F7", "PLE", "invalid-syntax")  # the code cannot be right
MEDIUM = ("F", "B", "PLW", "ASYNC")
SEMGREP = {
    "CRITICAL": "high",
    "HIGH": "high",
    "ERROR": "high",
    "MEDIUM": "medium",
    "WARNING": "medium",
}


def ruff(root: Path, files: list[str], *, own: bool) -> Iterator[dict[str, Any]]:
    """Yield what ruff finds."""
    options = ["check", "--output-format=json", "--no-cache", "--exit-zero", "--quiet"]
    if not own:
        # (1) the code does not choose its rules
        options += ["--isolated", "--ignore-noqa", f"--select={RULES}"]
    for item in run(root, "ruff", [*python_of("ruff"), *options, *files]):
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
    """Yield what bandit finds; a file it cannot read is a finding too (2)."""
    options = ["--format=json", "--quiet", "--exit-zero"]
    if not own:
        options.append("--ignore-nosec")  # (1) the code does not choose its rules
    answer = run(root, "bandit", [*python_of("bandit"), *options, *files])
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


def semgrep(root: Path, files: list[str], rules: Path, *, own: bool) -> Iterator[dict[str, Any]]:
    """Yield what semgrep finds by ``rules`` (3)."""
    options = ["scan", f"--config={rules}", "--json", "--quiet", "--metrics=off", "--no-git-ignore"]
    options += ["--disable-version-check", *([] if own else ["--disable-nosem"])]
    answer = run(root, "semgrep", ["semgrep", *options, *files])
    for item in answer["results"]:
        yield finding(
            "semgrep",
            item["check_id"].rpartition(".")[2],
            severity=SEMGREP.get(item["extra"]["severity"], "low"),
            file=item["path"],
            line=item["start"]["line"],
            message=item["extra"]["message"],
        )
    for item in answer["errors"]:
        yield finding(
            "semgrep",
            "unreadable",
            severity="high",
            file=item.get("path", "."),
            line=1,
            message=str(item.get("message", item.get("type", ""))),
        )


def run(root: Path, tool: str, command: list[str]) -> Any:
    """Run a tool in the workspace and return the JSON it prints."""
    done = subprocess.run(  # noqa: S603 - no shell, and every name of a file begins with ./
        command,
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


def python_of(tool: str) -> list[str]:
    """Return how our own interpreter starts a tool."""
    return [sys.executable, "-I", "-B", "-m", tool]


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


def version_of(tool: str) -> str:
    """Return the version of an installed tool."""
    try:
        return importlib.metadata.version(tool)
    except importlib.metadata.PackageNotFoundError:
        give_up(
            f"{tool} is not installed beside the worker: pip install 'mandate[review]'",
            os.EX_CONFIG,
        )


def semgrep_version() -> str:
    """Return the version of semgrep."""
    if shutil.which("semgrep") is None:
        give_up(
            "semgrep is not on the agent's PATH: install it into an environment of its own and "
            "name its bin directory in MANDATE_AGENT_PATH, or leave `semgrep_rules` out",
            os.EX_CONFIG,
        )
    options = ["--version", "--disable-version-check"]
    done = subprocess.run(  # noqa: S603 - no shell, nothing of the workspace
        ["semgrep", *options],  # noqa: S607 - the agent's PATH is the operator's
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def as_text(text: str) -> str:
    """Return ``text`` without what cannot be written as UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
