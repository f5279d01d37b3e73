"""What trust survives a new program, and who cannot be rebound."""

from __future__ import annotations

import pytest

from dsl.core import Tier
from dsl.rules.trust.admission import Binding
from dsl.rules.trust.rebinding import binding_digest, refuse, tier_after

OLD = Binding("deploy", "default", "sha256:" + "1" * 64)
NEW = Binding("deploy", "default", "sha256:" + "2" * 64)


@pytest.mark.parametrize(
    ("held", "initial", "after"),
    [
        ("T4", "T0", "T2"),
        ("T3", "T0", "T2"),
        ("T2", "T0", "T1"),
        ("T1", "T0", "T0"),
        ("T0", "T0", "T0"),
        ("T2", "T2", "T2"),
        ("T1", "T2", "T1"),
        ("T0", "T2", "T0"),
        ("T2", "T1", "T1"),
        ("T3", "T2", "T2"),
    ],
)
def test_one_tier_less_but_no_less_than_a_new_agent_is_given(held, initial, after):
    assert tier_after(Tier[held], Tier[initial]) is Tier[after]


@pytest.mark.parametrize("held", Tier)
@pytest.mark.parametrize("initial", [Tier.T0, Tier.T1, Tier.T2])
def test_nobody_is_raised_and_nobody_keeps_production(held, initial):
    assert tier_after(held, initial) <= min(held, Tier.T2)


def test_a_changed_program_template_or_pipeline_can_be_rebound():
    assert refuse("a", OLD, NEW, revoked=False) is None
    assert refuse("a", OLD, Binding("other", "default", OLD.program), revoked=False) is None


@pytest.mark.parametrize(
    ("bound", "asked", "revoked", "why"),
    [
        (None, NEW, False, "is not registered"),
        (OLD, NEW, True, "is revoked: reinstate it first"),
        (OLD, OLD, False, "is bound to exactly this already"),
        (OLD, Binding("deploy", "default", None), False, "to no program"),
        (OLD, Binding("deploy", "default", ""), False, "to no program"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(bound, asked, revoked, why):
    assert why in (refuse("a", bound, asked, revoked=revoked) or "")


def test_a_binding_has_one_digest_whatever_stands_for_no_program():
    assert binding_digest(Binding("p", "t", None)) == binding_digest(Binding("p", "t", ""))
    assert binding_digest(OLD) != binding_digest(NEW)
