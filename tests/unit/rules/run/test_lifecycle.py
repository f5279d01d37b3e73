"""The order of phases, against a table written out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.core import AGENT_PHASES_ORDERED, AgentPhase, is_terminal_phase
from dsl.rules.run.lifecycle import check_order, may_follow

BOOTSTRAP, PREFLIGHT, PLAN, EXECUTE, VERIFY, PACKAGE, REPORT, EXIT = AGENT_PHASES_ORDERED
REVOKED = AgentPhase.REVOKED

ALLOWED = {
    None: {BOOTSTRAP, EXIT, REVOKED},
    BOOTSTRAP: {PREFLIGHT, EXIT, REVOKED},
    PREFLIGHT: {PLAN, EXIT, REVOKED},
    PLAN: {EXECUTE, EXIT, REVOKED},
    EXECUTE: {VERIFY, EXECUTE, PLAN, EXIT, REVOKED},
    VERIFY: {PACKAGE, PLAN, EXIT, REVOKED},
    PACKAGE: {REPORT, EXIT, REVOKED},
    REPORT: {EXIT, REVOKED},
    EXIT: set(),
    REVOKED: set(),
}
phases = st.sampled_from(list(AgentPhase))


@pytest.mark.parametrize("previous", ALLOWED)
@pytest.mark.parametrize("phase", AgentPhase)
def test_a_phase_follows_only_where_the_table_says_so(previous, phase):
    assert may_follow(previous, phase) is (phase in ALLOWED[previous])


@pytest.mark.parametrize(
    "life",
    [
        [],
        [BOOTSTRAP],
        AGENT_PHASES_ORDERED,
        [*AGENT_PHASES_ORDERED[:4], EXECUTE, EXECUTE, *AGENT_PHASES_ORDERED[4:]],
        [BOOTSTRAP, PREFLIGHT, PLAN, EXECUTE, PLAN, EXECUTE, VERIFY, PLAN, EXECUTE, EXIT],
        [BOOTSTRAP, REVOKED],
        [EXIT],
        [REVOKED],
    ],
)
def test_a_life_in_order_is_not_objected_to(life):
    assert check_order(life) is None


@pytest.mark.parametrize(
    ("life", "breach"),
    [
        ([PLAN], "phase 1: PLAN comes first, where BOOTSTRAP was expected"),
        ([BOOTSTRAP, EXECUTE], "phase 2: EXECUTE comes after BOOTSTRAP, where PREFLIGHT"),
        ([BOOTSTRAP, BOOTSTRAP], "phase 2: BOOTSTRAP comes after BOOTSTRAP, where PREFLIGHT"),
        ([BOOTSTRAP, EXIT, REVOKED], "phase 3: REVOKED comes after EXIT, and nothing may"),
        ([REVOKED, EXIT], "phase 2: EXIT comes after REVOKED, and nothing may"),
        ([EXIT, EXIT, PLAN], "phase 2: EXIT comes after EXIT, and nothing may"),
        ([*AGENT_PHASES_ORDERED[:6], PLAN], "phase 7: PLAN comes after PACKAGE, where REPORT"),
    ],
)
def test_the_first_breach_is_told_in_a_sentence(life, breach):
    assert str(check_order(life)).startswith(breach)


@given(st.lists(phases, max_size=12))
@settings(deadline=None)
def test_order_is_a_matter_of_neighbours(life):
    pairs = zip([None, *life], life, strict=False)

    assert (check_order(life) is None) is all(may_follow(*pair) for pair in pairs)


@given(st.lists(phases, max_size=12))
@settings(deadline=None)
def test_nothing_in_order_skips_a_check(life):
    if check_order(life) is not None:
        return

    for number, phase in enumerate(life):
        earlier = set(life[:number])
        if not is_terminal_phase(phase):
            assert set(AGENT_PHASES_ORDERED[: AGENT_PHASES_ORDERED.index(phase)]) <= earlier
        assert not any(is_terminal_phase(before) for before in earlier)


@given(st.lists(phases, max_size=12))
@settings(deadline=None)
def test_what_has_begun_can_always_be_ended(life):
    ended = bool(life) and is_terminal_phase(life[-1])
    if check_order(life) is None and not ended:
        assert check_order([*life, EXIT]) is None
        assert check_order([*life, REVOKED]) is None
