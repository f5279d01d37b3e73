"""code-review: what ruff and bandit, and semgrep, say about the Python in the workspace.

It changes nothing. Input: ``workspace`` (absolute; the engine sets it) and what the template
declares. Output: ``findings``, ``high``, ``medium``, ``low``, ``files``, with a baseline ``known``,
and ``unlisted`` where some are only counted. Artifacts: ``findings.json``, ``review.md`` and
``review.sarif``.

1. PLAN only looks: which tools, which versions, how many files. EXECUTE reviews.
2. Every Python file is reviewed or the review is refused; none is left out in silence.
3. The reviewed code chooses its rules where ``rules`` is ``own``; semgrep is asked where
   ``semgrep_rules`` names some: see ``reviewers``.
4. With a ``baseline``, an earlier review, only new findings count; all are listed. See ``sarif``.
5. Of more findings than ``FINDINGS_MAX`` the worst are listed. The others count, as new ones.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contract import asked, below, choice, finish, give_up, is_environment, leave, leave_json, say
from contract import workspace as workspace_of
from reviewers import SEVERITIES, bandit, ruff, semgrep, semgrep_version, version_of
from sarif import known_before, mark_new, sarif

FILES_MAX = 5_000
FINDINGS_MAX = 10_000
BATCH = 500  # files on one command line
SHOWN_MAX = 200  # findings in the report for people
SKIPPED = {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".mandate"}
TOOLS = ("ruff", "bandit")


def main() -> None:
    """Answer one request."""
    request = asked()
    given = request["input"]
    root = base_of(given)
    versions = {tool: version_of(tool) for tool in TOOLS}
    rules = rules_of(given)
    if rules is not None:
        versions["semgrep"] = semgrep_version()
    files = sorted(python_files(root))
    if len(files) > FILES_MAX:
        give_up(f"more than {FILES_MAX} Python files; narrow with input `path`")
    if request["phase"] == "PLAN":
        finish(f"{len(files)} files to review", {"files": len(files), "tools": versions})
    own = choice(given, "rules", ("shipped", "own")) == "own"
    fail_on = choice(given, "fail_on", ("never", *SEVERITIES))
    known = baseline_of(request)
    findings, unlisted = found_by_all(root, files, own=own, rules=rules)
    if known is not None:
        mark_new(findings, known)  # (4) only new ones count
    deliver(findings, unlisted, files, versions, fail_on)


def found_by_all(
    root: Path, files: list[str], *, own: bool, rules: Path | None
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Return what all tools find, the worst first, and how many more of each severity (5)."""
    findings: list[dict[str, Any]] = []
    unlisted: Counter[str] = Counter()
    for start in range(0, len(files), BATCH):
        batch = files[start : start + BATCH]
        say("progress", message=f"{start} of {len(files)} files reviewed")
        findings += [*ruff(root, batch, own=own), *bandit(root, batch, own=own)]
        if rules is not None:
            findings += semgrep(root, batch, rules, own=own)
        findings.sort(key=order)
        unlisted.update(each["severity"] for each in findings[FINDINGS_MAX:])
        del findings[FINDINGS_MAX:]
    return findings, unlisted


def deliver(
    findings: list[dict[str, Any]],
    unlisted: Counter[str],
    files: list[str],
    versions: dict[str, str],
    fail_on: str,
) -> None:
    """Leave the artifacts, say the result."""
    counted = [finding for finding in findings if finding.get("new", True)]
    counts = Counter(finding["severity"] for finding in counted) + unlisted
    leave_json("findings.json", findings)
    leave("review.md", "text/markdown", report(counted, counts, files, versions))
    leave("review.sarif", "application/sarif+json", json.dumps(sarif(findings, versions), indent=1))
    bad = fail_on != "never" and any(
        counts[severity] for severity in SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    )
    told = {"known": len(findings) - len(counted)} if any("new" in f for f in findings) else {}
    if unlisted:
        told["unlisted"] = unlisted.total()
    finish(
        ", ".join(f"{counts[s]} {s}" for s in SEVERITIES) + f" in {len(files)} files",
        {
            "findings": counts.total(),
            **{severity: counts[severity] for severity in SEVERITIES},
            "files": len(files),
            **told,
        },
        status="failed" if bad else "ok",
    )


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
        f"{len(files)} Python files, {counts.total()} findings, reviewed with {tools}.",
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
    if counts.total() > len(findings):
        beyond = counts.total() - len(findings)
        lines += ["", f"{beyond} milder ones are only counted; narrow with input `path`."]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Return ``text`` as a table cell that shows it and does nothing else."""
    for plain, escaped in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), ("[", "\\["), ("`", "'")):
        text = text.replace(plain, escaped)
    return " ".join(text.split())


def base_of(given: dict[str, Any]) -> Path:
    """Return the directory to review."""
    relative = below(given, "path", ".")
    base = workspace_of(given) / relative
    if not base.is_dir():
        give_up(f"input `path`: {str(relative)!r} is no directory")
    return base


def rules_of(given: dict[str, Any]) -> Path | None:
    """Return the rules that semgrep goes by; None: it is not asked."""
    if not given.get("semgrep_rules"):
        return None
    rules = workspace_of(given) / below(given, "semgrep_rules")
    if not rules.exists():
        give_up(f"input `semgrep_rules`: there is no {given['semgrep_rules']!r}")
    return rules


def baseline_of(request: dict[str, Any]) -> Counter[str] | None:
    """Return what is known from an earlier review: an output of a stage, or a file (4)."""
    name = request["input"].get("baseline")
    if not name:
        return None
    output = request["prior"].get(name)
    given = request["input"]
    file = Path(output["path"]) if output else workspace_of(given) / below(given, "baseline")
    try:
        return known_before(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        give_up(f"input `baseline`: {name!r} cannot be read: {error}")


def python_files(root: Path) -> Iterator[str]:
    """Yield the Python files below ``root`` as ``./name``, so that none looks like an option."""
    for folder, folders, names in os.walk(root):
        kept = [name for name in folders if name not in SKIPPED]
        folders[:] = [name for name in kept if not is_environment(Path(folder, name))]
        for name in names:
            path = Path(folder, name)
            if name.endswith((".py", ".pyi")) and path.is_file() and not path.is_symlink():
                yield f"./{path.relative_to(root)}"


if __name__ == "__main__":
    main()
