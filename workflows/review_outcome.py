"""ReviewOutcome: what became of a suggestion, put on the ledger.

1. With a proof it is a person's word, without one that of the name that was claimed; which, is on
   record. An outcome gives nobody anything: it moves the rank of later suggestions, and whoever
   counts them can leave out what was only claimed.
2. A proof that is no good is refused, and nothing is recorded.
3. Whether the suggestion was ever made is not asked: reviews are made where no ledger is, too.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from pydantic import AfterValidator, Field, ValidationError

    from activities.contracts import specs
    from activities.contracts.meant import MeantError
    from dsl.actions import REVIEW_OUTCOME
    from dsl.core import Value
    from dsl.limits import PERSON_LENGTH_MAX, REASON_LENGTH_MAX
    from dsl.review.outcome import OutcomeKind, remedy_in
    from dsl.rules.proofs.proof import PROOF_LENGTH_MAX, REVIEW, reason_digest
    from dsl.values.model_faults import fault_of
    from workflows.ledger.ledger_buffer import LedgerBuffer
    from workflows.messages.inputs import MessageError, decode
    from workflows.runtime import failures
    from workflows.trust.word import whose_word

_USE: Final = "use `mandate review outcomes SUGGESTION accepted|rejected|reverted --reason TEXT`"


def _known(suggestion: str) -> str:
    remedy_in(suggestion)
    return suggestion


class _OutcomeMessage(Value):
    suggestion: Annotated[str, AfterValidator(_known)]
    outcome: OutcomeKind
    reason: str = Field(min_length=1, max_length=REASON_LENGTH_MAX, pattern=r"\S")
    by: str = Field(default="", max_length=PERSON_LENGTH_MAX)
    proof: str = Field(default="", max_length=PROOF_LENGTH_MAX)


@workflow.defn(name=specs.REVIEW_OUTCOME_WORKFLOW, sandboxed=False)  # docs/adr/0008
class ReviewOutcome:
    """Record one outcome."""

    def __init__(self) -> None:
        self._records = LedgerBuffer("review")

    @workflow.run
    async def run(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # must be exactly RawValue
        """Return what was recorded, whose word it was, and where the ledger says so."""
        told = _read(payload)
        try:
            by, how = await self._whose(told)
            fields = told.model_dump(mode="json", exclude={"proof", "by"})
            self._records.note(REVIEW_OUTCOME, **fields, by=by, how=how)
            await self._records.flush("outcome of a suggestion")
        except ActivityError as error:
            raise _refused(failures.cause_of(error)[1]) from None
        return {**fields, "by": by, "how": how, "ledger": list(self._records.range or ())}

    async def _whose(self, told: _OutcomeMessage) -> tuple[str, str]:
        """Return whose word it is, and how that is known (1); no bad proof is taken (2)."""
        return await whose_word(
            told.by,
            told.proof,
            REVIEW,
            {
                "suggestion": told.suggestion,
                "outcome": told.outcome.value,
                "reason": reason_digest(told.reason),
            },
            activity_id="review/prove#1",
            summary=Markdown.of("whose word is it about {}?", told.suggestion),
            refused=failures.OUTCOME_REFUSED,
        )


def _read(payload: RawValue) -> _OutcomeMessage:
    try:
        return _OutcomeMessage.model_validate(decode([payload]))
    except ValidationError as error:
        raise _refused(f"{fault_of(error)}: {_USE}") from None
    except MessageError as error:
        raise _refused(f"{error}: {_USE}") from None


def _refused(why: str) -> ApplicationError:
    return MeantError(why, type=failures.OUTCOME_REFUSED)
