"""The page of a gate shows what is approved there, and never a digest alone."""

from __future__ import annotations

import pytest

from dsl.plan import Plan
from dsl.rules.gates.unnamed import CALL, OUTCOME
from mandate.console.pages.gate import GateView, gate_page
from mandate.people.gates.contents import Contents
from mandate.people.gates.rows import CallRow
from mandate.people.gates.shown import call_lines
from tests.fixtures.servers.pages import DIGEST, row_of, session_of

ASKED = CallRow(server="pay", tool="refund", arguments={"to": "ann", "amount": 820}, purpose="why")


@pytest.mark.parametrize("kind", [CALL, OUTCOME])
@pytest.mark.parametrize("session", [None, session_of()], ids=["who looks", "who approves"])
def test_a_call_stands_there_as_it_does_at_a_terminal(kind: str, session):
    row = row_of("x").model_copy(update={"gate": f"work/{kind}-1", "call": ASKED})
    plan = Plan(name="p", version="1", timeout_ms=1_000, steps=())
    page = str(gate_page(GateView("r", row, plan, DIGEST, Contents(), (), ""), session).moving)

    for line in call_lines(ASKED):
        assert str(line).replace("'", "&#x27;") in page
    assert page.index("refund of pay") < page.index('class="act"')
