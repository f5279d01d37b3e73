"""A vote that somebody has given elsewhere, as a run takes it: vouched for, once, with an answer.

1. Who somebody is stands in the operator's file, by the account's id, as it is when they vote. An
   account that is not there is told so, and nothing is sent.
2. What is voted on is what was shown. A button says which run, opening and digest that was, and a
   comment when it was written: where the gate is another by now, nothing is sent.
3. A gate that does not take this service's word is answered by a proof, and so is one that asks for
   what no message shows: the line that makes one is said, and nothing is sent.
4. One delivery is one vote, at whatever gate, in whatever run: who sent it and its id make the id
   of the update and the nonce of what is signed, and nothing else does.
5. Whatever happens there is one sentence for whoever has voted.
6. Nobody waits longer than their service does. Who gives their vote again after that is told of the
   one that has come through after all.
7. A delivery that comes again is told what became of it, also where its gate waits no more.
8. What has not counted may be delivered again, when whatever kept it from that was mended. What has
   counted stands.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from dsl.limits import REASON_LENGTH_MAX
from dsl.rules.gates.consensus import is_reason, takes_word_of
from dsl.rules.notify.reading import is_shown_elsewhere
from dsl.rules.proofs.proof import VOUCHED, Proof, encode, reason_digest, statement_of
from dsl.shown.surfaces import Terminal
from dsl.values.canonical import canonical
from integrations.doors.key import DoorKey
from integrations.doors.telling import Taken, Tell
from integrations.errors import DeniedError, IntegrationError, NotFoundError, UnavailableError

LIFE_S: Final = 300
People = Callable[[], Mapping[str, str]]
_DECISIONS: Final = ("approve", "reject")
_APPROVE: Final = "mandate approve {} {}"
_REJECT: Final = "mandate reject {} {}"


class _Described(Protocol):
    @property
    def run_id(self) -> str: ...


class Runs(Protocol):
    """What a ballot needs of whoever reaches runs; see ``integrations.web.engine``."""

    async def describe(self, run: str) -> _Described:
        """Return the newest run of that workflow id."""

    async def query(self, run: str, name: str, *arguments: Any) -> Any:
        """Ask it something."""

    async def update(self, run: str, name: str, argument: Any, *, update_id: str) -> Any:
        """Tell it something, once for one id."""

    async def answered(self, run: str, *, update_id: str) -> Any:
        """Return what it has answered to that, also once it is over."""


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody has said elsewhere."""

    door: str  # slack, github
    account: str  # its id there
    run: str
    gate: str
    decision: str
    reason: str = ""
    delivery: str = ""  # makes it one of a kind
    # What was shown; None: nothing was said of that.
    run_id: str | None = None
    opening: int | None = None
    subject: str | None = None
    at: str | None = None  # when it was written


@dataclass(frozen=True, slots=True)
class Told:
    """What became of it, in a sentence."""

    counted: bool
    text: str
    is_undone: bool = False  # nobody knows of it there: it may be given again


def ended(said: str) -> str:
    """Return a sentence with one mark at its end, whoever has written what it ends with."""
    return said if said.endswith((".", "?", "!")) else f"{said}."


def uncounted(why: object) -> Told:
    """Return that a vote does not count, and why."""
    return Told(counted=False, text=ended(f"It does not count: {why}"))


def undone(error: IntegrationError) -> Told:
    """Return that nothing came of a vote for now."""
    text = ended(f"It could not be given now, try again: {error}")
    return Told(counted=False, text=text, is_undone=True)


def taken(told: Told, tell: Tell) -> Taken:
    """Return a delivery of which that became (8)."""
    return Taken(told.text, tell, is_undone=told.is_undone, is_settled=told.counted)


async def in_time(given: Awaitable[Told], seconds: float) -> Told:
    """Return what became of a vote, or that nobody has heard of it for so long (6)."""
    try:
        async with asyncio.timeout(seconds):
            return await given
    except TimeoutError:
        return undone(UnavailableError(f"no answer within {seconds:g} s"))


class Ballots:
    """Casts votes for accounts of one service."""

    def __init__(self, runs: Runs, people: People, key: DoorKey) -> None:
        """Reach ``runs``; ``people`` returns entities by account, as they are now (1)."""
        self._runs = runs
        self._people = people
        self._key = key

    def knows(self, account: str) -> bool:
        """Tell whether an account is somebody here (1)."""
        return account in self._people()

    async def cast(self, given: Given, row: Mapping[str, Any] | None = None) -> Told:
        """Have it counted, and say what became of it (5).

        Args:
            given: the vote.
            row: what its gate has just said of itself; None, or one that was shortened to fit
                beside others: it is asked.
        """
        try:
            return await self._cast(given, row)
        except NotFoundError as error:
            told = Told(counted=False, text=ended(f"There is nothing to answer: {error}"))
        except DeniedError as error:
            told = uncounted(error)
        except IntegrationError as error:
            return undone(error)
        return await self.earlier(given) or told  # (7) it may have come before

    async def earlier(self, given: Given) -> Told | None:
        """Return what became of the same delivery before (7); None: the run knows of none."""
        try:
            return _told(await self._runs.answered(given.run, update_id=_update_id(given)))
        except DeniedError as error:
            return uncounted(error)
        except NotFoundError:
            return None
        except IntegrationError as error:  # nobody knows: no word on it is the last
            return undone(error)

    async def _cast(self, given: Given, said: Mapping[str, Any] | None) -> Told:
        entity = self._people().get(given.account)
        if entity is None:  # (1) told so
            raise DeniedError(
                f"{given.door} account {given.account} is nobody here: an operator adds it to "
                f"people.{given.door} in the file of MANDATE_NOTIFY"
            )
        if given.decision not in _DECISIONS or not given.delivery:
            raise DeniedError("expected approve or reject, in a delivery that has an id")
        if len(given.reason) > REASON_LENGTH_MAX:
            raise DeniedError(f"a reason has at most {REASON_LENGTH_MAX} characters")
        state = await self._runs.describe(given.run)
        if given.run_id not in (None, state.run_id):  # (2) another run
            raise DeniedError(f"another run is called {given.run!r} since, or it was reset")
        if said is None or "identity" not in said:  # shortened: most of what is judged is not in it
            said = await self._asked(given)
        row = _looked(given, said)
        gate = str(row["gate"])
        reason_required = row.get("reason_required") is True
        if reason_required and not is_reason(given.reason):
            raise DeniedError(f"gate {gate!r} asks for a reason: say why")
        vote = {
            "gate": gate,
            "decision": given.decision,
            "voter": f"{given.door}:{given.account}",
            "reason": given.reason,
            "proof": self._word(given, row, entity, state.run_id),
        }
        told = await self._runs.update(given.run, "vote", vote, update_id=_update_id(given))
        return _told(told)

    async def _asked(self, given: Given) -> Mapping[str, Any]:
        rows = await self._runs.query(given.run, "gates", given.gate)
        row = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else None
        if row is None or not isinstance(row.get("gate"), str):
            raise NotFoundError(f"gate {given.gate!r} of {given.run!r} waits for nobody now")
        return row

    def _word(self, given: Given, row: Mapping[str, Any], entity: str, run_id: str) -> str:
        about = {
            "workflow": given.run,
            "run": run_id,
            "gate": row["gate"],
            "opening": row["opening"],
            "escalated": row["escalated"],
            "plan": row["plan"],
            "inputs": row["inputs"],
            "subject": row["subject_digest"],
            "decision": given.decision,
            "reason": reason_digest(given.reason),
            "door": given.door,
            "account": given.account,
        }
        statement = statement_of(
            VOUCHED,
            about,
            entity=entity,
            expires=int(time.time()) + LIFE_S,
            nonce=_digest(given)[:32],  # (4) one vote
        )
        signature = self._key.sign(canonical(statement).encode())
        return encode(Proof(statement, signature))


def _looked(given: Given, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a gate says of itself, where it may be answered so.

    Raises:
        DeniedError: it may not.
    """
    if given.opening not in (None, row.get("opening")) or _is_before(given.at, row):
        raise DeniedError(f"gate {given.gate!r} was opened anew since: look at it again")
    if given.subject not in (None, row.get("subject_digest")):  # (2) something else
        raise DeniedError(f"gate {given.gate!r} asks for something else since: look again")
    if is_shown_elsewhere(row):  # (3) nobody approves what was not shown
        raise DeniedError(f"{given.door} does not show what this gate asks for; {_line(given)}")
    if not takes_word_of(given.door, row.get("identity") or ()):  # (3) by a proof
        raise DeniedError(f"this gate asks for a proof; {_line(given)}")
    return row


def _is_before(at: str | None, row: Mapping[str, Any]) -> bool:
    """Tell whether something was written before the gate was opened (2), or nobody can say."""
    if at is None:
        return False
    try:
        return datetime.fromisoformat(at) < datetime.fromisoformat(str(row.get("since")))
    except (ValueError, TypeError):  # no time, or one without its zone
        return True


def _line(given: Given) -> str:
    if given.decision == "approve":
        line = Terminal.command(_APPROVE, given.run, given.gate)
    else:
        line = Terminal.command(_REJECT, given.run, given.gate)
    return f"after `mandate login NAME`: {line}"


def _told(answer: Any) -> Told:
    if not isinstance(answer, dict):
        return Told(counted=False, text="The run has not said what became of it.")
    detail = str(answer.get("detail", ""))
    if not answer.get("counted"):
        return uncounted(answer.get("why", detail))
    return Told(counted=True, text=ended(f"Counted: {detail}"))


def _update_id(given: Given) -> str:
    return f"{given.door}-{_digest(given)[:40]}"


def _digest(given: Given) -> str:
    words = (given.door, given.account, given.delivery)  # (4) and nothing else
    return hashlib.sha256("\x00".join(words).encode(errors="replace")).hexdigest()
