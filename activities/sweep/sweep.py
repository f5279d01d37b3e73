"""``trust.sweep``: end what agents were given for runs that are over.

In the ordinary case there is nothing to end: phases revoke what they mint. What is found here was
left by a worker that died, or by a Vault that was away at that moment.

1. Which token is ended is for ``dsl.rules.run.sweeping`` to say, from what the engine says of the
   run that the token names. The asking workflow has no say in it.
2. A token of a phase names its workflow as ``run`` and, beside it, ``run_id``, and the ``attempt``
   of the ``activity`` it was minted for, where the server knows of that. One that asks for
   an approval names its ``workflow``, and its run's id as ``run``; where the workflow is missing,
   as an earlier release left it, it is not judged: it ends with its gate.
3. What Vault stops answering in the middle is counted as skipped, so that what was revoked before
   is told. A sweep that could end nothing fails, and is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from temporalio import activity

from activities.contracts import trust_specs
from activities.runtime.boundary import governed
from activities.runtime.endings import work_of
from dsl.rules.run.sweeping import RunAtWork, RunState, SweepVerdict, is_stuck, judge
from integrations.errors import UnavailableError
from integrations.vault.credentials.sweeper import Sweeper, Token

logger = logging.getLogger(__name__)

ACCESSORS_MAX: Final = 5_000  # looked at in one sweep
UNANSWERED_MAX: Final = 3  # then the engine is asked nothing more in this sweep
_Run = tuple[str, str]  # workflow id, and run id where it is known


class SweepActivities:
    """Sweeps as the sweeper's identity; runs on the trust queue only."""

    def __init__(self, sweeper: Sweeper) -> None:
        self._sweeper = sweeper

    @activity.defn(name=trust_specs.sweep.name)
    @governed
    async def sweep(self, _request: trust_specs.SweepRequest) -> trust_specs.Swept:
        """Look at agents' tokens, end those of runs that are over, and count."""
        tokens, unseen = await self._sweeper.tokens(ACCESSORS_MAX)
        states = await _states(tokens)
        verdicts = [
            (each, judge(states[_run_of(each)], each.age_s, _attempt_of(each))) for each in tokens
        ]
        left_behind = [
            each.accessor for each, verdict in verdicts if verdict is SweepVerdict.REVOKE
        ]
        later = sum(verdict is SweepVerdict.LATER for _, verdict in verdicts)
        revoked = await self._revoke(left_behind)
        skipped = unseen + later + len(left_behind) - len(revoked)
        leases, stuck, leases_unseen = await self._leases(must_answer=not revoked)
        return trust_specs.Swept(
            tokens=len(tokens),
            leases=leases,
            stuck=stuck,
            revoked=tuple(revoked),
            skipped=skipped + leases_unseen,
        )

    async def _revoke(self, accessors: Iterable[str]) -> list[str]:
        revoked: list[str] = []
        for accessor in accessors:
            try:
                await self._sweeper.revoke(accessor)
            except UnavailableError:
                if not revoked:
                    raise
                return revoked  # (3) what was revoked before is told
            revoked.append(accessor)
        return revoked

    async def _leases(self, *, must_answer: bool) -> tuple[int, int, int]:
        """Count the leases, those that are stuck, and those that were not looked at."""
        try:
            found, unseen = await self._sweeper.leases()
        except UnavailableError:
            if must_answer:
                raise
            return 0, 0, 0  # (3) what was revoked before is told
        stuck = [each.id for each in found if is_stuck(each.left_s)]
        if stuck:
            logger.warning("%d leases are past their end, the first is %s", len(stuck), stuck[0])
        return len(found), len(stuck), unseen


async def _states(tokens: Iterable[Token]) -> dict[_Run, RunAtWork]:
    """Ask the engine about every run that a token names, once."""
    states: dict[_Run, RunAtWork] = {}
    unanswered = 0
    for workflow_id, run_id in {_run_of(each) for each in tokens}:
        if not workflow_id:  # nobody is asked, so nobody has failed to answer
            # (2) told by run id beside it
            state = RunAtWork(RunState.NOT_TOLD if run_id else RunState.UNKNOWN)
        elif unanswered < UNANSWERED_MAX:
            state = await work_of(activity.client(), workflow_id, run_id or None)
            unanswered += state.state is RunState.NOT_TOLD
        else:
            state = RunAtWork(RunState.NOT_TOLD)
        states[workflow_id, run_id] = state
    return states


def _run_of(token: Token) -> _Run:
    """Return which run the token names (2)."""
    meta = token.meta
    if token.asks:
        return meta.get("workflow", ""), meta.get("run", "")
    workflow_id = meta.get("run", "")
    return workflow_id, meta.get("run_id", "") if workflow_id else ""


def _attempt_of(token: Token) -> tuple[str, str] | None:
    """Return the attempt the token was minted for; None where it names none (2)."""
    named = token.meta.get("activity", ""), token.meta.get("attempt", "")
    return named if all(named) and not token.asks else None
