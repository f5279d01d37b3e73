"""What a report says of the ledger: what was not read is not missing, and what is apart is said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from activities.ledger.comparing import DISAGREEMENTS_MAX
from dsl.rules.reconciliation.history import History
from dsl.rules.reconciliation.recorded import Recorded
from integrations.ledger.ledger import Ledger
from mandate.work.look.report import gathering
from mandate.work.look.report.findings import LedgerVerdict
from mandate.work.look.report.gathering import verdict_on
from tests.fixtures.chaos.recorded import evidence_of

FOUND = evidence_of("approved", "approved__review", "approved__publish")
RUNS = {(each.workflow_id, each.run_id) for each in FOUND.histories}
OURS = [each for each in FOUND.ledger if (each.workflow_id, each.run_id) in RUNS]


async def verdict(
    entries: Sequence[Recorded],
    histories: Sequence[History] = FOUND.histories,
    *,
    path: Path = Path("nowhere"),
    is_whole: bool = True,
) -> LedgerVerdict:
    return await verdict_on(path, {}, histories, entries, "default", is_whole=is_whole)


async def test_a_history_and_its_entries_agree():
    found = await verdict(OURS)

    assert (found.is_sound, found.problems) == (None, ())
    assert "not compared" not in "".join(found.sentences)


async def test_what_was_not_read_is_not_missing():
    assert (await verdict(OURS[:-3])).is_sound is False

    cut = await verdict(OURS[:-3], is_whole=False)

    assert (cut.is_sound, cut.problems) == (None, ())
    assert cut.sentences[-1] == (
        "not compared with the history of the run: not all of both was read"
    )


async def test_a_run_that_is_not_compared_is_said_not_to_be():
    assert "has nothing of it" in (await verdict([])).sentences[-1]
    assert "is not over" in (await verdict(OURS, [])).sentences[-1]


async def test_what_is_apart_is_told_up_to_a_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gathering, "DISAGREEMENTS_MAX", 2)

    assert DISAGREEMENTS_MAX > 2
    assert len((await verdict(OURS[:-5])).problems) == 2


async def test_a_ledger_too_large_to_be_verified_here_is_not_sound_where_it_is_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "ledger.db"
    with Ledger(path):
        pass
    monkeypatch.setattr(gathering, "VERIFIED_MAX", -1)

    assert (await verdict(OURS, path=path)).is_sound is None
    assert (await verdict(OURS[:-3], path=path)).is_sound is False
