"""What a stage of an earlier run has packaged: named by the ledger, read from the artefact store.

1. The ledger says which manifest PACKAGE has written, and whether that can be known: see
   ``dsl.rules.reconciliation.reusable``. All else is in the manifest, read under its digest.
2. Every byte is hashed again, of every output: what is handed on is what was packaged.
3. What is missing, was altered or cannot be read is nothing, and why is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from dsl.core import AgentOutput, AgentPhase, OutputType
from dsl.limits import ARTIFACT_BYTES_MAX
from dsl.rules.reconciliation.recorded import Recorded, entry_ms
from dsl.rules.reconciliation.reusable import (
    ENTRIES_MAX,
    OF_A_STAGE,
    OF_ITS_RUN,
    Compared,
    KnownStage,
    NotKnownError,
    known_stage,
)
from dsl.rules.run.reuse import ACCOUNT, MANIFEST, REPORT, Manifest
from dsl.values.canonical import INTEGER_MAX
from dsl.values.strict_json import JsonError, read
from integrations.artifacts.store import Artifacts
from integrations.errors import CorruptError, DeniedError, NotFoundError
from integrations.ledger.lookup import of_workflow, recorded

END_OF_LEDGER: Final = INTEGER_MAX  # no place is beyond it


class NothingPackagedError(Exception):
    """Nothing can be taken; the text says why, of the stage before."""


@dataclass(frozen=True, slots=True)
class Packaged:
    """What the ledger says, in the entry of PACKAGE, and what the store has of it."""

    entry: Recorded
    manifest: Manifest
    digest: str  # of the manifest
    outputs: tuple[AgentOutput, ...]  # with the manifest itself, and the report
    output: dict[str, Any]  # what conditions may read
    violations: int  # of its agent, there

    @property
    def at_ms(self) -> int:
        """When it was recorded."""
        return entry_ms(self.entry)


def packaged(path: Path, store: Artifacts, stage: str, compared: Compared, after: int) -> Packaged:
    """Return what that stage of a run has packaged that has begun at ``after`` on the ledger.

    Raises:
        NothingPackagedError: nothing that can be known, or not what was packaged (3).
        CorruptError: the ledger was altered.
        UnavailableError: ledger or store cannot be read.
    """
    known = _known(path, stage, compared, after)
    entry, end = known.package, known.end
    digest = str(entry.payload.get("manifest"))
    text = _kept(store, digest, MANIFEST)
    manifest = _read(text)
    if manifest.agent != entry.agent:
        raise NothingPackagedError("its manifest is another agent's")
    itself = _engines(MANIFEST, AgentPhase.PACKAGE, digest, len(text), "application/json")
    account = b"{}"
    for each in manifest.outputs:  # (2) every byte
        data = _kept(store, each.digest, each.name)
        account = data if each.name == ACCOUNT else account
    outputs = (*manifest.outputs, itself, *_report(store, end.payload.get("outputs")))
    return Packaged(entry, manifest, digest, outputs, _output(account), known.violations)


def _known(path: Path, stage: str, compared: Compared, after: int) -> KnownStage:
    """Return what the ledger says of the stage (1)."""

    def entries(workflow: str, actions: tuple[str, ...]) -> list[Recorded]:
        most, end = ENTRIES_MAX + 1, END_OF_LEDGER
        found = of_workflow(path, workflow, actions, most, after=after, before=end)
        return list(map(recorded, found))

    of_stage = entries(f"{compared.workflow}/{stage}", OF_A_STAGE)
    try:
        return known_stage(stage, of_stage, entries(compared.workflow, OF_ITS_RUN), compared)
    except NotKnownError as error:
        raise NothingPackagedError(str(error)) from None


def _read(text: bytes) -> Manifest:
    try:
        return Manifest.model_validate(read(text, bytes_max=ARTIFACT_BYTES_MAX))
    except (JsonError, ValidationError):
        raise NothingPackagedError("its manifest cannot be read") from None


def _report(store: Artifacts, told: Any) -> Iterable[AgentOutput]:
    """Yield the report, which is written after the manifest."""
    digest = told.get(REPORT) if isinstance(told, Mapping) else None
    if isinstance(digest, str):
        size = len(_kept(store, digest, REPORT))
        yield _engines(REPORT, AgentPhase.REPORT, digest, size, "text/markdown")


def _engines(name: str, phase: AgentPhase, digest: str, size: int, media_type: str) -> AgentOutput:
    return AgentOutput(
        name=name,
        phase=phase,
        output_type=OutputType.GAMMA,
        digest=digest,
        size=size,
        media_type=media_type,
    )


def _output(account: bytes) -> dict[str, Any]:
    try:
        told = read(account, bytes_max=ARTIFACT_BYTES_MAX)
    except JsonError:
        raise NothingPackagedError(f"its {ACCOUNT} cannot be read") from None
    output = told.get("output") if isinstance(told, dict) else None
    return output if isinstance(output, dict) else {}


def _kept(store: Artifacts, digest: str, name: str) -> bytes:
    try:
        return store.get(digest)
    except NotFoundError:
        raise NothingPackagedError(f"its {name} is not kept any more") from None
    except (CorruptError, DeniedError):
        raise NothingPackagedError(f"its {name} is not what was packaged") from None
