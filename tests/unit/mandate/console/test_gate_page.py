"""The page of a gate shows what is approved there, and never a digest alone."""

from __future__ import annotations

import pytest

from dsl.plan import Plan
from dsl.review.decision import CouncilRuling
from dsl.rules.gates.unnamed import CALL, OUTCOME
from dsl.shown.heads import HeadState
from mandate.console.pages.gate import GateView, gate_page
from mandate.people.gates.contents import Contents
from mandate.people.gates.rows import CallRow, GateRow
from mandate.people.gates.shown import call_lines
from tests.fixtures.servers.pages import DIGEST, row_of, session_of

ASKED = CallRow(server="pay", tool="refund", arguments={"to": "ann", "amount": 820}, purpose="why")


def page_of(row: GateRow) -> str:
    plan = Plan(name="p", version="1", timeout_ms=1_000, steps=())
    return str(gate_page(GateView("r", row, plan, DIGEST, Contents(), (), ""), None).moving)


def test_what_an_agent_has_put_out_stands_open_and_what_the_engine_tells_is_folded():
    head = {"state": HeadState.TEXT, "lines": ['{"a":[1]}']}
    answer = {"stage": "s", "name": "execute.json", "digest": DIGEST, "phase": "EXECUTE"}
    own = {"stage": "s", "name": "own.json", "digest": DIGEST, "media_type": "application/json"}
    outputs = dict.fromkeys(("own.json", "execute.json", "manifest.json"), DIGEST)

    def shown(*rows: dict[str, object]) -> str:
        row = {**row_of("x").model_dump(), "subject": {"s": outputs}, "outputs": rows}
        return page_of(GateRow.model_validate(row))

    both = shown({**own, "head": head}, {**answer, "head": head})
    alone = shown({**answer, "head": head})

    assert '<pre tabindex="0">{\n  &quot;a&quot;: [\n    1\n  ]\n}</pre>' in both  # laid out
    assert both.index("own.json") < both.index("<details") < both.index("execute.json")
    assert alone.index("execute.json") < alone.index("<details") < alone.index("manifest.json")


def test_what_a_council_leaves_to_people_stands_first():
    decisions = [
        {"suggestion": "s-1", "ruling": CouncilRuling.DEFER, "rule": "r", "why": "good"},
        {"suggestion": "s-2", "ruling": CouncilRuling.HUMAN, "rule": "r", "why": "two disagree"},
    ]
    row = {**row_of("x").model_dump(), "advice": "one is left", "decisions": decisions}
    page = page_of(GateRow.model_validate(row))

    assert page.index("one is left") < page.index("s-2") < page.index("s-1")
    assert "two disagree" in page


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
