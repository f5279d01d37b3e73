"""Each check of meaning: what it refuses, where it points, what it lets pass."""

from __future__ import annotations

import pytest

from dsl.limits import PROBLEMS_MAX, STAGE_NESTING_MAX, STAGES_MAX
from tests.unit.dsl.documents import found, is_error, only

TWO = """
    - {name: a, type: agent, template: default}
    - {name: b, type: agent, template: default, requires: [a]}
"""


def agent(name: str, requires: str = "[]", more: str = "") -> str:
    extra = f", {more}" if more else ""
    return f"{{name: {name}, type: agent, template: default, requires: {requires}{extra}}}"


def with_secret(reference: str) -> str:
    return agent("a", more='config: {secrets: {TOKEN: "' + reference + '"}}')


def test_a_right_document_has_no_problems():
    assert found(TWO) == []


# names and order


def test_siblings_with_one_name_are_refused():
    assert found(f"- {agent('a')}\n- {agent('a')}") == [
        ("DSL301", "a, type: agent, template: default, requires: []}")
    ]


def test_then_and_else_share_one_path_so_their_names_differ():
    problem = only(
        f"""
        - name: c
          type: condition
          if: "true"
          then: [{agent("a")}]
          else: [{agent("a")}]
        """
    )

    assert problem.code == "DSL301"
    assert "'c/a'" in problem.hint


def test_the_same_name_in_two_branches_is_fine():
    stages = f"""
        - name: p
          type: parallel
          branches:
            - {{name: x, stages: [{agent("a")}]}}
            - {{name: y, stages: [{agent("a")}]}}
    """

    assert found(stages) == []


def test_branches_with_one_name_are_refused():
    problem = only(
        f"""
        - name: p
          type: parallel
          branches:
            - {{name: x, stages: [{agent("a")}]}}
            - {{name: x, stages: [{agent("b")}]}}
        """
    )

    assert problem.code == "DSL302"


def test_an_unknown_requirement_is_refused_with_the_likely_name():
    problem = only(f"- {agent('build')}\n- {agent('b', '[biuld]')}")

    assert (problem.code, problem.message) == ("DSL303", "unknown stage 'biuld'")
    assert problem.hint == "did you mean 'build'?"


def test_a_requirement_in_another_branch_is_told_apart_from_an_unknown_one():
    problem = only(
        f"""
        - name: p
          type: parallel
          branches:
            - {{name: x, stages: [{agent("a")}]}}
            - {{name: y, stages: [{agent("b", "[a]")}]}}
        """
    )

    assert problem.code == "DSL303"
    assert problem.message == "stage 'a' belongs to another list of stages ('p/x/a')"


def test_a_stage_cannot_require_what_encloses_it():
    problem = only(
        f"- {{name: p, type: parallel, branches: [{{name: x, stages: [{agent('a', '[p]')}]}}]}}"
    )

    assert problem.code == "DSL303"
    assert problem.message.startswith("stage 'p' encloses 'a'")


def test_a_stage_cannot_require_itself():
    assert only(f"- {agent('a', '[a]')}").code == "DSL304"


def test_a_circle_is_shown_whole_and_once():
    problem = only(
        f"- {agent('a', '[c]')}\n- {agent('b', '[a]')}\n"
        f"- {agent('c', '[b]')}\n- {agent('d', '[a]')}"
    )

    assert problem.code == "DSL305"
    assert problem.message == "stages wait for each other: a → c → b → a"


def test_two_circles_are_both_shown():
    codes = [
        code
        for code, _ in found(
            f"- {agent('a', '[b]')}\n- {agent('b', '[a]')}\n"
            f"- {agent('c', '[d]')}\n- {agent('d', '[c]')}"
        )
    ]

    assert codes == ["DSL305", "DSL305"]


def test_a_requirement_named_twice_is_a_warning():
    problem = only(f"- {agent('a')}\n- {agent('b', '[a, a]')}")

    assert problem.code == "DSL318"
    assert not is_error(problem)


def gate(name: str, requires: str = "[]") -> str:
    return f"{{name: {name}, type: gate, requires: {requires}, config: {{approvers: [ana]}}}}"


def listed(*stages: str) -> str:
    return "\n".join(f"- {stage}" for stage in stages)


def condition(name: str, inside: str, requires: str = "[]") -> str:
    return f'{{name: {name}, type: condition, if: "true", requires: {requires}, then: [{inside}]}}'


def test_a_gate_that_nothing_waits_for_is_a_warning():
    problem = only(listed(agent("a"), gate("g", "[a]"), agent("b")))

    assert (problem.code, is_error(problem)) == ("DSL347", False)
    assert problem.message == "nothing requires gate 'g': it holds nothing back"
    assert problem.hint == "where 'b' is to wait for it, write there: requires: [g]"


def test_and_so_is_one_inside_a_stage_that_nothing_waits_for():
    problem = only(listed(agent("a"), condition("c", gate("g"), "[a]"), agent("b")))

    assert problem.message == "nothing requires 'c': gate 'g' in it holds nothing back"
    assert problem.hint.endswith("requires: [c]")


@pytest.mark.parametrize(
    "stages",
    [
        listed(agent("a"), gate("g", "[a]")),
        listed(agent("a"), gate("g", "[a]"), gate("h", "[a]")),
        listed(agent("a"), gate("g", "[a]"), agent("b", "[g]"), agent("c")),
        listed(agent("a"), condition("c", gate("g"), "[a]"), agent("b", "[c]")),
        listed(agent("a"), condition("c", f"{gate('g')}, {agent('b')}", "[a]"), agent("d", "[c]")),
    ],
    ids=["behind all", "two behind all", "of one stage", "around it", "around both"],
)
def test_a_gate_that_something_waits_for_or_that_is_behind_all_is_meant(stages: str):
    assert "DSL347" not in [code for code, _ in found(stages)]


# limits


def chain(count: int) -> str:
    return "\n".join(f"- {agent(f's{n}', f'[s{n - 1}]' if n else '[]')}" for n in range(count))


def test_as_many_stages_as_the_limit_are_accepted():
    assert found(chain(STAGES_MAX)) == []


def test_one_stage_more_than_the_limit_is_refused():
    assert [code for code, _ in found(chain(STAGES_MAX + 1))] == ["DSL401"]


def nested(depth: int) -> str:
    inner = agent("a")
    for _ in range(depth - 1):
        inner = f"{{name: c, type: condition, if: 'true', then: [{inner}]}}"
    return f"- {inner}"


def test_stages_nest_to_the_limit_and_no_deeper():
    assert found(nested(STAGE_NESTING_MAX)) == []
    assert [code for code, _ in found(nested(STAGE_NESTING_MAX + 1))] == ["DSL402"]


def test_a_path_too_long_for_a_workflow_id_is_refused():
    inner = agent("x" * 63, more="agent: short")
    for _ in range(6):
        branch = f"{{name: {'b' * 63}, stages: [{inner}]}}"
        inner = f"{{name: {'p' * 63}, type: parallel, branches: [{branch}]}}"

    assert {code for code, _ in found(f"- {inner}")} == {"DSL403"}


def test_a_default_agent_id_that_grew_too_long_is_refused():
    inner = agent("x" * 63)
    problem = only(f"- {{name: {'c' * 63}, type: condition, if: 'true', then: [{inner}]}}")

    assert problem.code == "DSL404"
    assert "agent: <id>" in problem.hint


def test_the_search_ends_at_the_limit_of_problems():
    stages = "\n".join(f"- {agent(f's{n}', '[nowhere]')}" for n in range(PROBLEMS_MAX + 50))
    codes = [code for code, _ in found(stages)]

    assert codes == ["DSL303"] * PROBLEMS_MAX + ["DSL405"]


# agents


def test_an_unknown_template_is_refused_with_the_likely_one():
    problem = only("- {name: a, type: agent, template: code-reveiw}")

    assert problem.code == "DSL306"
    assert problem.hint == "did you mean 'code-review'?"


def test_a_template_without_a_program_is_a_warning():
    problem = only("- {name: a, type: agent, template: declared}")

    assert problem.code == "DSL319"
    assert not is_error(problem)
    assert problem.hint == (
        "a run that comes to it is refused, before anybody is asked: take another template "
        "(ansible, bug-watcher, code-review, council-member, default, llm, suggester, "
        "suggestion-reviewer, terraform)"
    )


@pytest.mark.parametrize(
    ("inputs", "under_caret"),
    [
        ("{pth: x}", "pth: x}}}"),
        ("{path: 3}", "3}}}"),
        ("{max_files: '3'}", "'3'}}}"),
        ("{max_files: true}", "true}}}"),
    ],
)
def test_an_input_the_template_does_not_take_is_refused(inputs, under_caret):
    assert found(f"- {agent('a', more=f'config: {{inputs: {inputs}}}')}") == [
        ("DSL307", under_caret)
    ]


def test_a_value_that_is_not_allowed_is_refused():
    problem = only(
        "- {name: a, type: agent, template: code-review, config: {inputs: {fail_on: hihg}}}"
    )

    assert problem.code == "DSL307"
    assert "expected one of 'never', 'high'" in problem.message


def test_a_template_without_declared_inputs_takes_any():
    codes = [
        code
        for code, _ in found(
            "- {name: a, type: agent, template: declared, config: {inputs: {any: [1]}}}"
        )
    ]

    assert codes == ["DSL319"]


def test_a_value_without_canonical_form_is_refused():
    problems_found = found(
        f"- {{name: a, type: agent, template: declared, config: {{inputs: {{n: {2**60}}}}}}}"
    )

    assert ("DSL321", f"{2**60}}}}}}}") in problems_found


@pytest.mark.parametrize(
    "reference",
    [
        "s3cr3t",
        "kv/app",
        "kv#token",
        "kv/app#",
        "/app#token",
        "kv//app#token",
        "kv/../sys#token",
        "kv/./app#token",
        "kv/app#to/ken",
        "kv/app#a#b",
        "kv/ap p#token",
        "kv/app#token\\n",
        "kv/.hidden#token",
    ],
)
def test_a_secret_that_is_no_reference_is_refused_without_showing_it(reference):
    problem = only(f"- {with_secret(reference)}")

    assert problem.code == "DSL308"
    assert reference not in problem.message + problem.hint


@pytest.mark.parametrize("reference", ["kv/app#token", "kv/data/team-1/app.prod#api_key"])
def test_a_secret_reference_is_accepted(reference):
    assert found(f"- {with_secret(reference)}") == []


def test_an_agent_id_of_the_inline_form_is_refused():
    assert only(f"- {agent('a', more='agent: inline-0123456789ab.a')}").code == "DSL320"


# declared inputs


@pytest.mark.parametrize(
    ("declared", "under_caret"),
    [
        ("{enum: [a, b], default: c}", "c}"),
        ("{type: integer, default: '3'}", "'3'}"),
        ("{type: integer, enum: [1, x]}", "x]}"),
        ("{type: boolean, default: 0}", "0}"),
        ("{default: a, required: true}", "true}"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(declared, under_caret):
    assert found(f"- {agent('a')}", f"inputs:\n  x: {declared}") == [("DSL309", under_caret)]


def test_every_mistake_is_told_at_once():
    codes = {
        code
        for code, _ in found(
            f"""
            - {agent("a", "[nowhere]")}
            - {{name: a, type: agent, template: nothing}}
            - {{name: g, type: gate, config: {{}}}}
            """,
            "inputs: {x: {type: integer, default: y}}",
        )
    }

    assert codes == {"DSL301", "DSL303", "DSL306", "DSL309", "DSL311"}
