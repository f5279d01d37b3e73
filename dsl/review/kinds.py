"""Every kind of anomaly there is, with what it means in a sentence.

1. The kinds are closed: whoever decides by kind must be able to list them.
2. A kind is said of code, of a pipeline or of behaviour; its realm says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Realm(StrEnum):
    """What an anomaly is of (2)."""

    CODE = "code"
    PIPELINE = "pipeline"
    BEHAVIOUR = "behaviour"


class AnomalyKind(StrEnum):
    """What an anomaly is an instance of."""

    UNREADABLE = "unreadable"
    DEFECT = "defect"
    SECURITY = "security"
    TYPE_ERROR = "type-error"
    IMPORT_CYCLE = "import-cycle"
    LAYER_BREACH = "layer-breach"
    COMPLEXITY = "complexity"
    SIZE = "size"
    DEAD_CODE = "dead-code"
    UNPINNED_DEPENDENCY = "unpinned-dependency"
    UNUSED_DEPENDENCY = "unused-dependency"
    MISSING_DEPENDENCY = "missing-dependency"
    VULNERABLE_DEPENDENCY = "vulnerable-dependency"
    EMPTY_TEST = "empty-test"
    COVERAGE_GAP = "coverage-gap"
    STALE_NOTE = "stale-note"
    PIPELINE_PROBLEM = "pipeline-problem"
    UNANSWERABLE_GATE = "unanswerable-gate"
    NO_PACKAGE = "no-package"
    TIER_ABOVE_NEED = "tier-above-need"
    ERROR_SPIKE = "error-spike"
    STUCK_GATE = "stuck-gate"
    SLOW_STAGE = "slow-stage"
    BUDGET_NEARLY_SPENT = "budget-nearly-spent"
    REGRESSION = "regression"
    PHASES_OUT_OF_ORDER = "phases-out-of-order"


_K = AnomalyKind

MEANINGS: Final[Mapping[AnomalyKind, str]] = {
    _K.UNREADABLE: "a file that Python, or a tool of the review, cannot read",
    _K.DEFECT: "code that cannot be right, or is hardly what its author meant",
    _K.SECURITY: "a way in for somebody who should not get in",
    _K.TYPE_ERROR: "a value is used as what its declared type is not",
    _K.IMPORT_CYCLE: "modules that cannot be loaded, tested or understood without each other",
    _K.LAYER_BREACH: "an import that the repository's own contract forbids",
    _K.COMPLEXITY: "a function with more ways through it than anybody tests",
    _K.SIZE: "a file or function too long to be read in one sitting",
    _K.DEAD_CODE: "code that nothing in the repository uses",
    _K.UNPINNED_DEPENDENCY: "a dependency whose version anybody else may change",
    _K.UNUSED_DEPENDENCY: "a dependency that is declared and never imported",
    _K.MISSING_DEPENDENCY: "a dependency that is imported and never declared",
    _K.VULNERABLE_DEPENDENCY: "a dependency with a known vulnerability",
    _K.EMPTY_TEST: "a test that passes whatever the code does",
    _K.COVERAGE_GAP: "code that no test runs, says the repository's own report",
    _K.STALE_NOTE: "a note of something to be done, older than anybody remembers",
    _K.PIPELINE_PROBLEM: "a pipeline that the compiler refuses or warns of",
    _K.UNANSWERABLE_GATE: "a gate that nobody can answer, or that too few can",
    _K.NO_PACKAGE: "a stage that puts nothing out that a gate or a stage after it could look at",
    _K.TIER_ABOVE_NEED: "a stage that may do more than what it does takes",
    _K.ERROR_SPIKE: "errors that came much more often than before",
    _K.STUCK_GATE: "a gate that has waited far longer than such gates do",
    _K.SLOW_STAGE: "a stage that takes much longer than it used to",
    _K.BUDGET_NEARLY_SPENT: "an agent that has nearly used up the errors it may make",
    _K.REGRESSION: "a stage that fails more often than in the period before",
    _K.PHASES_OUT_OF_ORDER: "phases of an agent in an order that the lifecycle does not have",
}

_PIPELINE: Final = frozenset(
    {_K.PIPELINE_PROBLEM, _K.UNANSWERABLE_GATE, _K.NO_PACKAGE, _K.TIER_ABOVE_NEED}
)
_BEHAVIOUR: Final = frozenset(
    {
        _K.ERROR_SPIKE,
        _K.STUCK_GATE,
        _K.SLOW_STAGE,
        _K.BUDGET_NEARLY_SPENT,
        _K.REGRESSION,
        _K.PHASES_OUT_OF_ORDER,
    }
)


def realm_of(kind: AnomalyKind) -> Realm:
    """Return what anomalies of a kind are of (2)."""
    if kind in _PIPELINE:
        return Realm.PIPELINE
    return Realm.BEHAVIOUR if kind in _BEHAVIOUR else Realm.CODE
