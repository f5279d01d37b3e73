"""What bandit takes for a way in.

1. It reads no configuration, and no comment of the reviewed code silences it.
2. Asserts are left to tests, and what bandit itself calls low and unsure to others: nobody acts
   on it.
3. Tests are not looked at: they start processes and hold passwords, and nobody calls them from
   outside.
"""

from __future__ import annotations

import re
from typing import Any, Final

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from integrations.review.observation import Observation
from integrations.review.observers.observer import (
    TOOL_LIMIT_S,
    Observer,
    Scene,
    answer_of,
    batches,
    is_test,
    within,
)
from integrations.review.running import python, run

TOOL: Final = "bandit"
# (2) B101 assert, B404 and B603 any process at all, B311 any random number, B110 and B112 a pass
# in an except, B105 to B107 any text beside a name with "pass" in it: see _CREDENTIALS.
_SKIPPED: Final = "B101,B110,B112,B311,B403,B404,B405,B406,B408,B409,B410,B411,B412,B413,B415,B603"
_CREDENTIALS: Final = ("B105", "B106", "B107")
_OFTEN_HARMLESS: Final = ("B324",)  # a weak hash is mostly a name or a checksum, and no defence
_SURE: Final = {"HIGH": 0.9, "MEDIUM": 0.75, "LOW": 0.5}
# A text that somebody may have drawn: letters and digits, and nothing of a path or a pattern.
_SECRET: Final = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9])[A-Za-z0-9_+/=!@#$%&*.-]{8,}")


def _observe(scene: Scene, seen: Observation) -> None:
    copy = scene.snapshot.copy
    files = [path for path in scene.parsed if not is_test(path)]  # (3) not called from outside
    options = ("--format=json", "--quiet", "--exit-zero", "--ignore-nosec", f"--skip={_SKIPPED}")
    for batch in batches(files):
        # (1) from a folder that holds no configuration
        ran = run(python("-m", "bandit", *options, *batch), cwd=copy, limit_s=TOOL_LIMIT_S)
        answer = answer_of(ran)
        for item in answer["results"]:
            if not _is_noise(item):
                seen.sightings.append(_sighting(item, within(copy, item["filename"])))
        for item in answer["errors"]:
            path = within(copy, item["filename"])
            seen.notes.append(f"bandit: {path} was not looked at: {item['reason']}")


def _is_noise(item: dict[str, Any]) -> bool:
    if item["issue_severity"] == "LOW" and item["issue_confidence"] == "LOW":
        return True
    if item["test_id"] in _CREDENTIALS:  # (2) nobody acts on it
        value = item["issue_text"].partition("'")[2].rpartition("'")[0]
        return _SECRET.fullmatch(value) is None
    return False


def _sighting(item: dict[str, Any], path: str) -> Sighting:
    severity = AnomalySeverity(item["issue_severity"].lower())
    if item["test_id"] in (*_CREDENTIALS, *_OFTEN_HARMLESS):
        severity = AnomalySeverity.MEDIUM
    return Sighting(
        kind=AnomalyKind.SECURITY,
        severity=severity,
        confidence=_SURE[item["issue_confidence"]],
        path=path,
        line=item["line_number"],
        message=item["issue_text"],
        tool=TOOL,
        rule=item["test_id"],
    )


BANDIT: Final = Observer("bandit", _observe, needs=("bandit",))
