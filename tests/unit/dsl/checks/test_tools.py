"""Tables of tools that could not be held to, or say what their author cannot have meant."""

from __future__ import annotations

import pytest

from dsl.compiler import compile_text
from dsl.errors import Severity
from dsl.plan import AgentStep, walk
from dsl.rules.gates.runnable import not_runnable
from dsl.shown.tool_table import table_in_words
from dsl.steps.tools import ToolRate
from tests.unit.dsl.documents import SOURCE, TEMPLATES, document, found, is_error, only, problems

HEAD = "inputs: {limit: {type: integer, default: 100}, region: {enum: [eu, us], default: eu}}"
ASK = "approve: {approvers: [ann]}"


def stage(*rules: str, tier: str = "T1", template: str = "default") -> str:
    table = "".join(f"\n            - {{{rule}}}" for rule in rules)
    return f"""
    - name: refund
      type: agent
      template: {template}
      config:
        tier: {tier}
        tools:{table}
    """


def rule(more: str = "policy: allow", tool: str = "refund") -> str:
    return f"server: pay, tool: {tool}, {more}"


def step_of(*rules: str) -> AgentStep:
    plan = compile_text(document(stage(*rules), HEAD), SOURCE, TEMPLATES).plan
    [step] = walk(plan.steps)
    assert isinstance(step, AgentStep)
    return step


def test_the_plan_has_the_table_in_its_order():
    first = rule(f"policy: approve, {ASK}, when: args.amount < inputs.limit, max_calls: 3")
    second = rule("policy: allow, rate: {calls: 2, window: 1m}", tool="list")

    one, other = step_of(first, second).tools

    assert (one.server, one.tool, one.policy, one.max_calls) == ("pay", "refund", "approve", 3)
    assert one.approve is not None
    assert one.approve.approvers == ("ann",)
    assert other.rate == ToolRate(calls=2, window_ms=60_000)
    assert other.model_dump() == {
        "server": "pay",
        "tool": "list",
        "policy": "allow",
        "rate": {"calls": 2, "window_ms": 60_000},
    }


def test_a_plan_without_tools_has_the_digest_it_had():
    bare = document("- {name: a, type: agent, template: default}")
    empty = document("- {name: a, type: agent, template: default, config: {tools: []}}")

    assert (
        compile_text(bare, SOURCE, TEMPLATES).digest
        == compile_text(empty, SOURCE, TEMPLATES).digest
    )


@pytest.mark.parametrize(
    ("rules", "code", "message"),
    [
        ([rule("policy: approve")], "DSL335", "nothing says who is asked"),
        ([rule(f"policy: allow, {ASK}")], "DSL335", "approve is never used: policy is allow"),
        ([rule("policy: deny, max_calls: 1")], "DSL335", "max_calls is never used"),
        ([rule("policy: allow, when: args.amount <")], "DSL315", "expected"),
        ([rule("policy: allow, when: arg.amount < 1")], "DSL316", "unknown name 'arg'"),
        ([rule("policy: allow, when: inputs.limt < 1")], "DSL316", "unknown input 'limt'"),
        ([rule('policy: allow, when: inputs.region == "uk"')], "DSL316", "never a value"),
        ([rule("policy: allow, when: inputs.limit")], "DSL316", "a condition is a bool"),
        ([rule('policy: allow, when: agent.tier == "T1"')], "DSL316", "never equals"),
        ([rule("policy: allow, when: stages.a.status == 'x'")], "DSL316", "unknown name 'stages'"),
        ([rule("policy: approve, approve: {}")], "DSL311", "nobody may answer"),
        ([rule("policy: approve, approve: {approvers: [ann], quorum: 2}")], "DSL310", "quorum 2"),
        ([rule(tool='"r\u0435fund"')], "DSL206", "of ASCII"),
        ([rule(tool="'a b'")], "DSL206", "of ASCII"),
        ([rule("policy: ask")], "DSL205", "expected allow or approve or deny"),
        ([rule("policy: allow, max_calls: 0")], "DSL209", "at least 1"),
    ],
)
def test_a_rule_that_could_not_be_held_to_is_refused(rules, code, message):
    problem = only(stage(*rules), HEAD)

    assert problem.code == code
    assert message in problem.message
    assert is_error(problem)


@pytest.mark.parametrize(
    "rules",
    [
        [rule(), rule("policy: deny")],
        [rule("policy: deny"), rule("policy: allow, when: args.amount < 5")],
        [rule("policy: deny, when: 1 < 2"), rule()],
        [rule("policy: allow, when: args.a < 5"), rule("policy: deny, when: args.a < 5")],
        [rule("policy: allow, when: 2 < 1")],
        [rule("policy: allow, when: 1 / 0 > 2")],
    ],
)
def test_a_rule_that_never_decides_is_warned_about(rules):
    problem = only(stage(*rules), HEAD)

    assert problem.code == "DSL336"
    assert problem.severity is Severity.WARNING


def test_rules_for_other_tools_and_other_conditions_are_reached():
    rules = [
        rule("policy: allow, when: args.a < 5"),
        rule("policy: deny, when: args.a < 6"),
        rule(),
        rule(tool="list"),
        rule(tool="Refund"),
    ]

    assert problems(document(stage(*rules), HEAD)) == []


def test_what_is_wrong_with_a_rule_hides_nothing_of_the_others():
    rules = [rule(tool="'a b'"), rule("policy: approve"), rule("policy: allow, when: arg.a")]

    assert [code for code, _ in found(stage(*rules), HEAD)] == ["DSL206", "DSL335", "DSL316"]


def test_a_rule_that_cannot_be_read_makes_no_other_unreachable():
    rules = [rule("policy: allow, when: 5"), rule("policy: deny")]

    assert [code for code, _ in found(stage(*rules), HEAD)] == ["DSL204"]


@pytest.mark.parametrize("tier", ["T3", "T4"])
def test_at_t3_and_t4_nobody_lets_a_call_through_by_a_claim(tier):
    asks = "policy: approve, approve: {approvers: [ann]%s}"

    def codes(*rules: str) -> list[str]:
        return [code for code, _ in found(stage(*rules, tier=tier), HEAD)]

    assert "DSL670" in codes(rule(asks % ""))
    assert "DSL670" in codes(rule(asks % ", identity: [claimed, verified]"))
    assert "DSL670" not in codes(rule(asks % ", identity: [verified]"), rule("policy: allow"))


def test_the_work_of_somebody_elses_worker_calls_nothing_through_mandate(tmp_path):
    from tests.unit.dsl.checks import test_runtimes as runtimes  # noqa: PLC0415

    table = ", config: {tools: [{server: pay, tool: refund, policy: allow}]}"

    [(code, message)] = runtimes.refused(runtimes.put(tmp_path), table)

    assert code == "DSL334"
    assert "calls nothing through Mandate" in message


def test_the_table_is_told_in_words():
    rules = [
        rule("policy: allow, when: args.amount <= inputs.limit, rate: {calls: 5, window: 1m}"),
        rule(
            "policy: approve, when: args.amount < 5000, max_calls: 3, approve: {approvers: [ann, "
            "bob], groups: [{name: sre}], quorum: 2, timeout: 30m, on_timeout: escalate, "
            "escalate_to: {approvers: [cyd], timeout: 1h}}"
        ),
        rule(f"policy: approve, {ASK}", tool="void"),
        rule("policy: deny", tool="list"),
    ]

    assert list(table_in_words(step_of(*rules).tools)) == [
        "1. pay/refund where args.amount <= inputs.limit: called, at most 5 within 1m",
        "2. pay/refund, else where args.amount < 5000: asks 2 of ann, bob and 1 of group:sre for "
        "30m, then 1 of cyd for 1h, at most 3 times",
        "3. pay/void: asks 1 of ann for 1d, then denied",
        "4. pay/list: denied",
        "all else is denied, and so is a call for which a condition has no value",
    ]


def test_a_rule_that_asks_whom_nobody_can_be_is_refused_when_started():
    asks = rule('policy: approve, approve: {approvers: ["group:sre"]}')
    plan = compile_text(document(stage(asks)), SOURCE, TEMPLATES).plan

    assert not_runnable(plan, "verified") == []
    [why] = not_runnable(plan, "claimed")
    assert "only members of groups can pass calls of rule 1" in why
