"""bug-watcher: what well-kept tools find in the Python of the workspace, as anomalies.

It changes nothing and executes nothing of the workspace: see ``integrations.review``. Input:
``workspace`` (absolute; the engine sets it) and what the template declares. Output: ``anomalies``,
how many of each severity, ``files``, ``notes``. Artifacts: ``anomalies.json``, ``notes.json``.

1. Where there are more than fit into an artifact the mildest are left out, and a note says so.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Final

from dsl.review.anomaly import AnomalySeverity
from integrations.review.snapshot import NotReviewableError
from integrations.review.watcher import watch

sys.path.insert(0, str(Path(__file__).parents[1]))  # beside its template

from contract import (
    asked,
    below,
    finish,
    give_up,
    leave_json,
    say,
    workspace,
)

ANOMALIES_MAX: Final = 2_000


def main() -> None:
    """Answer one request."""
    given = asked()["input"]
    root = workspace(given) / below(given, "path", ".")
    say("progress", message=f"looking at {given.get('path', '.')}")
    try:
        report = watch(root, since=given.get("since"))
    except NotReviewableError as error:
        give_up(str(error))
    told, notes = report.anomalies[:ANOMALIES_MAX], list(report.notes)
    if len(told) < len(report.anomalies):  # (1) the mildest are left out
        notes.append(f"only the {ANOMALIES_MAX} worst of {len(report.anomalies)} are told")
    leave_json("anomalies.json", [each.model_dump(mode="json") for each in told])
    leave_json("notes.json", notes)
    counts = Counter(each.severity for each in told)
    by_severity = {each.value: counts[each] for each in AnomalySeverity}
    finish(
        ", ".join(f"{count} {name}" for name, count in by_severity.items()),
        {"anomalies": len(told), **by_severity, "files": report.files, "notes": len(notes)},
    )


if __name__ == "__main__":
    main()
