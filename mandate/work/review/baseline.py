"""What is known already: written once, and compared with from then on.

A baseline may be a file that ``--write-baseline`` has made, a review as JSON, or as SARIF of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from dsl.review.anomaly import Anomaly
from dsl.values.strict_json import JsonError, read
from mandate.people.errors import UsageError
from mandate.work.review.sarif import FINGERPRINT

BYTES_MAX: Final = 64 << 20
KEY: Final = "known"


def known_in(path: Path) -> frozenset[str]:
    """Return the fingerprints of a baseline.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            told = read(file.read(BYTES_MAX + 1), bytes_max=BYTES_MAX)
    except OSError as error:
        raise UsageError("--baseline {}: cannot be read: {}", path, error.strerror) from None
    except JsonError as error:
        raise UsageError("--baseline {}: {}", path, error) from None
    try:
        return frozenset(_fingerprints(told))
    except (KeyError, TypeError, AttributeError):
        raise UsageError(
            "--baseline {}: expected what --write-baseline, --json or --sarif has written", path
        ) from None


def baseline(anomalies: Iterable[Anomaly]) -> dict[str, Any]:
    """Return a baseline that knows them, with a word to each for whoever reads it."""
    return {
        KEY: {
            each.fingerprint: " ".join((each.severity, each.kind, each.rule, each.place.path))
            for each in sorted(anomalies, key=lambda each: each.fingerprint)
        }
    }


def _fingerprints(told: Any) -> Iterable[str]:
    if KEY in told and isinstance(told[KEY], dict):
        return told[KEY].keys()
    if "runs" in told:
        results = (each for run in told["runs"] for each in run["results"])
        return [each["partialFingerprints"][FINGERPRINT] for each in results]
    return [each["fingerprint"] for part in ("new", "known") for each in told[part]]
