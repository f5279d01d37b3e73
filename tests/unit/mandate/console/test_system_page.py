"""The page of the system says that all is well only where it knows so, and alarms for findings."""

from __future__ import annotations

import pytest

from dsl.rules.health.vitality import Pulse, Vitality
from integrations.health.monitor import Vital
from mandate.console.pages.system import Condition, LedgerHead, system_part

WELL = Vital("temporal", can_die=True, pulse=Pulse(Vitality.ALIVE))
DEAD = Vital("vault", can_die=True, pulse=Pulse(Vitality.DEAD))
UNSEEN = Vital("dragonfly", can_die=True)
ELSEWHERE = Vital("processes", can_die=False, is_elsewhere=True)
HEAD = LedgerHead(1, "sha256:0", "2026-11-30T12:00:00Z", "run.started")


def said(*vitals: Vital, why: str = "", head: LedgerHead = HEAD) -> str:
    return str(system_part(Condition(vitals, [], why, head)))


def test_what_is_elsewhere_is_no_finding_and_stands_behind_those():
    assert "all is well" in said(WELL, ELSEWHERE)
    page = said(WELL, ELSEWHERE, DEAD)

    assert "1 need attention</span> vault" in page
    assert page.index(">vault<") < page.index(">temporal<") < page.index(">processes<")


@pytest.mark.parametrize("vital", [DEAD, UNSEEN])
def test_what_is_not_alive_needs_attention(vital: Vital):
    assert f"1 need attention</span> {vital.name}" in said(WELL, vital)


@pytest.mark.parametrize(
    "unknown", [{"why": "no answer"}, {"head": LedgerHead(why="not read here")}]
)
def test_all_is_well_only_where_ledger_and_circuits_are_known(unknown):
    page = said(WELL, ELSEWHERE, **unknown)

    assert "all is well" not in page
    assert "need attention" not in page
