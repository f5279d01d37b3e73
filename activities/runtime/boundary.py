"""Where adapter failures become Temporal failures, and what every activity does alike.

1. An activity refuses to run without a workflow: a stand-alone one (Temporal can start those)
   has no plan, no gate and no record behind it.
2. ``DeniedError``, ``NotFoundError``, ``CorruptError``, ``RevokedError`` and ``ColdError`` are
   final for the activity: another attempt with the same request cannot succeed. So is whatever
   would repeat an effect; see ``activities.runtime.effect``. Everything else stays retryable:
   Temporal's retry policy is the only retry loop; where a service says when to come back, it waits
   as long.
3. What an agent failed at is ``AgentFailed``, final here; the workflow counts it for ``retry:``.
   What it must not do is ``ViolationError``, final as well; see ``activities.runtime.violation``.
   Either carries in its details what else was seen; so does every ending that is meant carry
   what the agent has erred for its budget. ``BudgetSpent`` is final, and no try follows it.
4. Whatever is raised on purpose is meant, and everything else a bug, which keeps the place it was
   raised at; see ``activities.contracts.meant``. No failure carries a token or a chain of causes:
   messages are redacted, the cause is cut. None is of a length or of characters that the server
   refuses.
5. What an open circuit lets not begin is final here as well, and says for how long: the workflow
   waits, where people see it, and asks again.
6. It heartbeats while it runs, so that its worker's death is noticed and its cancel arrives. A
   local one does not: its workflow task does that for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.contracts import messages, specs, trust_specs
from activities.contracts.circuit_specs import CIRCUIT_OPEN, CircuitOpen
from activities.contracts.meant import BugError, MeantError
from activities.contracts.resumption import SpentUntil, Violated
from activities.runtime.effect import Attempt, OutcomeLostError, attempt, beat
from activities.runtime.spent import BudgetSpentError
from activities.runtime.violation import ViolationError, said, violation_of
from dsl.limits import NOTIFY_RETRY_AFTER_MS_MAX, REASON_LENGTH_MAX
from dsl.rules.health.breaker import CircuitState
from dsl.rules.trust.violations import Violation
from integrations import errors
from integrations.agents.contract.protocol import AgentError
from integrations.redaction import redact_tokens

P = ParamSpec("P")
R = TypeVar("R")

HEARTBEAT_EVERY_S: Final = 3.0
LAST_WORDS_MAX: Final = 300  # characters
WORDS_MAX: Final = 20_000  # characters; a failure that names a hundred artefacts has 15,000
_FINAL: Final = (
    errors.DeniedError,
    errors.NotFoundError,
    errors.CorruptError,
    errors.RevokedError,
    errors.ColdError,
)


def governed(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Run an activity under the rules of this module."""

    @wraps(function)
    async def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        if not activity.info().workflow_id:  # (1) a stand-alone one has nothing behind it
            raise MeantError(
                f"{activity.info().activity_type} runs only inside a workflow", type="Standalone"
            )
        # (6) a local one needs no heartbeat
        beats = nullcontext() if activity.info().is_local else _heartbeats()
        with attempt() as this, beats:
            try:
                return _told_errors(await function(*args, **kwargs), this)
            except ApplicationError:
                raise
            except Exception as error:  # noqa: BLE001  # (4) a bug
                failure = _failure(error, may_have_acted=this.may_have_acted)
                raise _with_errors(failure, this) from None

    return inner


def _told_errors(result: R, this: Attempt) -> R:
    """Return ``result`` with what the agent has erred (3)."""
    if this.erred and isinstance(result, messages.PhaseResult):
        return result.model_copy(update={"erred": this.erred, "erred_words": this.words})
    return result


def _with_errors(failure: ApplicationError, this: Attempt) -> ApplicationError:
    """Have ``failure`` tell what the agent has erred (3)."""
    if not this.erred or not isinstance(failure, MeantError):
        return failure
    told = this.told().model_dump(mode="json")
    return MeantError(
        failure.message,
        *failure.details,
        told,
        type=failure.type or "",
        non_retryable=failure.non_retryable,
    )


def _failure(error: Exception, *, may_have_acted: bool) -> ApplicationError:
    match error:
        case ViolationError():
            return _violated(error.kind, str(error))
        case errors.CircuitOpenError():
            return _waits(error)
        case errors.IntegrationError():
            return _translated(error)
        case OutcomeLostError():
            return MeantError(_words(str(error)), type=specs.OUTCOME_LOST)
    started = "; its program had started, and is not started again for that"
    return BugError(
        _words(f"{type(error).__name__}: {error}{started if may_have_acted else ''}"),
        error,
        non_retryable=may_have_acted,
    )


def _words(text: str) -> str:
    """Return ``text`` as a failure may carry it (4)."""
    short = text if len(text) <= WORDS_MAX else f"{text[:WORDS_MAX]} [...]"
    return redact_tokens(short).encode(errors="backslashreplace").decode()


def _translated(error: errors.IntegrationError) -> ApplicationError:
    message = _words(f"{error}{_last_words(error)}")
    if isinstance(error, AgentError):  # (3) the workflow counts it
        violation = violation_of(error)
        if violation is not None:
            return _violated(violation, message)
        seen = [each.model_dump(mode="json") for each in said(0, error.tokens)]
        seen += [error.checkpoint] if error.checkpoint else []
        kind = specs.AGENT_FAILED if error.retryable else specs.AGENT_FAILED_FOR_GOOD
        if isinstance(error, BudgetSpentError):
            kind = specs.BUDGET_SPENT
            seen.append(SpentUntil(spent_until_ms=error.until_ms).model_dump(mode="json"))
        return MeantError(message, *seen, type=kind)
    return MeantError(
        message,
        type=type(error).__name__,
        non_retryable=isinstance(error, _FINAL),
        next_retry_delay=_delay(error),
    )


def _delay(error: errors.IntegrationError) -> timedelta | None:
    """Return how long a service wants to be left alone (2), within limits."""
    if not isinstance(error, errors.RateLimitedError):
        return None
    return timedelta(milliseconds=min(max(1.0, error.wait_s * 1000), NOTIFY_RETRY_AFTER_MS_MAX))


def _waits(error: errors.CircuitOpenError) -> ApplicationError:
    """Return what a workflow waits by (5)."""
    state = CircuitState(error.state)
    waits = CircuitOpen(circuit=error.circuit, state=state, left_ms=max(-1, error.left_ms))
    return MeantError(str(error), waits.model_dump(mode="json"), type=CIRCUIT_OPEN)


def _violated(kind: Violation, message: str) -> ApplicationError:
    text = _words(message)
    violated = Violated(kind=kind, detail=text[:REASON_LENGTH_MAX])
    return MeantError(text, violated.model_dump(mode="json"), type=trust_specs.VIOLATION)


def _last_words(error: errors.IntegrationError) -> str:
    """Return where an agent was, and the last line it wrote to stderr: mostly the reason."""
    detail = getattr(error, "detail", {})
    step = str(detail.get("step", ""))[:LAST_WORDS_MAX]
    lines = str(detail.get("stderr", "")).split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    where = f"; its last step: {step}" if step else ""
    return f"{where}; it said: {said[:LAST_WORDS_MAX]}" if said else where


@contextmanager
def _heartbeats() -> Iterator[None]:
    """Give signs of life meanwhile, by a timer: most activities are over before the first."""
    loop = asyncio.get_running_loop()
    due: asyncio.TimerHandle

    def wait() -> None:
        nonlocal due
        due = loop.call_later(HEARTBEAT_EVERY_S, again)

    def again() -> None:
        wait()
        beat()

    wait()
    try:
        yield
    finally:
        due.cancel()
