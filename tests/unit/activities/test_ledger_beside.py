"""Whoever runs workflows answers for the ledger where it is written in the same process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.contracts import messages, specs
from activities.ledger.beside import LedgerBeside
from activities.workers.beside import introduce
from activities.workers.duties import WorkflowDuties
from activities.workers.ledger_duties import LedgerDuties
from integrations.settings import Settings, read_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(
        {
            "MANDATE_LEDGER": str(tmp_path / "ledger.db"),
            "MANDATE_ARTIFACTS": str(tmp_path / "artifacts"),
            "MANDATE_VAULT_ROLES": str(tmp_path / "roles"),
        }
    )


@pytest.mark.parametrize("is_introduced", [False, True])
async def test_where_the_ledger_is_not_written_nothing_is_answered_and_another_may(
    *, is_introduced: bool
):
    beside = LedgerBeside()
    if is_introduced:
        beside.introduce(lambda: None)  # not yet at work
    asked: tuple[tuple[Callable[[Any], Any], Any], ...] = (
        (beside.record, messages.RecordRequest(entries=())),
        (beside.authority, messages.AuthorityRequest(agent="a")),
        (beside.prove, messages.ProveRequest(purpose="vote", about={}, proof="")),
    )

    for function, request in asked:
        with pytest.raises(ApplicationError, match="ask queue mandate-ledger") as refused:
            await ActivityEnvironment().run(function, request)
        assert not refused.value.non_retryable
    assert beside.recording() is None


def test_only_who_has_the_ledger_in_his_process_is_told_so(settings: Settings):
    """By what is served here: the settings name the ledger's queue in either case."""
    alone, together = WorkflowDuties(settings, None), WorkflowDuties(settings, None)
    introduce({specs.QUEUE: alone})
    introduce({specs.QUEUE: together, specs.QUEUE_LEDGER: LedgerDuties(settings)})

    assert specs.QUEUE_LEDGER in settings.queues
    assert (alone.beside.is_introduced, together.beside.is_introduced) == (False, True)
