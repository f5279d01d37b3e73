"""LedgerAnchor: keeps the last signed notes of one ledger, where its host cannot rewrite them.

The ledger's worker starts it with the first note. It never ends by itself.

1. It keeps what has the form of a note of its ledger, the newest last, ``NOTES_KEPT`` of them. It
   believes none: whoever reads them looks for a signature. Whoever may write to the namespace may
   publish here, so a note that claims a larger size keeps no other out.
2. A note that it keeps already changes nothing. One that it cannot take is refused without a trace
   in history.
3. What it keeps is in its memo as well: that is read with no worker at hand.
4. A long history is left behind, and all that is kept goes on.
"""

from __future__ import annotations

from typing import Any, Final

from temporalio import workflow
from temporalio.common import RawValue

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from activities.contracts.anchor_specs import (
        LEDGER_ANCHOR_WORKFLOW,
        MEMO,
        NOTES_KEPT,
        PUBLISH,
        AnchorHeld,
        AnchorNote,
    )
    from dsl.rules.ledger.note import SignedNote
    from dsl.values.model_faults import fault_of
    from workflows.messages.inputs import MessageError, decode
    from workflows.runtime import failures

_USE: Final = "the ledger's worker starts it and publishes here, nobody else has to"


@workflow.defn(name=LEDGER_ANCHOR_WORKFLOW, sandboxed=False)  # docs/adr/0008
class LedgerAnchor:
    """The notes of one ledger."""

    def __init__(self) -> None:
        self._held: AnchorHeld | None = None

    @workflow.run
    async def run(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # must be exactly RawValue
        """Keep notes, for good."""
        try:
            self._held = AnchorHeld.model_validate(decode([payload]))
            for each in self._held.notes:
                SignedNote.parse(each)
        except ValidationError as error:
            raise failures.invalid(f"{fault_of(error)}: {_USE}") from None
        except (MessageError, ValueError) as error:
            raise failures.invalid(f"{error}: {_USE}") from None
        self._show()
        # (4) a long history is left behind
        await workflow.wait_condition(lambda: workflow.info().is_continue_as_new_suggested())
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self._held.model_dump(mode="json"))

    @workflow.update(name=PUBLISH)
    async def publish(self, payload: RawValue) -> int:
        """Keep one note; return how many are kept. For the ledger's worker."""
        # It may come with the start, and is handed over first.
        await workflow.wait_condition(lambda: self._held is not None)
        told = self._read(payload)
        held = self._require()
        if told.note not in held.notes:  # (2) kept already
            notes = (*held.notes, told.note)[-NOTES_KEPT:]
            self._held = AnchorHeld(origin=held.origin, notes=notes, keys=told.keys or held.keys)
            self._show()
        return len(self._require().notes)

    @publish.validator
    def _validate_publish(self, payload: RawValue) -> None:
        self._read(payload)

    @workflow.query(name="note")
    def note(self) -> str:
        """Return the last note that was published; whether it is signed is for you to find out."""
        notes = self._held.notes if self._held else ()
        return notes[-1] if notes else ""

    @workflow.query(name="notes")
    def notes(self) -> dict[str, Any]:
        """Return everything that is kept."""
        return self._held.model_dump(mode="json") if self._held else {}

    def on_bad_message(self, name: str, why: str) -> None:
        """Say nothing: nobody sends signals here."""

    def _read(self, payload: RawValue) -> AnchorNote:
        try:
            told = AnchorNote.model_validate(decode([payload]))
            found = SignedNote.parse(told.note)
        except ValidationError as error:
            raise MessageError(f"{fault_of(error)}: {_USE}") from None
        except ValueError as error:
            raise MessageError(f"this is no note: {error}") from None
        held = self._held
        if held is not None and found.checkpoint.origin != held.origin:
            raise MessageError(
                f"the notes of {held.origin!r} are kept here, and this one is of "
                f"{found.checkpoint.origin!r}"
            )
        return told

    def _require(self) -> AnchorHeld:
        if self._held is None:
            raise MessageError("it has not begun")
        return self._held

    def _show(self) -> None:
        held = self._require()
        workflow.upsert_memo({MEMO: held.model_dump(mode="json")})  # (3) read with no worker
        size = SignedNote.parse(held.notes[-1]).checkpoint.size if held.notes else 0
        workflow.set_current_details(
            Markdown.of("{}: {} entries, {} notes kept", held.origin, size, len(held.notes))
        )
