"""The page of a gate shows what is approved there, and never a digest alone."""

from __future__ import annotations

import pytest

from dsl.limits import HEADS_MAX
from dsl.plan import Plan
from dsl.review.decision import CouncilRuling
from dsl.rules.gates.unnamed import CALL, OUTCOME
from dsl.shown.heads import HeadState
from mandate.console.pages.gate import DECISIONS_MAX, GateView, gate_page
from mandate.people.gates.contents import Contents
from mandate.people.gates.rows import CallRow, GateRow
from mandate.people.gates.shown import call_lines
from tests.fixtures.servers.pages import DIGEST, row_of, session_of

ASKED = CallRow(server="pay", tool="refund", arguments={"to": "ann", "amount": 820}, purpose="why")


def page_of(row: GateRow) -> str:
    plan = Plan(name="p", version="1", timeout_ms=1_000, steps=())
    return str(gate_page(GateView("r", row, plan, DIGEST, Contents(), (), ""), None).moving)


def shown(*rows: dict[str, object], **outputs: tuple[str, ...]) -> tuple[str, str]:
    """Return what stands open of a gate over these outputs, so described, and what is folded."""
    subject = {stage: dict.fromkeys(names, DIGEST) for stage, names in outputs.items()}
    row = {**row_of("x").model_dump(), "subject": subject, "outputs": rows}
    page = page_of(GateRow.model_validate(row)).partition("<h2>What was put out</h2>")[2]
    page = page.partition("</section>")[0]
    is_open, _, folded = page.partition("<details")
    return is_open, folded


def put(stage: str, name: str, phase: str = "EXECUTE", **more: object) -> dict[str, object]:
    head = {"state": HeadState.TEXT, "lines": ['{"a":[1]}']}
    return {"stage": stage, "name": name, "digest": DIGEST, "phase": phase, "head": head, **more}


def test_what_an_agent_has_put_out_stands_open_and_what_the_engine_tells_is_folded():
    own = put("s", "own.json", media_type="application/json")
    answer, manifest = put("s", "execute.json"), put("s", "manifest.json", "PACKAGE")
    report = put("s", "report.md", "REPORT")
    names = ("own.json", "execute.json", "report.md", "manifest.json")

    both, folded = shown(own, answer, report, manifest, s=names)
    assert '<pre tabindex="0">{\n  &quot;a&quot;: [\n    1\n  ]\n}</pre>' in both  # laid out
    assert both.index("own.json") < both.index("execute.json")  # its answer is approved as well
    assert folded.index("report.md") < folded.index("manifest.json")
    alone, folded = shown(answer, report, manifest, s=names[1:])
    assert ("execute.json" in alone, "report.md" in alone, "manifest.json" in folded) == (True,) * 3
    assert shown(manifest, s=("manifest.json",))[1] == ""


def test_what_another_stage_has_put_out_folds_nothing_of_this_one():
    described = [put(stage, "report.md", "REPORT") for stage in ("a", "b")]
    is_open, folded = shown(
        put("a", "own.txt"), *described, a=("own.txt", "report.md"), b=("report.md",)
    )

    assert "<h3><a" in is_open
    assert "stage=b" in is_open
    assert "stage=b" not in folded
    assert "stage=a" in folded


def test_a_digest_that_is_cut_off_in_a_table_can_be_reached_by_keyboard():
    _, folded = shown(put("s", "own.txt"), put("s", "plan.log", "PLAN"), s=("own.txt", "plan.log"))

    assert f'<td data-of="Digest"><code class="digest" tabindex="0">{DIGEST}</code></td>' in folded


def test_what_the_run_does_not_describe_is_not_folded():
    names = ("execute.json", "manifest.json", "own.txt")
    is_open, folded = shown(s=names)

    assert folded == ""
    assert all(name in is_open for name in names)
    is_open, folded = shown(
        put("s", "own.txt"), put("s", "plan.json", "PLAN"), s=(*names, "plan.json")
    )
    assert all(name in is_open for name in names)
    assert "plan.json" in folded


def test_of_many_outputs_of_an_agent_those_without_a_head_stand_open_with_a_link():
    names = [f"own-{number:02}.txt" for number in range(HEADS_MAX + 2)]
    is_open, folded = shown(*(put("s", name) for name in names), s=tuple(names))

    assert folded == ""
    assert all(f"name={name}" in is_open for name in names)


def test_what_a_council_leaves_to_people_stands_first():
    decisions = [
        {"suggestion": "s-1", "ruling": CouncilRuling.DEFER, "rule": "r", "why": "good"},
        {"suggestion": "s-2", "ruling": CouncilRuling.HUMAN, "rule": "r", "why": "two disagree"},
    ]
    row = {**row_of("x").model_dump(), "advice": "one is left", "decisions": decisions}
    page = page_of(GateRow.model_validate(row))

    assert page.index("one is left") < page.index("s-2") < page.index("s-1")
    assert "two disagree" in page
    assert " more</p>" not in page


def test_of_what_a_council_has_decided_beyond_the_limit_it_is_said_how_much():
    decision = {"suggestion": "s", "ruling": CouncilRuling.DEFER, "rule": "r", "why": "good"}
    row = {**row_of("x").model_dump(), "decisions": [decision] * (DECISIONS_MAX + 3)}

    assert "<p>and 3 more</p>" in page_of(GateRow.model_validate(row))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("release 4.2", "release 4.2"),
        ("5", "&quot;5&quot;"),
        (5, "5"),
        ("true", "&quot;true&quot;"),
        (True, "true"),
        ("", "&quot;&quot;"),
        ([1, "a"], "[1, &quot;a&quot;]"),
        ({"a": 1}, "{&quot;a&quot;: 1}"),
    ],
)
def test_an_input_is_shown_so_that_a_text_is_taken_for_nothing_else(value: object, shown: str):
    row = {**row_of("x").model_dump(), "run_inputs": {"n": value}}

    assert f"<dd><bdi>{shown}</bdi></dd>" in page_of(GateRow.model_validate(row))


@pytest.mark.parametrize("kind", [CALL, OUTCOME])
@pytest.mark.parametrize("session", [None, session_of()], ids=["who looks", "who approves"])
def test_a_call_stands_there_as_it_does_at_a_terminal(kind: str, session):
    row = row_of("x").model_copy(update={"gate": f"work/{kind}-1", "call": ASKED})
    plan = Plan(name="p", version="1", timeout_ms=1_000, steps=())
    page = str(gate_page(GateView("r", row, plan, DIGEST, Contents(), (), ""), session).moving)

    for line in call_lines(ASKED):
        assert str(line).replace("'", "&#x27;") in page
    assert page.index("refund of pay") < page.index('class="act"')
