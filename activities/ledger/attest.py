"""``ledger.attest``: the evidence of a run that is over, found, proven and signed by who records.

Anybody may ask, and nothing of what is asked gets into the bundle but which run it is about. The
rules:

1. Histories are fetched from the server, of the run and of its stages, each by run id.
2. The run has to be over: of one under way the evidence would be a part, and look like the whole.
3. A checkpoint is signed first, so that every entry of the run is under it.
4. What is larger than an artefact may be is refused by name; nothing is left out to make it fit.
5. Whether history and ledger agree is looked at here, of the histories at hand and of what stages
   were taken back to, and is signed with the rest. Where that cannot be known, that is: what stages
   were since is no part of the bundle, so one that is gone, or too large, refuses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.contracts import attestation_specs as contract
from activities.contracts.attestation_specs import DISPUTE_LENGTH_MAX
from activities.contracts.meant import MeantError
from activities.ledger.anchoring import Anchoring
from activities.ledger.comparing import BYTES_MAX, gone, judged
from activities.ledger.histories import bytes_of, read_history, runs_of, text_of, with_stages
from activities.runtime.boundary import governed
from activities.runtime.engine import NO_SUCH_RUN, described
from dsl.rules.ledger.note import SignedNote
from dsl.rules.ledger.statement import ENTRIES, HISTORIES, Agreement, pae, statement
from dsl.rules.reconciliation.history import History
from dsl.shown.foreign import legible
from dsl.values.canonical import canonical
from dsl.values.sizes import sentence
from integrations.artifacts.store import Artifacts, StoredArtifact
from integrations.errors import DeniedError, IntegrationError, UnavailableError
from integrations.ledger.evidence.bundle import BUNDLE_BYTES_MAX, Bundle, keyid_of
from integrations.ledger.ledger import Ledger
from integrations.ledger.lookup import places_of
from integrations.ledger.tree.proof import EntryProof, prove_many

MEDIA_TYPE: Final = "application/json"
STAGES_MAX: Final = 1_000
ENTRIES_MAX: Final = 20_000


@dataclass(slots=True)
class _Later:
    """What stages have been since somebody took them back: compared, and not in the bundle."""

    histories: list[History] = field(default_factory=list)
    untold: str = ""  # why not all of it is compared
    _size: int = 0

    def take(self, history: History, size: int) -> None:
        """Keep it to be compared, where that is not too much (5)."""
        self._size += size
        if self._size > BYTES_MAX:
            self.untold = f"what stages were since they were taken back has over {BYTES_MAX} bytes"
        elif len(self.histories) == STAGES_MAX:
            self.untold = f"stages were taken back more than {STAGES_MAX} times"
        else:
            self.histories.append(history)

    def require(self, places: Sequence[tuple[str, str]]) -> None:
        """Have it said where one of these was not found (5)."""
        found = {(each.workflow_id, each.run_id) for each in self.histories}
        lost = next((each for each in places if each not in found), None)
        if lost is not None and not self.untold:
            self.untold = gone(f"{legible(lost[0])}, run {lost[1]}")


class AttestActivities:
    """Speaks for the one writer."""

    def __init__(self, ledger: Ledger, artifacts: Path) -> None:
        self._ledger = ledger
        self._artifacts = artifacts  # made where the first bundle is put there
        self._anchoring: Anchoring | None = None

    def sign_by(self, anchoring: Anchoring) -> None:
        """Sign with what signs the ledger's checkpoints."""
        self._anchoring = anchoring

    @activity.defn(name=contract.attest.name)
    @governed
    async def attest(self, request: contract.AttestRequest) -> contract.Attested:
        """Put the bundle into the artefact store."""
        if self._anchoring is None:
            raise UnavailableError("the ledger's worker does not sign yet: try again")
        later = _Later()
        histories = await _histories(activity.client(), request, later)
        note = await self._anchoring.once(now=True)  # (3) every entry is under it
        if note is None:
            raise UnavailableError("the ledger has no entry yet: try again")
        proofs = await asyncio.to_thread(self._proofs, runs_of(histories), note)
        agreement = await self._agreement(histories, later, activity.client().namespace)
        files = await asyncio.to_thread(_files, histories, proofs)
        about = _about(histories, note)
        bundle = await _signed(about, files, proofs, agreement, self._anchoring)
        data = (await asyncio.to_thread(bundle.text)).encode()
        _require_small(len(data))
        stored = await asyncio.to_thread(self._put, data)
        return contract.Attested(
            digest=stored.digest,
            size=len(data),
            entries=len(proofs),
            histories=len(histories),
            checkpoint=note.checkpoint.size,
        )

    def _put(self, data: bytes) -> StoredArtifact:
        return Artifacts(self._artifacts).put(data, MEDIA_TYPE)

    async def _agreement(
        self, histories: Sequence[History], later: _Later, namespace: str
    ) -> Agreement:
        """Say whether these histories and the ledger agree (5)."""
        looked_at = [*histories, *later.histories]
        try:
            artifacts = Artifacts(self._artifacts)
            found = await judged(looked_at, self._ledger.path, artifacts, namespace)
        except IntegrationError as error:
            return Agreement(0, untold=sentence(str(error)))
        count, first = len(found.disagreements), "".join(map(str, found.disagreements[:1]))
        untold = found.untold or later.untold
        if found.unended:  # what it does yet nobody has compared
            untold = untold or f"{legible(found.unended[0])} was under way"
        return Agreement(count, legible(first, DISPUTE_LENGTH_MAX), sentence(untold))

    def _proofs(self, runs: list[tuple[str, str]], note: SignedNote) -> list[EntryProof]:
        places = places_of(self._ledger.path, runs, ENTRIES_MAX + 1)
        if len(places) > ENTRIES_MAX:
            raise DeniedError(f"the run has more than {ENTRIES_MAX} entries: export the ledger")
        return prove_many(self._ledger.path, places, note)


async def _signed(
    about: Mapping[str, Any],
    files: Mapping[str, str],
    proofs: Sequence[EntryProof],
    agreement: Agreement,
    anchoring: Anchoring,
) -> Bundle:
    encoded = {name: text.encode() for name, text in files.items()}
    said = statement(about, encoded, [each.told() for each in proofs], agreement)
    signatures = await anchoring.sign(pae(said.encode()))
    return Bundle(said, tuple((keyid_of(key), sig) for key, sig in signatures), files)


def _about(histories: Sequence[History], note: SignedNote) -> dict[str, Any]:
    """Return which runs the evidence is about, and under which note it stands.

    A history of a run that was reset begins with what others did before: those are named too.
    """
    run, *stages = [{"workflow": each.workflow_id, "run": each.run_id} for each in histories]
    own = {(each.workflow_id, each.run_id) for each in histories}
    earlier = [each for each in runs_of(histories) if each not in own]
    return {
        **run,
        "stages": stages,
        "earlier": [{"workflow": workflow, "run": each} for workflow, each in earlier],
        "ledger": note.checkpoint.origin,
        "note": note.text(),
    }


def _files(histories: Sequence[History], proofs: Sequence[EntryProof]) -> dict[str, str]:
    named = {f"{HISTORIES}{number:04}.json": text_of(each) for number, each in enumerate(histories)}
    return named | {ENTRIES: "".join(f"{canonical(each.value())}\n" for each in proofs)}


async def _histories(
    client: Client, request: contract.AttestRequest, later: _Later
) -> list[History]:
    """Return the histories of the run and of its stages, the run's first (1).

    ``later`` takes those that stages have been since somebody took them back (5).
    """
    try:
        found = await described(client, request.workflow, request.run or None)
        if not found.HasField("close_time"):
            # (2) a part would look like the whole
            raise DeniedError(f"{request.workflow!r} is under way: ask again when it is over")
        histories: list[History] = []
        size = 0
        since: list[tuple[str, str]] = []
        run = found.execution.run_id
        async for history in with_stages(client, request.workflow, run, None, since):
            read = await asyncio.to_thread(read_history, history)
            if (read.workflow_id, read.run_id) in since:  # the SDK names the run of its first life
                later.take(read, bytes_of(history))
                continue
            if len(histories) > STAGES_MAX:
                raise DeniedError(
                    f"the run has more than {STAGES_MAX} stages: export them by themselves, each "
                    "by its workflow id and --run-id"
                )
            size += bytes_of(history)
            _require_small(size)  # as JSON it only grows
            histories.append(read)
        later.require(since)
    except RPCError as error:
        if error.status in NO_SUCH_RUN:
            which = f"run {request.run}" if request.run else "such run"
            raise MeantError(
                f"temporal knows no {which} of {request.workflow!r}, or not any more",
                type=contract.UNKNOWN_RUN,
            ) from None
        raise UnavailableError(f"temporal does not answer ({error})") from None
    return histories


def _require_small(size: int) -> None:
    if size > BUNDLE_BYTES_MAX:  # (4) nothing is left out
        raise DeniedError(
            f"the evidence has {size} bytes and the limit is {BUNDLE_BYTES_MAX}: keep "
            "histories and an export of the ledger by themselves"
        )
