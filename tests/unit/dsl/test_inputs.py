"""What a run may be started with."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.inputs import InputsError, mismatch, resolve_inputs
from dsl.plan import GateStep, InputPlan, Plan
from dsl.values.canonical import INTEGER_MAX

GATE = GateStep(
    path="g",
    name="g",
    gate_type="approval",
    approvers=("ana",),
    quorum=1,
    timeout_ms=1000,
    on_timeout="reject",
)
PLAN = Plan(
    name="deploy",
    version="1",
    timeout_ms=1000,
    steps=(GATE,),
    inputs={
        "environment": InputPlan(
            type="string", enum=("staging", "production"), default="staging", required=False
        ),
        "count": InputPlan(type="integer", required=True),
        "ratio": InputPlan(type="number", required=False),
        "force": InputPlan(type="boolean", default=False, required=False),
    },
)


def refused(given: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(InputsError) as caught:
        resolve_inputs(PLAN, given)
    return caught.value.problems


def test_what_is_not_given_takes_its_default():
    assert resolve_inputs(PLAN, {"count": 3}) == {
        "environment": "staging",
        "count": 3,
        "ratio": None,
        "force": False,
    }


def test_a_given_value_replaces_the_default():
    given = {"environment": "production", "count": 1, "ratio": 0.5, "force": True}

    assert resolve_inputs(PLAN, given) == given


def test_null_counts_as_not_given():
    assert resolve_inputs(PLAN, {"count": 3, "environment": None})["environment"] == "staging"
    assert refused({"count": None}) == ("missing input 'count': an integer",)


def test_all_problems_are_told_at_once():
    problems = refused({"enviroment": "staging", "environment": "test", "force": 1})

    assert problems == (
        "unknown input 'enviroment' (did you mean 'environment'?)",
        "input 'environment': expected one of 'staging', 'production', got 'test'",
        "missing input 'count': an integer",
        "input 'force': expected true or false, got 1",
    )


def test_an_unknown_input_of_a_pipeline_without_any_is_refused():
    plain = Plan(name="p", version="1", timeout_ms=1000, steps=(GATE,))

    with pytest.raises(InputsError, match="the pipeline takes none"):
        resolve_inputs(plain, {"x": 1})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", 3),
        ("string", None),
        ("string", ["a"]),
        ("integer", True),
        ("integer", "3"),
        ("integer", 3.0),
        ("integer", INTEGER_MAX + 1),
        ("number", False),
        ("number", "1.5"),
        ("number", math.nan),
        ("number", math.inf),
        ("boolean", 0),
        ("boolean", "true"),
    ],
)
def test_a_value_of_another_type_does_not_fit(kind, value):
    assert mismatch(kind, None, value) is not None


@pytest.mark.parametrize(
    ("kind", "value"),
    [("string", ""), ("integer", -3), ("number", 3), ("number", 0.5), ("boolean", True)],
)
def test_a_value_of_the_type_fits(kind, value):
    assert mismatch(kind, None, value) is None


def test_a_long_value_is_cut_in_the_message():
    assert len(mismatch("integer", None, "x" * 10_000) or "") < 120


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*PLAN.inputs, "other"]), json))
def test_inputs_are_resolved_completely_or_refused(given):
    try:
        values = resolve_inputs(PLAN, given)
    except InputsError as error:
        assert error.problems  # noqa: PT017  # refusing is one of two right answers
        return
    assert set(values) == set(PLAN.inputs)
    assert isinstance(values["count"], int)
    assert values["environment"] in {"staging", "production"}
