"""Findings as SARIF 2.1.0, and what tells the same finding from one review to the next.

1. A finding is known by tool, rule, file and message, not by its line: that moves with every edit
   above. Where several are alike, so many of them as there were before are known.
2. Each tool is a run of its own. Paths are relative to the directory that was reviewed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "mandate/v1"
_LEVELS = {"high": "error", "medium": "warning", "low": "note"}
_IDENTITY = ("tool", "rule", "file", "message")


def fingerprint(finding: dict[str, Any]) -> str:
    """Return what a finding is known by (1)."""
    words = json.dumps([finding[name] for name in _IDENTITY], ensure_ascii=False)
    return hashlib.sha256(words.encode()).hexdigest()


def known_before(text: str) -> Counter[str]:
    """Return the fingerprints in an earlier ``findings.json`` or SARIF of ours.

    Raises:
        ValueError: it is neither.
    """
    try:
        document = json.loads(text)
        if isinstance(document, list):
            return Counter(map(fingerprint, document))
        results = [result for run in document["runs"] for result in run["results"]]
        return Counter(result["partialFingerprints"][FINGERPRINT] for result in results)
    except (KeyError, TypeError) as error:
        raise ValueError(f"neither findings.json nor SARIF of a review: {error!r}") from None


def mark_new(findings: Iterable[dict[str, Any]], known: Counter[str]) -> None:
    """Say of each finding whether it is ``new`` (1)."""
    left = known.copy()
    for finding in findings:
        key = fingerprint(finding)
        finding["new"] = left[key] <= 0
        left[key] -= 1


def sarif(findings: list[dict[str, Any]], versions: dict[str, str]) -> dict[str, Any]:
    """Return the document (2); a finding without ``new`` was compared with nothing."""
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            _run(tool, version, [each for each in findings if each["tool"] == tool])
            for tool, version in versions.items()
        ],
    }


def _run(tool: str, version: str, findings: list[dict[str, Any]]) -> dict[str, Any]:
    rules = sorted({each["rule"] for each in findings})
    driver = {"name": tool, "version": version, "rules": [{"id": rule} for rule in rules]}
    return {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, rules.index(each["rule"])) for each in findings],
    }


def _result(finding: dict[str, Any], rule: int) -> dict[str, Any]:
    place = {
        "artifactLocation": {"uri": quote(finding["file"]), "uriBaseId": "SRCROOT"},
        "region": {"startLine": max(1, finding["line"])},
    }
    result = {
        "ruleId": finding["rule"],
        "ruleIndex": rule,
        "level": _LEVELS[finding["severity"]],
        "message": {"text": finding["message"] or finding["rule"]},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {FINGERPRINT: fingerprint(finding)},
    }
    if "new" in finding:
        result["baselineState"] = "new" if finding["new"] else "unchanged"
    return result
