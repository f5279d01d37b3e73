"""What is decided about one suggestion: each rule, and what no panel can bring about."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.review.decision import CouncilRuling, DecisionRule, Opinion, Stance
from dsl.review.suggestion import PatchTrial, Risk
from dsl.rules.review.decision import RULING_OF, Seat, decide
from tests.fixtures.search import inputs

NAME = "pin-dependency-0123456789ab"
YES = Opinion(Stance.APPROVE, 0.9, "nothing stands against it")
NO = Opinion(Stance.REJECT, 0.9, "it is worse than before")
UNSURE = Opinion(Stance.APPROVE, 0.5, "it may be")
NOTHING = Opinion(Stance.ABSTAIN, 0.0, "it costs nothing")


def seat(stage: str, opinion: Opinion | None = YES, weight: int = 2, **more) -> Seat:
    return Seat(stage, weight, 0.8, opinion, **more)


def ruled(*seats: Seat, risk=Risk.LOW, trial=PatchTrial.NONE, quorum=4):
    return decide(NAME, risk, trial, seats, quorum=quorum)


A, B = seat("architect"), seat("security")
PANELS = {
    "high risk": (ruled(A, B, risk=Risk.HIGH), DecisionRule.HIGH_RISK),
    "high risk that all reject": (
        ruled(seat("a", NO), seat("b", NO), risk=Risk.HIGH),
        DecisionRule.HIGH_RISK,
    ),
    "a patch that failed": (ruled(A, B, trial=PatchTrial.FAILED), DecisionRule.PATCH_FAILED),
    "one missing": (ruled(A, seat("cost", None)), DecisionRule.REVIEWER_MISSING),
    "nobody there": (ruled(), DecisionRule.REVIEWER_MISSING),
    "one unclear": (ruled(A, seat("cost", None, doubt="says 7")), DecisionRule.REVIEWER_UNCLEAR),
    "one unsure": (ruled(A, seat("cost", UNSURE)), DecisionRule.REVIEWER_UNSURE),
    "all abstain": (ruled(seat("a", NOTHING)), DecisionRule.NOBODY_CONCERNED),
    "for and against": (ruled(A, seat("cost", NO)), DecisionRule.REVIEWERS_CONTRADICT),
    "all against": (ruled(seat("a", NO), seat("b", NO)), DecisionRule.ALL_AGAINST),
    "too light": (ruled(A, seat("b", NOTHING)), DecisionRule.TOO_LIGHT),
    "medium risk": (ruled(A, B, risk=Risk.MEDIUM), DecisionRule.MEDIUM_RISK_UNCHECKED),
    "medium risk, unchecked": (
        ruled(A, B, risk=Risk.MEDIUM, trial=PatchTrial.UNCHECKED),
        DecisionRule.MEDIUM_RISK_UNCHECKED,
    ),
    "medium risk, held": (
        ruled(A, B, risk=Risk.MEDIUM, trial=PatchTrial.HELD),
        DecisionRule.ALL_IN_FAVOUR,
    ),
    "low risk": (ruled(A, B, seat("cost", NOTHING)), DecisionRule.ALL_IN_FAVOUR),
}


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_is_ruled_on_by_the_rule_for_it(panel):
    decision, rule = PANELS[panel]

    assert (decision.rule, decision.ruling) == (rule, RULING_OF[rule])
    assert decision.why


def test_every_rule_rules():
    ruled_by = {rule for _, rule in PANELS.values()}

    assert set(RULING_OF) == set(DecisionRule)
    assert ruled_by == set(DecisionRule) - {DecisionRule.UNREADABLE}  # of lists: test_hearing


opinions = st.builds(
    Opinion, st.sampled_from(Stance), st.sampled_from([0.0, 0.5, 0.8, 0.9, 1.0]), st.just("why")
)
seats = st.builds(
    Seat,
    st.sampled_from(["architect", "security", "reliability", "cost"]),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.8, 1.0]),
    st.none() | opinions,
    st.sampled_from(["", "", "says 7"]),
)
panels = st.lists(seats, max_size=5, unique_by=lambda each: each.stage)


@given(panels, st.sampled_from(PatchTrial), st.integers(1, 12))
@inputs(5_000)
def test_what_is_of_high_risk_is_never_approved_without_people(panel, trial, quorum):
    decision = decide(NAME, Risk.HIGH, trial, panel, quorum=quorum)

    assert decision.ruling is CouncilRuling.HUMAN
    assert decision.rule is DecisionRule.HIGH_RISK


@given(panels, st.sampled_from(Risk), st.sampled_from(PatchTrial), st.integers(1, 12))
@inputs(5_000)
def test_only_a_whole_panel_that_is_sure_approves(panel, risk, trial, quorum):
    decision = decide(NAME, risk, trial, panel, quorum=quorum)
    if decision.ruling is not CouncilRuling.AUTO_APPROVE:
        return
    assert risk is not Risk.HIGH
    assert trial is not PatchTrial.FAILED
    heard = [each.opinion for each in panel]
    assert None not in heard
    voting = [each for each in panel if each.opinion.stance is not Stance.ABSTAIN]
    assert {each.opinion.stance for each in voting} == {Stance.APPROVE}
    assert all(each.opinion.confidence >= each.min_confidence for each in voting)
    assert sum(each.weight for each in voting) >= quorum


@given(panels, st.randoms(), st.sampled_from(Risk), st.integers(1, 12))
@inputs(2_000)
def test_the_order_in_which_they_were_heard_means_nothing(panel, random, risk, quorum):
    shuffled = random.sample(panel, len(panel))

    one, other = (
        decide(NAME, risk, PatchTrial.NONE, each, quorum=quorum) for each in (panel, shuffled)
    )
    assert one == other


@given(panels.filter(bool), st.sampled_from(Risk), st.sampled_from(PatchTrial), st.data())
@inputs(2_000)
def test_a_reviewer_that_falls_silent_approves_nothing(panel, risk, trial, data):
    silent = data.draw(st.integers(0, len(panel) - 1))
    without = [
        replace(each, opinion=None) if number == silent else each
        for number, each in enumerate(panel)
    ]

    decision = decide(NAME, risk, trial, without, quorum=1)

    assert decision.ruling is not CouncilRuling.AUTO_APPROVE
