"""An effect at T3: who may ask for it, and what is noted of what came of it."""

from __future__ import annotations

import pytest

from dsl.rules.tools.journal import CallStatus
from dsl.rules.tools.spent_effects import EffectNote, EffectState, came_of_it, refuse_effect_again

ASKED = EffectNote(occurrence="sha256:a", life="l", state=EffectState.ASKED, until_ms=1_000)
OTHER = ASKED.model_copy(update={"occurrence": "sha256:b"})


def refused(wanted: EffectNote, *notes: EffectNote, now_ms: int = 500) -> str:
    return refuse_effect_again("pay/refund:1", wanted, notes, now_ms) or ""


@pytest.mark.parametrize("status", CallStatus)
def test_what_was_answered_is_brought_about_and_all_else_is_open_again(status: CallStatus):
    over = came_of_it(ASKED, status)
    is_made = status in (CallStatus.OK, CallStatus.ERROR)

    assert ("was brought about before, by call sha256:a" in refused(OTHER, ASKED, over)) == is_made
    assert bool(refused(ASKED, ASKED, over)) == is_made


def test_another_call_waits_until_the_server_that_was_asked_is_gone_for_certain():
    assert refused(OTHER) == ""
    assert refused(ASKED, ASKED) == ""  # made once more, as its operator lets it be
    assert "nobody knows of it yet" in refused(OTHER, ASKED)
    assert "nobody knows of it yet" in refused(ASKED.model_copy(update={"life": "m"}), ASKED)
    assert refused(OTHER, ASKED, now_ms=1_001) == ""
