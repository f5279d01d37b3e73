"""A review as SARIF 2.1.0, for whatever shows code-scanning results.

1. One run, of Mandate; each rule is a rule of one tool, named ``tool/rule``.
2. ``partialFingerprints`` holds ours, so that a viewer knows a finding again as we do.
3. A suppressed finding is in it with the repository's own reason; a known one is ``unchanged``.
4. Notes are notifications of the run: a viewer can tell that something was not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from dsl.review.anomaly import Anomaly, AnomalySeverity
from dsl.review.kinds import MEANINGS, AnomalyKind
from dsl.review.suppression import Suppression
from mandate import __version__
from mandate.work.review.reviewed import Reviewed

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT: Final = "mandateReview/v1"
_LEVELS: Final = {
    AnomalySeverity.CRITICAL: "error",
    AnomalySeverity.HIGH: "error",
    AnomalySeverity.MEDIUM: "warning",
    AnomalySeverity.LOW: "note",
}
_SCORES: Final = {
    AnomalySeverity.CRITICAL: "9.5",
    AnomalySeverity.HIGH: "8.0",
    AnomalySeverity.MEDIUM: "5.5",
    AnomalySeverity.LOW: "2.0",
}


def sarif(reviewed: Reviewed) -> dict[str, Any]:
    """Return the document."""
    verdict = reviewed.verdict
    listed: list[tuple[Anomaly, str, Suppression | None]] = [
        *((each, "new", None) for each in verdict.new),
        *((each, "unchanged", None) for each in verdict.known),
        *((each, "new", by) for each, by in verdict.suppressed),
    ]
    rules = _rules(each for each, _, _ in listed)
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "mandate", "semanticVersion": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": each}} for each in reviewed.notes
                ],
            }
        ],
        "results": [_result(*each, index) for each in listed],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rules(anomalies: Iterable[Anomaly]) -> list[dict[str, Any]]:
    found: dict[str, Anomaly] = {}
    for each in anomalies:
        found.setdefault(_rule(each), each)
    return [_described(name, found[name]) for name in sorted(found)]


def _described(name: str, each: Anomaly) -> dict[str, Any]:
    properties: dict[str, Any] = {"tags": [each.kind.value]}
    if each.kind is AnomalyKind.SECURITY:
        properties["security-severity"] = _SCORES[each.severity]
    return {
        "id": name,
        "name": name,
        "shortDescription": {"text": MEANINGS[each.kind]},
        "properties": properties,
    }


def _rule(each: Anomaly) -> str:
    return f"{each.tool}/{each.rule}"


def _result(
    each: Anomaly, state: str, by: Suppression | None, index: dict[str, int]
) -> dict[str, Any]:
    place: dict[str, Any] = {
        "artifactLocation": {"uri": quote(each.place.path), "uriBaseId": "SRCROOT"},
        "region": {"startLine": max(1, each.place.line)},
    }
    result: dict[str, Any] = {
        "ruleId": _rule(each),
        "ruleIndex": index[_rule(each)],
        "level": _LEVELS[each.severity],
        "message": {"text": each.message},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {FINGERPRINT: each.fingerprint},
        "baselineState": state,
        "rank": round(100 * each.confidence, 1),
        "properties": {"kind": each.kind.value, "severity": each.severity.value},
    }
    if each.place.symbol:
        result["locations"][0]["logicalLocations"] = [{"fullyQualifiedName": each.place.symbol}]
    if by is not None:  # (3) with its reason
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": by.reason}
        ]
    return result
