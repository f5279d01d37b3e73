"""Documents made at random from few names: each becomes a right plan or a list of problems."""

from __future__ import annotations

import json

from hypothesis import event, given
from hypothesis import strategies as st

from dsl.compiler import compile_text
from dsl.errors import DslError
from dsl.plan import GateStep, walk
from tests.fixtures.search import inputs

NAMES = st.sampled_from(["a", "b", "c"])
EXPRESSIONS = st.sampled_from(
    ["true", "stages.a.status == 'completed'", 'stages["a/b/c"].output.x', "inputs.n > 1", "(("]
)
REQUIRES = st.lists(NAMES, max_size=2)
LEAVES = st.fixed_dictionaries(
    {
        "name": NAMES,
        "type": st.just("agent"),
        "template": st.sampled_from(["default", "terraform", "defualt"]),
        "requires": REQUIRES,
    },
    optional={
        "agent": NAMES,
        "config": st.fixed_dictionaries(
            {"tier": st.integers(0, 4)},
            optional={"inputs": st.dictionaries(NAMES, EXPRESSIONS.map("${{{{ {} }}}}".format))},
        ),
    },
) | st.fixed_dictionaries(
    {
        "name": NAMES,
        "type": st.just("gate"),
        "requires": REQUIRES,
        "config": st.fixed_dictionaries(
            {"approvers": st.lists(NAMES, max_size=2), "quorum": st.integers(1, 2)},
            optional={
                "approves": st.lists(NAMES, max_size=2),
                "members": st.lists(st.builds(lambda name: {"stage": name}, NAMES), max_size=2),
                "gate_type": st.just("consensus"),
                "identity": st.just(["verified"]),
            },
        ),
    }
)


def around(inner):
    stages = st.lists(inner, min_size=1, max_size=3)
    branches = st.lists(
        st.fixed_dictionaries({"name": NAMES, "stages": stages}), min_size=1, max_size=2
    )
    return st.fixed_dictionaries(
        {"name": NAMES, "type": st.just("parallel"), "requires": REQUIRES, "branches": branches}
    ) | st.fixed_dictionaries(
        {"name": NAMES, "type": st.just("condition"), "if": EXPRESSIONS, "then": stages},
        optional={"else": stages, "requires": REQUIRES},
    )


DOCUMENTS = st.fixed_dictionaries(
    {
        "name": st.just("p"),
        "version": st.just("1"),
        "stages": st.lists(st.recursive(LEAVES, around, max_leaves=8), min_size=1, max_size=5),
    },
    optional={"inputs": st.just({"n": {"type": "integer", "default": 1}})},
)


@inputs(300)
@given(DOCUMENTS)
def test_a_well_formed_document_becomes_a_plan_or_a_list_of_problems(data):
    try:
        compiled = compile_text(json.dumps(data), "p.json")
    except DslError as error:
        assert all(problem.code.startswith("DSL") for problem in error.problems)  # noqa: PT017  # one of two right answers
        event("refused")
        return
    event("compiled")
    steps = list(walk(compiled.plan.steps))
    paths = {step.path for step in steps}
    assert len(paths) == len(steps)
    for step in steps:
        around_it = step.path.removesuffix(step.name)
        assert all(f"{around_it}{name}" in paths for name in step.requires)
        if isinstance(step, GateStep):
            assert set(step.approves) <= paths - {step.path}
