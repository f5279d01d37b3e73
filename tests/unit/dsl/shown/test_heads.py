"""Heads of outputs: which outputs tell a person most, and how few lines are shown of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.core import PHASE_OUTPUT_TYPES, AgentOutput, AgentPhase
from dsl.limits import HEAD_LINE_MAX, HEAD_LINES_MAX
from dsl.shown.heads import Head, HeadState, by_rank, head_of


def output(name: str, phase: AgentPhase = AgentPhase.EXECUTE, digest: str = "d") -> AgentOutput:
    return AgentOutput(
        name=name, phase=phase, output_type=PHASE_OUTPUT_TYPES[phase], digest=digest, size=1
    )


def test_what_a_program_put_out_comes_first_then_its_answer_and_the_report():
    put_out = [
        output("admission.json", AgentPhase.BOOTSTRAP),
        output("plan.json", AgentPhase.PLAN),
        output("execute.json"),
        output("findings.json"),
        output("verification.json", AgentPhase.VERIFY),
        output("manifest.json", AgentPhase.PACKAGE),
        output("report.md", AgentPhase.REPORT),
    ]
    shown = [(path, each.name) for path, each in by_rank({"b": put_out, "a": put_out[3:4]})]

    assert shown[:4] == [
        ("a", "findings.json"),
        ("b", "findings.json"),
        ("b", "execute.json"),
        ("b", "report.md"),
    ]


def test_a_programs_own_report_is_no_account_of_the_engine():
    own, engines = output("report.md"), output("manifest.json", AgentPhase.PACKAGE)

    assert [each for _, each in by_rank({"a": [engines, own]})] == [own, engines]


def test_of_one_name_the_last_counts_as_it_does_in_what_is_signed():
    first, last = output("x", AgentPhase.PLAN, "first"), output("x", AgentPhase.EXECUTE, "last")

    assert [each.digest for _, each in by_rank({"a": [first, last]})] == ["last"]


@pytest.mark.parametrize(
    ("text", "is_cut"),
    [
        ("one\ntwo\n", False),
        ("", False),
        ("\n" * HEAD_LINES_MAX, False),
        ("x\n" * (HEAD_LINES_MAX + 1), True),
        ("x" * HEAD_LINE_MAX, False),
        ("x" * (HEAD_LINE_MAX + 1), True),
    ],
)
def test_that_a_head_is_cut_is_said(text, is_cut):
    assert head_of(text, is_whole=True).is_cut is is_cut
    assert head_of(text, is_whole=False).is_cut is True


@given(st.text(max_size=5_000))
def test_a_head_is_bounded_and_can_be_sent(text):
    head = head_of(text, is_whole=True)

    assert head.state is HeadState.TEXT
    assert len(head.lines) <= HEAD_LINES_MAX
    assert all(len(line) <= HEAD_LINE_MAX and "\n" not in line for line in head.lines)
    if not head.is_cut:
        assert "\n".join(head.lines) == text.removesuffix("\n")
    assert Head.model_validate(head.model_dump(mode="json")) == head
