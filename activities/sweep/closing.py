"""``ledger.close``: record the end of runs and stages that could not do it themselves.

A workflow that is terminated, or that a time limit of the server ends, runs nothing more. Whoever
reads the ledger would take it for one at work. The rules:

1. Which runs are over is what the server says, asked here; the asking workflow has no say in it.
   So anybody may ask.
2. The entry says that it is the sweep's word, and whose end it is. Its status is that of a
   cancelled stage, which counts neither for nor against the agent: nobody has seen how it would
   have ended.
3. Recorded is an end of at least ``GRACE_S`` ago: the last record of the run itself may be on its
   way. A stage that has completed leaves it to its run, whose next record carries it, while that is
   at work.
4. A run that the server does not know is over only when it began ``FORGOTTEN_S`` ago: a server that
   has just been changed for another knows none.
5. One end is recorded once, however many sweeps see it.
6. A begin that somebody has forged may have an end that the ledger does not take. It keeps no other
   end from being recorded, and is not counted as one.
7. Where more have begun than can be asked about, chance decides which: none is left out for ever.
"""

from __future__ import annotations

import logging
import random
import time
from itertools import islice
from typing import Any, Final

from temporalio import activity

from activities.contracts import trust_specs as trust
from activities.ledger.facts import drafted, harmless
from activities.runtime.boundary import governed
from activities.runtime.endings import Ending, ending_of, state_of
from activities.runtime.engine import parent_of
from dsl.core import StageStatus
from dsl.limits import LEDGER_ENTRIES_PER_RECORD_MAX
from dsl.rules.run.sweeping import RunState
from dsl.rules.trust.scorecard import OF_STAGE, milliseconds
from integrations.ledger.entries import Draft, entry_key
from integrations.ledger.errors import IdempotencyMismatchError, InvalidDraftError
from integrations.ledger.ledger import Ledger
from integrations.ledger.unended import Begun

logger = logging.getLogger(__name__)

ASKED_MAX: Final = 2_000
GRACE_S: Final = 60
FORGOTTEN_S: Final = 24 * 3600
SAID_BY: Final = "sweep"


class ClosingActivities:
    """Speaks for the one writer."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn(name=trust.close_runs.name)
    @governed
    async def close(self, _request: trust.CloseRequest) -> trust.Closed:
        """Look at what has begun and not ended, and record what is over."""
        begun = self._ledger.unended()
        if len(begun) > ASKED_MAX:
            begun = tuple(random.sample(begun, ASKED_MAX))  # (7), no secret
        drafts = []
        skipped = 0
        for each in begun:
            ending = await ending_of(activity.client(), each.workflow, each.run)
            if ending is RunState.NOT_TOLD:
                skipped += 1
            elif await _is_to_be_recorded(each, ending):
                drafts.append(_end_of(each, ending))
        return trust.Closed(ended=await self._record(drafts), skipped=skipped)

    async def _record(self, drafts: list[Draft]) -> int:
        left = iter(drafts)
        recorded = 0
        while some := list(islice(left, LEDGER_ENTRIES_PER_RECORD_MAX)):
            recorded += await self._append(some)
        return recorded

    async def _append(self, drafts: list[Draft]) -> int:
        """Record what the ledger takes, together or else one by one; return how many those are."""
        try:
            await self._ledger.append(drafts)
        # (5) (6) once; a forged begin ends nothing
        except (IdempotencyMismatchError, InvalidDraftError) as error:
            if len(drafts) > 1:
                return sum([await self._append([each]) for each in drafts])
            if isinstance(error, InvalidDraftError):
                logger.warning("an end cannot be recorded: %s", error)
            return 0
        return len(drafts)


async def _is_to_be_recorded(begun: Begun, ending: Ending | RunState) -> bool:
    if isinstance(ending, RunState):
        age_s = time.time() - milliseconds(begun.ts) / 1000
        return ending is RunState.UNKNOWN and age_s > FORGOTTEN_S  # (4) a changed server knows none
    if time.time() - ending.closed < GRACE_S:  # (3) its own record may be on its way
        return False
    if ending.status != "completed":
        return True
    parent = await parent_of(activity.client(), begun.workflow, begun.run)
    if parent is None:
        return True
    return await state_of(activity.client(), parent.workflow_id, parent.run_id) is RunState.OVER


def _end_of(begun: Begun, ending: Ending | RunState) -> Draft:
    if isinstance(ending, RunState):
        engine, detail = "not known", "temporal does not know its workflow any more"
    else:
        said = f" by {harmless(ending.by)}: {harmless(ending.why)}" if ending.by else ""
        engine, detail = ending.status, f"its workflow was seen {ending.status}{said}"
    payload: dict[str, Any] = {
        OF_STAGE: {"workflow": begun.workflow, "run": begun.run},
        "status": StageStatus.CANCELLED.value,  # (2) counts neither for nor against it
        "said_by": SAID_BY,
        "engine": engine,
        "detail": f"{detail}; it has recorded no end itself",
        **({"path": begun.path, "attempts": 0, "errors": 0} if begun.path else {}),
    }
    # (5) once, however many sweeps see it
    key = entry_key(activity.info().namespace, begun.workflow, begun.run, SAID_BY, "ended")
    return drafted(key, begun.ends_with, begun.agent, payload, begun.tier)
