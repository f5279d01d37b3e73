"""Suggestions: merged, named, and ranked by what became of earlier ones."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.outcome import OutcomeKind, SuggestionOutcome
from dsl.review.remedy import WHAT_TO_DO, Remedy
from dsl.review.sighting import Sighting
from dsl.review.suggestion import Risk
from dsl.rules.review.fingerprints import named
from dsl.rules.review.ranking import acceptance, ranked
from dsl.rules.review.remedies import COSTS, remedy_of
from dsl.rules.review.suggesting import suggest_for

UNUSED = Sighting(
    kind=AnomalyKind.DEFECT,
    severity=AnomalySeverity.LOW,
    confidence=0.95,
    path="app/run.py",
    line=1,
    message="os is imported and never used",
    tool="ruff",
    rule="F401",
    mark="import os",
)
CYCLE = replace(
    UNUSED, kind=AnomalyKind.IMPORT_CYCLE, severity=AnomalySeverity.HIGH, rule="cycle", mark="a b"
)


def suggested(*seen: Sighting):
    return suggest_for(named(seen))


def test_one_change_that_does_away_with_several_is_one_suggestion():
    (one,) = suggested(UNUSED, replace(UNUSED, line=2, mark="import sys"))

    assert one.remedy is Remedy.REMOVE_UNUSED_IMPORT
    assert len(one.anomalies) == 2
    assert "and 1 more" in one.title


def test_another_file_or_another_cycle_is_another_suggestion():
    assert len(suggested(UNUSED, replace(UNUSED, path="app/walk.py"))) == 2
    assert len(suggested(CYCLE, replace(CYCLE, mark="c d", line=9))) == 2


def test_a_name_outlasts_a_moved_line():
    (before,), (after,) = suggested(UNUSED), suggested(replace(UNUSED, line=90))

    assert before.id == after.id


def test_what_is_critical_is_of_high_risk():
    (one,) = suggested(replace(UNUSED, severity=AnomalySeverity.CRITICAL))

    assert one.risk is Risk.HIGH


def test_every_kind_has_a_remedy_and_every_remedy_says_what_to_do_and_what_it_takes():
    for kind in AnomalyKind:
        (anomaly,) = named([replace(UNUSED, kind=kind, rule="other")])
        assert remedy_of(anomaly) in COSTS
    assert set(COSTS) == set(WHAT_TO_DO) == set(Remedy)


sightings = st.builds(
    replace,
    st.just(UNUSED),
    kind=st.sampled_from(AnomalyKind),
    path=st.sampled_from(["a.py", "b.py"]),
    rule=st.sampled_from(["F401", "other"]),
    mark=st.sampled_from(["x", "y", "z"]),
    line=st.integers(1, 9),
    severity=st.sampled_from(AnomalySeverity),
)


@given(st.lists(sightings, max_size=20))
def test_no_anomaly_is_lost_and_none_is_suggested_twice(seen):
    anomalies = named(seen)

    found = [name for each in suggest_for(anomalies) for name in each.anomalies]

    assert sorted(found) == sorted(each.fingerprint for each in anomalies)
    names = [each.id for each in suggest_for(anomalies)]
    assert len(names) == len(set(names))


def outcome(name: str, what: OutcomeKind, remedy: Remedy = Remedy.REMOVE_UNUSED_IMPORT):
    return SuggestionOutcome(name, remedy, what)


YES, NO, BACK = OutcomeKind.ACCEPTED, OutcomeKind.REJECTED, OutcomeKind.REVERTED


def test_acceptance_is_the_mean_of_what_is_known():
    known = acceptance([outcome("a", YES), outcome("b", YES), outcome("c", NO)])

    assert known == {Remedy.REMOVE_UNUSED_IMPORT: Fraction(3, 5)}
    assert acceptance([]) == {}


def test_the_last_outcome_of_a_suggestion_counts_and_reverted_takes_back():
    assert acceptance([outcome("a", YES), outcome("a", BACK)]) == {
        Remedy.REMOVE_UNUSED_IMPORT: Fraction(1, 3)
    }


def test_what_was_rejected_falls_behind_what_was_accepted():
    other = replace(UNUSED, rule="E722", message="a bare except", mark="except:", line=5)
    suggestions = suggested(UNUSED, other)
    taken = {Remedy.NARROW_EXCEPT: Fraction(9, 10), Remedy.REMOVE_UNUSED_IMPORT: Fraction(1, 10)}
    refused = {Remedy.NARROW_EXCEPT: Fraction(1, 10), Remedy.REMOVE_UNUSED_IMPORT: Fraction(9, 10)}

    assert ranked(suggestions, taken)[0].remedy is Remedy.NARROW_EXCEPT
    assert ranked(suggestions, refused)[0].remedy is Remedy.REMOVE_UNUSED_IMPORT


@given(st.lists(sightings, max_size=12), st.randoms())
def test_rank_does_not_hang_on_the_order_of_anomalies(seen, random):
    anomalies = named(seen)
    shuffled = random.sample(anomalies, len(anomalies))

    one, other = (ranked(suggest_for(each), {}) for each in (anomalies, shuffled))

    assert one == other
    scores = [float(each.score) for each in one]
    assert scores == sorted(scores, reverse=True)
