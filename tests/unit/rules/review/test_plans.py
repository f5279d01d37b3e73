from __future__ import annotations

import pytest

from dsl.compiler import compile_text
from dsl.review.kinds import AnomalyKind
from dsl.rules.review.plans import doubts_about

KIND = AnomalyKind
PLAN = """\
name: release
version: "1.0"
stages:
  - name: work
    type: agent
    template: {template}
    config: {{tier: {tier}, secrets: {secrets}}}
  - name: review
    type: gate
    requires: [work]
    config: {{approvers: {approvers}, exclude: {exclude}, timeout: {timeout}}}
"""
SOUND = {
    "tier": 1,
    "secrets": "{}",
    "template": "code-review",
    "approvers": "['group:sre']",
    "exclude": "[starter]",
    "timeout": "30m",
}


def doubts(**changes: object) -> list[tuple[AnomalyKind, str]]:
    text = PLAN.format(**{**SOUND, **changes})
    return [(each.kind, each.path) for each in doubts_about(compile_text(text, "p.yaml").plan)]


def test_a_sound_plan_leaves_no_doubt():
    assert doubts() == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"approvers": "[ann]"}, [(KIND.UNANSWERABLE_GATE, "review")]),
        ({"approvers": "[ann]", "exclude": "[]"}, []),
        ({"approvers": "[ann, bob]"}, []),
        ({"timeout": "2m"}, [(KIND.UNANSWERABLE_GATE, "review")]),
        ({"template": "default"}, [(KIND.NO_PACKAGE, "work")]),
        ({"tier": 2}, [(KIND.TIER_ABOVE_NEED, "work")]),
        ({"tier": 2, "secrets": "{KEY: kv/app#key}"}, []),
    ],
)
def test_what_will_not_do_is_told_of_its_stage(changes, found):
    assert doubts(**changes) == found
