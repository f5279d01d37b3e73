"""What could be done about an anomaly of a kind, and what that takes.

1. A rule that says more than its kind comes first: an unused import is removed, other defects are
   mended. Where no rule does, the kind says what to do. Every kind has a remedy.
2. ``effort`` and ``risk`` are of carrying it out: 1 for minutes, 8 for weeks; ``low`` is seen in a
   review of the change, ``medium`` by tests, ``high`` in production or by others.
3. Impact is of the worst anomaly it does away with: 1, 2, 4 or 8 by severity.
4. What is critical is of high risk, whatever its remedy: people decide about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dsl.review.anomaly import Anomaly, AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.remedy import Remedy
from dsl.review.suggestion import Risk

_K, _R = AnomalyKind, Remedy
_LOW, _MEDIUM, _HIGH = Risk.LOW, Risk.MEDIUM, Risk.HIGH

IMPACT: Final = {
    AnomalySeverity.LOW: 1,
    AnomalySeverity.MEDIUM: 2,
    AnomalySeverity.HIGH: 4,
    AnomalySeverity.CRITICAL: 8,
}


@dataclass(frozen=True, slots=True)
class RemedyCost:
    """What carrying a remedy out takes (2)."""

    effort: int
    risk: Risk


COSTS: Final = {
    _R.REMOVE_UNUSED_IMPORT: RemedyCost(1, _LOW),
    _R.REMOVE_UNUSED_VARIABLE: RemedyCost(1, _LOW),
    _R.REMOVE_DEAD_CODE: RemedyCost(2, _MEDIUM),
    _R.NARROW_EXCEPT: RemedyCost(1, _MEDIUM),
    _R.LOAD_SAFELY: RemedyCost(1, _MEDIUM),
    _R.CLOSE_HOLE: RemedyCost(4, _HIGH),
    _R.MEND_DEFECT: RemedyCost(2, _MEDIUM),
    _R.MEND_TYPE: RemedyCost(2, _MEDIUM),
    _R.MEND_SYNTAX: RemedyCost(1, _MEDIUM),
    _R.BREAK_CYCLE: RemedyCost(8, _HIGH),
    _R.KEEP_LAYERS: RemedyCost(4, _HIGH),
    _R.SPLIT_FUNCTION: RemedyCost(4, _MEDIUM),
    _R.SPLIT_FILE: RemedyCost(4, _MEDIUM),
    _R.PIN_DEPENDENCY: RemedyCost(1, _MEDIUM),
    _R.DROP_DEPENDENCY: RemedyCost(1, _MEDIUM),
    _R.DECLARE_DEPENDENCY: RemedyCost(1, _LOW),
    _R.UPGRADE_DEPENDENCY: RemedyCost(2, _HIGH),
    _R.ASSERT_SOMETHING: RemedyCost(2, _LOW),
    _R.TEST_IT: RemedyCost(4, _LOW),
    _R.SETTLE_NOTE: RemedyCost(2, _LOW),
    _R.MEND_PIPELINE: RemedyCost(1, _MEDIUM),
    _R.NAME_APPROVERS: RemedyCost(1, _HIGH),
    _R.PUT_SOMETHING_OUT: RemedyCost(2, _LOW),
    _R.LOWER_TIER: RemedyCost(1, _MEDIUM),
    _R.LOOK_INTO_IT: RemedyCost(4, _LOW),
}

_BY_RULE: Final = {  # (1) rules of ruff and bandit that say more than their kind
    "F401": _R.REMOVE_UNUSED_IMPORT,
    "F841": _R.REMOVE_UNUSED_VARIABLE,
    "E722": _R.NARROW_EXCEPT,
    "BLE001": _R.NARROW_EXCEPT,
    "B506": _R.LOAD_SAFELY,
    "S506": _R.LOAD_SAFELY,
}

_BY_KIND: Final = {
    _K.UNREADABLE: _R.MEND_SYNTAX,
    _K.DEFECT: _R.MEND_DEFECT,
    _K.SECURITY: _R.CLOSE_HOLE,
    _K.TYPE_ERROR: _R.MEND_TYPE,
    _K.IMPORT_CYCLE: _R.BREAK_CYCLE,
    _K.LAYER_BREACH: _R.KEEP_LAYERS,
    _K.COMPLEXITY: _R.SPLIT_FUNCTION,
    _K.SIZE: _R.SPLIT_FILE,
    _K.DEAD_CODE: _R.REMOVE_DEAD_CODE,
    _K.UNPINNED_DEPENDENCY: _R.PIN_DEPENDENCY,
    _K.UNUSED_DEPENDENCY: _R.DROP_DEPENDENCY,
    _K.MISSING_DEPENDENCY: _R.DECLARE_DEPENDENCY,
    _K.VULNERABLE_DEPENDENCY: _R.UPGRADE_DEPENDENCY,
    _K.EMPTY_TEST: _R.ASSERT_SOMETHING,
    _K.COVERAGE_GAP: _R.TEST_IT,
    _K.STALE_NOTE: _R.SETTLE_NOTE,
    _K.PIPELINE_PROBLEM: _R.MEND_PIPELINE,
    _K.UNANSWERABLE_GATE: _R.NAME_APPROVERS,
    _K.NO_PACKAGE: _R.PUT_SOMETHING_OUT,
    _K.TIER_ABOVE_NEED: _R.LOWER_TIER,
    _K.ERROR_SPIKE: _R.LOOK_INTO_IT,
    _K.STUCK_GATE: _R.NAME_APPROVERS,
    _K.SLOW_STAGE: _R.LOOK_INTO_IT,
    _K.BUDGET_NEARLY_SPENT: _R.LOOK_INTO_IT,
    _K.REGRESSION: _R.LOOK_INTO_IT,
    _K.PHASES_OUT_OF_ORDER: _R.LOOK_INTO_IT,
}


def remedy_of(anomaly: Anomaly) -> Remedy:
    """Return what to do about ``anomaly`` (1)."""
    return _BY_RULE.get(anomaly.rule, _BY_KIND[anomaly.kind])


def risk_of(remedy: Remedy, severity: AnomalySeverity) -> Risk:
    """Return what carrying ``remedy`` out risks where the worst anomaly is so severe (4)."""
    return Risk.HIGH if severity is AnomalySeverity.CRITICAL else COSTS[remedy].risk
