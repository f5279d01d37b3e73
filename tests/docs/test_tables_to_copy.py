"""The tables that people copy from ``docs/tools.md`` decide as the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dsl.compiler import compile_text
from dsl.plan import AgentStep
from dsl.rules.tools.calls import call_of
from dsl.rules.tools.ruling import Caller, rule_on

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tools.md").read_text()
TABLES = PAGE.partition("## Three tables to copy")[2].partition("\n## ")[0]
STEPS = {}
for block in re.findall(r"```yaml\n(.*?)```", TABLES, re.DOTALL):
    plan = compile_text(block, "docs/tools.md").plan
    [step] = plan.steps
    assert isinstance(step, AgentStep)
    STEPS[plan.name] = step


@pytest.mark.parametrize(
    ("pipeline", "tool", "arguments", "policy", "quorum"),
    [
        ("scale-out", "cloud/add_nodes", {"monthly_cost": 99}, "allow", 0),
        ("scale-out", "cloud/add_nodes", {"monthly_cost": 100}, "approve", 1),
        ("scale-out", "cloud/add_nodes", {"monthly_cost": 9_999}, "approve", 1),
        ("scale-out", "cloud/add_nodes", {"monthly_cost": 10_000}, "approve", 2),
        ("scale-out", "cloud/add_nodes", {"monthly_cost": "9"}, "deny", 0),
        ("scale-out", "cloud/price", {}, "allow", 0),
        ("tidy-database", "sqlite/read_query", {"query": "SELECT 1"}, "allow", 0),
        ("tidy-database", "sqlite/write_query", {"query": "DELETE FROM a"}, "approve", 1),
        ("tidy-database", "sqlite/write_query", {"query": "DROP TABLE a"}, "deny", 0),
        ("tidy-database", "sqlite/create_table", {"query": "CREATE TABLE a (b)"}, "deny", 0),
        ("mend-and-push", "git/git_push", {"branch": "agent/mend"}, "approve", 1),
        ("mend-and-push", "git/git_push", {"branch": "main"}, "deny", 0),
        ("mend-and-push", "git/git_commit", {"message": "mend it"}, "allow", 0),
        ("mend-and-push", "git/git_reset", {}, "deny", 0),
    ],
)
def test_a_table_decides_as_its_page_says(
    pipeline: str, tool: str, arguments: dict[str, Any], policy: str, quorum: int
):
    step = STEPS[pipeline]
    server, _, name = tool.partition("/")
    ruling = rule_on(
        call_of(server, name, arguments),
        step.tools,
        caller=Caller(step.agent, step.tier, step.path),
        inputs={},
        earlier=(),
        now_ms=0,
    )
    asked = step.tools[ruling.rule - 1].approve if ruling.policy == "approve" else None

    assert ruling.policy == policy
    assert (asked.quorum if asked else 0) == quorum
