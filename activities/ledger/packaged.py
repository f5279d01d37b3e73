"""What a stage of an earlier run has packaged: named by the ledger, read from the artefact store.

1. The ledger says which manifest PACKAGE has written, and that the stage completed after. All else
   is in the manifest, which is read under its digest.
2. Every byte is hashed again, of every output: what is handed on is what was packaged.
3. What is missing, was altered or cannot be read is nothing, and why is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from dsl import actions
from dsl.core import AgentOutput, AgentPhase, OutputType, StageStatus
from dsl.limits import ARTIFACT_BYTES_MAX
from dsl.rules.run.reuse import ACCOUNT, MANIFEST, REPORT, Manifest
from dsl.values.strict_json import JsonError, read
from integrations.artifacts.store import Artifacts
from integrations.errors import CorruptError, DeniedError, NotFoundError
from integrations.ledger.entries import Entry
from integrations.ledger.lookup import moment_ms, of_workflow

ENTRIES_MAX: Final = 1_000  # of one stage, of these kinds
_PACKAGED: Final = f"agent.{AgentPhase.PACKAGE.lower()}"
_OF_STAGE: Final = (_PACKAGED, actions.AGENT_ENDED, actions.AGENT_VIOLATED)


class NothingPackagedError(Exception):
    """Nothing can be taken; the text says why, of the stage before."""


@dataclass(frozen=True, slots=True)
class Packaged:
    """What the ledger says, in the entry of PACKAGE, and what the store has of it."""

    entry: Entry
    manifest: Manifest
    digest: str  # of the manifest
    outputs: tuple[AgentOutput, ...]  # with the manifest itself, and the report
    output: dict[str, Any]  # what conditions may read
    violations: int  # of its agent, there

    @property
    def at_ms(self) -> int:
        """When it was recorded."""
        return moment_ms(self.entry)


def packaged(path: Path, store: Artifacts, place: str, *, after: int, before: int) -> Packaged:
    """Return what the stage of that workflow id has packaged between two places of the ledger.

    Raises:
        NothingPackagedError: nothing, or not what was packaged (3).
        CorruptError: the ledger was altered.
        UnavailableError: ledger or store cannot be read.
    """
    found = of_workflow(path, place, _OF_STAGE, ENTRIES_MAX, after=after, before=before)
    entry, end = _named(found)
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
    violations = sum(each.action == actions.AGENT_VIOLATED for each in found)
    return Packaged(entry, manifest, digest, outputs, _output(account), violations)


def _named(found: Sequence[Entry]) -> tuple[Entry, Entry]:
    """Return the entries of PACKAGE and of the end of a stage (1)."""
    # Whoever may reset a stage has it end twice, and only one of the two was compared.
    if len({each.run_id for each in found if each.action in (_PACKAGED, actions.AGENT_ENDED)}) > 1:
        raise NothingPackagedError(
            "it was repeated there, and which of its runs counts is not said"
        )
    end: Entry | None = None
    for entry in found:  # the newest first
        if end is None and entry.action == actions.AGENT_ENDED:
            end = entry
            status = end.payload.get("status")
            if status != StageStatus.COMPLETED:
                raise NothingPackagedError(f"it was {status} there")
        elif end is not None and entry.action == _PACKAGED:
            return entry, end
    raise NothingPackagedError("it did not come to its end there" if end is None else _NONE)


_NONE: Final = "the ledger does not say what it has packaged there"


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
