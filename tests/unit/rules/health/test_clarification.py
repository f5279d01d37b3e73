"""What follows on a spent budget, and what a clarification may make of a plan: only less."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.compiler import compile_text
from dsl.core import AgentOutput, AgentPhase, ClarifiedPlan, OutputType
from dsl.limits import (
    CLARIFICATION_LINE_LENGTH_MAX,
    CLARIFICATION_LINES_MAX,
    CLARIFICATIONS_MAX,
    QUESTION_LENGTH_MAX,
)
from dsl.plan import AgentStep
from dsl.rules.gates.consensus import Decision, Vote
from dsl.rules.gates.questions import refuse_clarification
from dsl.rules.gates.warrant import Opened, refuse_clarified
from dsl.rules.health.clarification import (
    Clarification,
    ClarificationError,
    Followed,
    answered,
    asked_of,
    drafted,
    followed_by,
    narrowed,
    of_before,
    scope_of,
)
from tests.unit.dsl.documents import document

PLAN, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def step(**fields: object) -> AgentStep:
    config = {
        "secrets": {"KEY": "kv/a#k", "TOKEN": "kv/b#t"},
        "sandbox": {"tcp": [443, 8443], "write": ["out"]},
        "error_budget": {"errors": 3, "window": "10m"},
        "clarifications": 2,
        "tier": 1,
        **fields,
    }
    text = document(f"- {{name: a, type: agent, template: default, config: {json.dumps(config)}}}")
    [made] = compile_text(text, "p.yaml").plan.steps
    assert isinstance(made, AgentStep)
    return made


STEP = step()
SCOPE = scope_of(STEP)
texts = st.text(st.characters(codec="utf-8"), max_size=700)
plans = st.builds(
    ClarifiedPlan,
    reasons=st.lists(texts.filter(str.strip).map(lambda t: t[:500]), max_size=20).map(tuple),
    constraints=st.lists(
        st.text("abc", min_size=1, max_size=20), max_size=CLARIFICATION_LINES_MAX, unique=True
    ).map(tuple),
    scope=st.sets(st.sampled_from(SCOPE)).map(lambda s: tuple(e for e in SCOPE if e in s)),
)


def clarification(**fields: object) -> Clarification:
    facts = {
        "stage": "a",
        "number": 1,
        "before": PLAN,
        "plan": ClarifiedPlan(reasons=("it erred",), scope=SCOPE),
        "errors_until_ms": 7,
        **fields,
    }
    return Clarification.model_validate(facts)


@given(allowed=st.integers(1, CLARIFICATIONS_MAX), revokes=st.booleans())
def test_a_stage_is_clarified_exactly_as_often_as_it_allows(allowed: int, revokes: bool):
    made = step(clarifications=allowed, on_exhausted="revoke" if revokes else "fail")
    last = Followed.REVOKE if revokes else Followed.FAIL

    assert [followed_by(made, n) for n in range(allowed)] == [Followed.CLARIFY] * allowed
    assert {followed_by(made, n) for n in range(allowed, allowed + 9)} == {last}


def test_the_scope_of_a_stage_is_what_it_may_touch_beyond_its_directory():
    assert SCOPE == ("secret:KEY", "secret:TOKEN", "tcp:443", "tcp:8443", "write:out")


@given(before=plans, reasons=st.lists(texts, max_size=30))
def test_a_draft_adds_reasons_and_changes_nothing_else(before, reasons):
    draft = drafted(STEP, before, reasons)
    told = [each.strip()[:CLARIFICATION_LINE_LENGTH_MAX] for each in reasons if each.strip()]

    assert ClarifiedPlan.model_validate(draft.model_dump()) == draft
    assert (draft.constraints, draft.scope) == (before.constraints, before.scope)
    assert draft.reasons
    assert not told or draft.reasons[-1] in told
    assert len(draft.reasons) <= CLARIFICATION_LINES_MAX


@given(draft=plans, answer=texts)
def test_an_answer_in_words_is_one_constraint_more_or_refused(draft, answer):
    try:
        plan = answered(draft, answer)
    except ClarificationError:
        return
    assert ClarifiedPlan.model_validate(plan.model_dump()) == plan
    assert set(plan.scope) <= set(draft.scope)
    assert plan.constraints[: len(draft.constraints)] == draft.constraints
    assert len(plan.constraints) - len(draft.constraints) in (0, 1)
    assert plan.reasons == draft.reasons


@given(
    draft=plans,
    scope=st.lists(st.sampled_from((*SCOPE, "tcp:22", "secret:ROOT", "write:/")), max_size=8),
)
def test_a_scope_narrows_or_is_refused(draft, scope):
    answer = json.dumps({"scope": scope})
    if set(scope) <= set(draft.scope):
        plan = answered(draft, answer)
        assert set(plan.scope) == set(scope)
        left = narrowed(STEP, clarification(plan=plan))
        assert set(scope_of(left)) == set(scope)
        assert left.secrets.items() <= STEP.secrets.items()
    else:
        with pytest.raises(ClarificationError, match="only narrows"):
            answered(draft, answer)


@given(answers=st.lists(st.sets(st.sampled_from(SCOPE)), max_size=6))
def test_what_was_taken_away_never_comes_back(answers):
    plan = ClarifiedPlan(reasons=("x",), scope=SCOPE)
    for scope in answers:
        before = plan
        try:
            plan = answered(plan, json.dumps({"scope": sorted(scope)}))
        except ClarificationError:
            plan = before
        assert set(plan.scope) <= set(before.scope)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("{", "expected a constraint, or an object"),
        ('{"scope": "tcp:443"}', "scope: "),
        ('{"scope": ["tcp:443"], "scope": []}', "expected a constraint, or an object"),
        ('{"constraints": [""]}', "constraints.0: "),
        ('{"constraints": [1]}', "constraints.0: "),
        ('{"reasons": ["none"]}', "reasons: "),
        (json.dumps({"constraints": [str(n) for n in range(21)]}), "constraints: "),
        ("x" * 501, "at most 500 characters"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(answer: str, why: str):
    draft = ClarifiedPlan(reasons=("x",), scope=SCOPE)
    refusal = refuse_clarification(draft, Vote("ann", Decision.APPROVE, reason=answer))

    assert refusal is not None
    assert why in refusal
    assert refuse_clarification(draft, Vote("ann", Decision.REJECT, reason=answer)) is None


def test_a_constraint_is_never_dropped_for_another():
    full = ClarifiedPlan(
        reasons=("x",), constraints=tuple(f"c{n}" for n in range(CLARIFICATION_LINES_MAX))
    )
    with pytest.raises(ClarificationError, match="21 constraints, and 20 is the limit"):
        answered(full, "one more")

    assert answered(full, "c3") == full


@given(plan=plans.filter(lambda p: p.reasons), number=st.integers(1, CLARIFICATIONS_MAX))
def test_what_people_are_asked_fits_and_says_the_newest_reason(plan, number):
    asked = asked_of(STEP, number, plan, length_max=QUESTION_LENGTH_MAX)

    assert len(asked) <= QUESTION_LENGTH_MAX
    assert plan.reasons[-1] in asked


def test_a_plan_is_another_for_every_field_of_its_clarification():
    digests = {
        clarification(**bent).digest()
        for bent in (
            {},
            {"number": 2},
            {"stage": "b"},
            {"before": OTHER},
            {"errors_until_ms": 8},
            {"plan": ClarifiedPlan(reasons=("it erred again",), scope=SCOPE)},
            {"plan": ClarifiedPlan(reasons=("it erred",), scope=SCOPE[1:])},
            {"plan": ClarifiedPlan(reasons=("it erred",), constraints=("less",), scope=SCOPE)},
        )
    }

    assert len(digests) == 8


def output(name: str, kind: OutputType = OutputType.BETA, plan: str = "") -> AgentOutput:
    return AgentOutput(
        name=name, phase=AgentPhase.PLAN, output_type=kind, digest=OTHER, size=1, plan=plan
    )


def test_beta_outputs_of_every_plan_are_kept_under_names_of_their_own():
    first = [output("plan.json"), output("admission.json", OutputType.ALPHA)]
    once = of_before(first, 1, PLAN)
    twice = of_before([*once, output("plan.json"), output("x" * 128)], 2, OTHER)

    assert [(each.name, each.plan) for each in once] == [("plan1.plan.json", PLAN)]
    assert [(each.name, each.plan) for each in twice] == [
        ("plan1.plan.json", PLAN),
        ("plan2.plan.json", OTHER),
    ]


def opened(subject: dict[str, dict[str, str]]) -> Opened:
    return Opened("review", 2, escalated=False, subject=subject, votes=())


def test_what_was_approved_under_another_plan_is_void():
    clarified = clarification()
    approved = opened({"look": {"x": OTHER}, "a": {"clarify-1": clarified.digest()}})
    void = (
        opened({"look": {"x": OTHER}}),
        opened({"a": {"clarify-1": OTHER}}),
        opened({"a": {"clarify-2": clarified.digest()}}),
        opened({"b": {"clarify-1": clarified.digest()}}),
    )

    assert refuse_clarified(STEP, PLAN, None, void) is None
    assert refuse_clarified(STEP, PLAN, clarified, [approved]) is None
    for each in void:
        assert "is void" in (refuse_clarified(STEP, PLAN, clarified, [approved, each]) or "")


@pytest.mark.parametrize(
    ("bent", "why"),
    [
        ({"stage": "b"}, "of another stage"),
        ({"before": OTHER}, "or of another plan"),
        ({"number": 3}, "clarified 2 times at most"),
        ({"plan": ClarifiedPlan(reasons=("x",), scope=("tcp:22",))}, "widens its scope"),
    ],
)
def test_a_worker_of_t3_takes_no_clarified_plan_that_cannot_be(bent: dict[str, object], why: str):
    clarified = clarification(**bent)
    approval = opened({"a": {f"clarify-{clarified.number}": clarified.digest()}})

    assert why in (refuse_clarified(STEP, PLAN, clarified, [approval]) or "")
