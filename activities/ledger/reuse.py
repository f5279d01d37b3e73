"""``ledger.resume`` and ``ledger.reuse``: what an earlier run has packaged, for one that goes on.

Anybody may name a run as the one to be resumed, and nothing else that is said of it counts. What is
reused is what the ledger says was packaged there, as the artefact store has it. The rules:

1. A run is resumed once it is over, with its stages: of one under way the rest is still to come.
2. Its history has to agree with the ledger, and no look may ever have found that it does not, of
   whichever of its runs. What the server does not keep any more, or what is too large to compare,
   is not known: nothing of it is reused, whatever signs the ledger. Below T3 a forger who answers
   under the worker's own name, and names only outputs that are kept, is found by neither.
3. That a run may be resumed is an entry of the ledger, made here, and what is reused is asked for
   under it: whoever asks cannot name another run later. What stands for a stage is one as well.
4. A workflow id may have had several runs. Reused is what was packaged after the start of the one
   that was named, and before the next one began.
5. What does not agree is not reused, and that is said: the stage runs.
6. Whoever asks again is told what was recorded for it before, where the store has it still and
   nothing was found of its agent meanwhile.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from temporalio import activity
from temporalio.service import RPCError

from activities.contracts import attestation_specs as contract
from activities.ledger.comparing import Comparison, compare, gone
from activities.ledger.facts import drafted, run_key, told
from activities.ledger.packaged import (
    END_OF_LEDGER,
    NothingPackagedError,
    Packaged,
    packaged,
)
from activities.runtime.boundary import governed
from activities.runtime.engine import NO_SUCH_RUN, described
from dsl import actions
from dsl.rules.reconciliation.reusable import Compared
from dsl.rules.run.reuse import refuse, refuse_agent
from dsl.shown.foreign import legible
from integrations.artifacts.store import Artifacts
from integrations.errors import CorruptError, DeniedError, UnavailableError
from integrations.ledger.entries import NONE, Entry
from integrations.ledger.ledger import Ledger
from integrations.ledger.lookup import dispute_of, of_runs, of_workflow

_STARTS_MAX: Final = 1_000  # of one workflow id
_COMPARED_MAX: Final = 1_500  # run ids that an entry has room for


class _RefusedError(Exception):
    """Why a run cannot be resumed."""


class ReuseActivities:
    """Reads what the one writer has written, and the artefacts it speaks of."""

    def __init__(self, ledger: Ledger, artifacts: Path) -> None:
        self._ledger = ledger
        self._artifacts = artifacts  # made where the first is put there

    @activity.defn(name=contract.resume.name)
    @governed
    async def resume(self, request: contract.ResumeRequest) -> contract.Resumed:
        """Record that the asking run may reuse what another has packaged, or say why not."""
        workflow, key = request.earlier.workflow, run_key("resumed")
        known = await self._ledger.by_key(key)
        if known is not None:  # an attempt before this one was not heard
            return _resumed(known)
        try:
            run = await _over(request.earlier)  # (1) once it is over
            # (4) between its start and that of the next
            start, before = await asyncio.to_thread(self._bounds, workflow, run)
            run = run or start.run_id
            _refuse_other(start, request.pipeline)
            found = await self._compared(workflow, run)  # (2) it agrees
        except (_RefusedError, CorruptError, DeniedError) as error:
            return contract.Resumed(refusal=str(error))
        payload = {
            "workflow": workflow,
            "run": run,
            "after": start.seq,
            "before": before,
            "compared": sorted(each for _, each in found.runs),
        }
        if found.missing:
            payload["untold"] = told(gone(found.missing[0]))
        await self._ledger.append([drafted(key, actions.RUN_RESUMED, NONE, payload)])
        entry = await self._ledger.by_key(key)
        if entry is None:
            raise UnavailableError("the entry cannot be read yet: try again")
        return _resumed(entry)

    @activity.defn(name=contract.reuse.name)
    @governed
    async def reuse(self, request: contract.ReuseRequest) -> contract.Reused:
        """Record what stands for a stage, and return it; or say why nothing does."""
        wanted, key = request.wanted, run_key(activity.info().activity_id)
        resumed = await self._resumed(request.resumed)  # (3) named by the ledger
        place = f"{resumed['workflow']}/{wanted.path}"
        known = await self._ledger.by_key(key)
        try:
            found = await asyncio.to_thread(self._packaged, wanted.path, resumed)
        except (NothingPackagedError, CorruptError) as error:  # (5) the stage runs
            return contract.Reused(refusal=str(error))
        why = self._refuse_agent(found)
        if why is None and known is not None and known.payload.get("manifest") == found.digest:
            return _reused(known.seq, found)  # (6) what was recorded before
        why = refuse(wanted, found.manifest, place) or why
        if why is not None:
            return contract.Reused(refusal=why)
        payload = {
            "path": wanted.path,
            "workflow": place,
            "run": found.entry.run_id,
            "entry": found.entry.seq,
            "manifest": found.digest,
        }
        draft = drafted(key, actions.STAGE_REUSED, wanted.agent, payload)
        [receipt] = await self._ledger.append([draft])
        return _reused(receipt.seq, found)

    def _bounds(self, workflow: str, run: str) -> tuple[Entry, int]:
        """Return the start of a run on the ledger, and where the next of that id begins (4)."""
        info, kinds = activity.info(), [actions.RUN_STARTED]
        path, asking = self._ledger.path, info.workflow_run_id
        found = of_workflow(path, workflow, kinds, _STARTS_MAX, after=-1, before=END_OF_LEDGER)
        starts = [each for each in found if (each.workflow_id, each.run_id) != (workflow, asking)]
        first = END_OF_LEDGER
        if run:  # one that was taken back has no start under its own run id
            entries = of_runs(path, [(workflow, run)], 1)
            first = entries[0].seq if entries else -1
        start = next((each for each in starts if each.seq <= first), None)
        if start is None:
            named = f"run {run!r} of {legible(workflow)}" if run else f"{legible(workflow)}"
            raise _RefusedError(f"the ledger knows no {named}: name a run that was recorded here")
        later = [each.seq for each in found if each.seq > start.seq]
        return start, min(later, default=END_OF_LEDGER)

    async def _compared(self, workflow: str, run: str) -> Comparison:
        """Compare a run with the ledger (2).

        Raises:
            _RefusedError: it does not agree, or that is not known.
        """
        store = Artifacts(self._artifacts)
        found = await compare(activity.client(), self._ledger.path, store, workflow, run)
        runs = found.runs or ((workflow, run),)
        disputed = await asyncio.to_thread(dispute_of, self._ledger.path, runs)
        if disputed is not None:
            raise _RefusedError(
                f"history and ledger of {legible(workflow)} disagree, as entry {disputed.seq} "
                "says: look with `mandate ledger reconcile RUN`"
            )
        if found.untold:
            raise _RefusedError(f"what it did cannot be known: {found.untold}")
        if found.unended:  # (1) with its stages
            raise UnavailableError(f"{legible(found.unended[0])} is still ending: waited for")
        if found.disagreements:
            first, count = legible(str(found.disagreements[0])), len(found.disagreements)
            raise _RefusedError(
                f"history and ledger of {legible(workflow)} disagree in {count} places: {first}"
            )
        if len(found.runs) > _COMPARED_MAX:
            raise _RefusedError(f"it has more than {_COMPARED_MAX} runs with its stages")
        return found

    async def _resumed(self, place: int) -> dict[str, Any]:
        """Return what the ledger says that the asking run may reuse (3).

        Raises:
            DeniedError: nothing.
        """
        entry = await self._ledger.by_place(place) if place >= 0 else None
        asks = activity.info().workflow_id  # its run id is another where it was taken back
        if entry is None or (entry.action, entry.workflow_id) != (actions.RUN_RESUMED, asks):
            raise DeniedError(f"entry {place} does not say that this run may reuse anything")
        return {**entry.payload, "seq": entry.seq}

    def _packaged(self, path: str, resumed: dict[str, Any]) -> Packaged:
        """Return what a stage has packaged; nothing where a look has found a dispute since (2)."""
        workflow, runs = resumed["workflow"], resumed.get("compared", [])
        disputed = dispute_of(self._ledger.path, [(workflow, each) for each in runs])
        if disputed is not None:
            raise NothingPackagedError(
                f"its history and the ledger disagree, as entry {disputed.seq} says"
            )
        compared = Compared(
            workflow=workflow,
            runs=frozenset(runs),
            until=resumed["seq"],
            next_run=resumed["before"],
        )
        store = Artifacts(self._artifacts)
        return packaged(self._ledger.path, store, path, compared, resumed["after"])

    def _refuse_agent(self, found: Packaged) -> str | None:
        known = self._ledger.authority(found.manifest.agent)
        return refuse_agent(
            found.at_ms,
            revoked=known.revoked,
            epoch_ms=known.epoch,
            violations=found.violations,
        )


def _reused(place: int, found: Packaged) -> contract.Reused:
    return contract.Reused(entry=place, output=found.output, outputs=found.outputs)


def _resumed(entry: Entry) -> contract.Resumed:
    said = entry.payload
    return contract.Resumed(
        earlier=contract.EarlierRun(workflow=said["workflow"], run=said["run"]),
        entry=entry.seq,
        untold=said.get("untold", ""),
    )


async def _over(earlier: contract.EarlierRun) -> str:
    """Return the run that is meant, which is over (1); as it was named where nobody knows it.

    Raises:
        _RefusedError: it is under way.
        UnavailableError: the server does not answer.
    """
    info = activity.info()
    if earlier.workflow == info.workflow_id and earlier.run in ("", info.workflow_run_id):
        raise _RefusedError("a run cannot resume itself: name the run id of the one before")
    try:
        found = await described(activity.client(), earlier.workflow, earlier.run or None)
    except RPCError as error:
        if error.status in NO_SUCH_RUN:  # past its retention: it was over by then
            return earlier.run
        raise UnavailableError(f"temporal does not tell of a run ({error})") from None
    if not found.HasField("close_time"):
        named = legible(earlier.workflow)
        raise _RefusedError(f"{named} is under way: wait for its end, or `mandate cancel RUN`")
    return found.execution.run_id


def _refuse_other(start: Entry, pipeline: str) -> None:
    was = str(start.payload.get("pipeline"))
    if was != pipeline:
        raise _RefusedError(
            f"{legible(start.workflow_id)} was a run of {legible(was)}, and this is one of "
            f"{legible(pipeline)}: nothing of it can stand here"
        )
