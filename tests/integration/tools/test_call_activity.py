"""``tool.call`` makes what was decided on, by its first attempt, while the approval is good."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.contracts.messages import EntryDraft, RecordRequest, RecordResult
from activities.contracts.tool_specs import CallMade, CallRequest
from activities.ledger.record import LedgerActivities
from activities.phases.tools.proven_effects import ProvenEffects
from activities.tools.calling import ToolCalls
from activities.tools.intents import Intents
from dsl.core import Tier
from dsl.rules.tools.calls import Occurrence, call_of
from dsl.rules.tools.journal import CallStatus
from dsl.steps.tools import KnownTool
from dsl.tools.folders import ToolFolders
from integrations.artifacts.spent import SpentCalls
from integrations.artifacts.store import Artifacts
from integrations.errors import DeniedError
from integrations.ledger.ledger import Ledger
from integrations.ledger.verify import tail
from integrations.tools.serving import Surroundings
from tests.fixtures.tools.shop import Shop

MINUTE_MS = 60_000
EFFECT = "refund:${{ args.amount }}"


@pytest.fixture
async def shop(tmp_path: Path) -> Shop:
    for name in ("tools", "room"):
        (tmp_path / name).mkdir()
    made = Shop(tmp_path / "tools", tmp_path / "room")
    await made.open()
    return made


def occurrence(shop: Shop, amount: int = 82) -> Occurrence:
    call = call_of(shop.name, "refund", {"amount": amount})
    return Occurrence(call=call, plan="p", run="r", run_id="1", stage="work", ordinal=1)


async def made(shop: Shop, tmp_path: Path, *, attempt: int = 1, **asked: Any) -> CallMade:
    of = occurrence(shop)
    said = {"occurrence": of, "digest": of.digest(), "agent": "a", "entity": "e", "tier": Tier.T1}
    store = asked.pop("store", None) or Artifacts(tmp_path / "a")
    calls = ToolCalls(
        ToolFolders([tmp_path / "tools"]),
        Surroundings(),
        store,
        proven=asked.pop("proven", None),
        intents=asked.pop("intents", None),
    )
    environment = ActivityEnvironment()
    workflow = asked.pop("workflow", "Agent")
    environment.info = replace(
        environment.info,
        attempt=attempt,
        workflow_type=workflow,
        activity_id=asked.pop("activity", "work/call#1"),
    )
    answer: CallMade = await environment.run(calls.call, CallRequest(**{**said, **asked}))
    return answer


async def test_it_is_made_while_the_approval_is_good(shop: Shop, tmp_path: Path):
    until_ms = int(time.time() * 1_000) + MINUTE_MS
    answer = (await made(shop, tmp_path, good_until_ms=until_ms)).answer

    assert (answer.status, answer.text) == ("ok", "paid 82")


@pytest.mark.parametrize(
    ("asked", "status", "why"),
    [
        ({"good_until_ms": 1}, "not_made", "its approval has expired"),
        ({"digest": "sha256:820"}, "not_made", "another occurrence was decided on"),
        ({"tier": Tier.T0}, "not_made", "asks for T1, and the stage has T0"),
        ({"workflow": "Pipeline"}, "not_made", "only the stage of an agent calls tools"),
        ({"tier": Tier.T3}, "not_made", "is made on queue mandate-t3"),
        ({"attempt": 2}, "unknown", "its worker died meanwhile"),
    ],
)
async def test_nothing_else_reaches_the_server(
    shop: Shop, tmp_path: Path, asked: dict[str, Any], status: str, why: str
):
    answer = (await made(shop, tmp_path, **asked)).answer

    assert answer.status == status
    assert why in answer.text
    assert shop.paid == []


async def test_what_was_approved_is_not_good_for_another_amount(shop: Shop, tmp_path: Path):
    approved, wanted = occurrence(shop, 82), occurrence(shop, 820)
    answer = (await made(shop, tmp_path, occurrence=wanted, digest=approved.digest())).answer

    assert answer.status == "not_made"
    assert shop.paid == []


def along(of: Occurrence, *before: EntryDraft, **said: Any) -> RecordRequest:
    """The intent of a call, as it goes with that."""
    payload = {"occurrence": of.digest(), "effect": f"refund:{of.call.arguments['amount']}"}
    intent = EntryDraft(action="tool.intended", agent="a", tier=Tier.T1, payload=payload | said)
    return RecordRequest(entries=(*before, intent))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as found:
        yield found


async def test_an_intent_that_goes_along_is_on_the_ledger_before_the_call(
    shop: Shop, tmp_path: Path, ledger: Ledger
):
    intents = Intents(lambda: LedgerActivities(ledger))
    first: dict[str, Any] = {"record": along(occurrence(shop)), "intents": intents}
    done = await made(shop, tmp_path, **first)
    assert done.recorded is not None
    assert done.answer.status == "ok"

    # Another attempt has it recorded no second time, and calls nothing.
    again = await made(shop, tmp_path, **first, attempt=2)
    assert again.recorded == done.recorded
    assert again.answer.status == "unknown"

    # The same effect by another call is not brought about.
    of = occurrence(shop).model_copy(update={"ordinal": 2})
    other: dict[str, Any] = {"record": along(of), "occurrence": of, "digest": of.digest()}
    taken = await made(shop, tmp_path, intents=intents, activity="work/call#2", **other)
    assert taken.recorded is not None
    assert taken.recorded.taken == {"refund:82": done.recorded.last + 1}
    assert taken.answer.status == "not_made"

    assert [each["amount"] for each in shop.paid] == [82]
    kinds = [entry.action for entry in tail(tmp_path / "ledger.db", 10)]
    assert kinds == ["tool.intended", "tool.effect", "tool.intended"]


class Broken:
    """A ledger with a bug."""

    async def append(self, _request: RecordRequest) -> RecordResult:
        raise ZeroDivisionError


class Slow:
    """A ledger that does not answer."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()

    async def append(self, _request: RecordRequest) -> RecordResult:
        self.is_asked.set()
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize(("attempt", "status"), [(1, "not_made"), (2, "unknown")])
async def test_who_is_cancelled_before_the_ledger_answers_says_what_he_can_know(
    shop: Shop, tmp_path: Path, attempt: int, status: str
):
    slow = Slow()
    asked = {"record": along(occurrence(shop)), "intents": Intents(lambda: slow)}
    calling = asyncio.create_task(made(shop, tmp_path, attempt=attempt, **asked))
    await slow.is_asked.wait()
    calling.cancel()

    assert (await calling).answer.status == status
    assert shop.paid == []


async def test_who_stood_still_before_the_call_makes_none(
    shop: Shop, tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    """Another attempt may have been told meanwhile that nobody knows what became of it."""
    monkeypatch.setattr("activities.tools.calling.STOOD_STILL_S", 0.0)
    intents = Intents(lambda: LedgerActivities(ledger))
    found = await made(shop, tmp_path, record=along(occurrence(shop)), intents=intents)

    assert (found.answer.status, shop.paid) == ("not_made", [])
    assert found.recorded is not None


async def test_without_a_ledger_that_takes_its_intent_nothing_is_called(
    shop: Shop, tmp_path: Path, ledger: Ledger
):
    here, of = Intents(lambda: LedgerActivities(ledger)), occurrence(shop)
    of_stage = EntryDraft(action="agent.intended", agent="a", tier=Tier.T1)
    tried = [
        (Intents(), along(of)),  # nobody writes it here
        (here, along(of, occurrence="sha256:820")),  # the intent of another call
        (here, along(of, of_stage)),  # what somebody else waits for
        (here, RecordRequest(entries=())),
    ]
    ledger.hold("its anchor knows better")
    tried.append((here, along(of)))
    tried.append((Intents(Broken), along(of)))
    for intents, record in tried:
        found = await made(shop, tmp_path, record=record, intents=intents)
        assert found.recorded is None
        assert found.answer.status == "not_made"
        assert "its intent has to be recorded first" in found.answer.text
    later = await made(shop, tmp_path, record=along(of), intents=Intents(), attempt=2)

    assert later.answer.status == "unknown"  # the attempt before may have had it recorded
    assert shop.paid == []
    assert tail(tmp_path / "ledger.db", 10) == []


async def test_a_call_whose_answer_cannot_be_kept_was_made(shop: Shop, tmp_path: Path):
    shop.declare("long")
    store = Artifacts(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "elsewhere")
    answer = (await made(shop, tmp_path, store=store)).answer

    assert answer.status == "ok"
    assert "its answer cannot be kept" in answer.text
    assert len(shop.paid) == 1


class Once:
    """Lets one call through, as the worker of T3 does, and notes its effect."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self._shop = shop
        self.effects = ProvenEffects(SpentCalls(folder, "effects"))
        self.let_through: list[CallRequest] = []

    async def require(self, request: CallRequest, known: KnownTool) -> None:
        if self.let_through:
            raise DeniedError("it was made before")
        self.let_through.append(request)
        await self.effects.claim(request, known)

    async def settle(self, request: CallRequest, known: KnownTool, status: CallStatus) -> None:
        await self.effects.settle(request, known, status)

    async def claim_of(self, request: CallRequest, known: KnownTool) -> str:
        """Return why another call may not have its effect."""
        other = occurrence(self._shop).model_copy(update={"ordinal": 2})
        environment = ActivityEnvironment()
        with pytest.raises(DeniedError) as refused:
            await environment.run(
                self.effects.claim, request.model_copy(update={"occurrence": other}), known
            )
        return str(refused.value)


class Edits(Once):
    """Likewise; and somebody edits the declaration as the call is made."""

    async def require(self, request: CallRequest, known: KnownTool) -> None:
        await super().require(request, known)
        self._shop.declare("good")  # that names no effect


@pytest.mark.parametrize("again", [{}, {"digest": "sha256:820"}, {"attempt": 2}])
async def test_who_is_not_let_through_says_nothing_of_an_effect_that_is_asked_for(
    shop: Shop, tmp_path: Path, again: dict[str, Any]
):
    shop.declare("good", tools={"refund": {"effect": EFFECT}})
    once = Once(shop, tmp_path / "notes")
    of = occurrence(shop)
    said = {"occurrence": of, "digest": of.digest(), "agent": "a", "entity": "e", "tier": Tier.T3}
    known, request = KnownTool(timeout_ms=MINUTE_MS, effect=EFFECT), CallRequest(**said)
    environment = ActivityEnvironment()
    await environment.run(once.require, request, known)  # and its server is asked, meanwhile
    answer = (await made(shop, tmp_path, proven=once, tier=Tier.T3, **again)).answer

    assert answer.status in ("not_made", "unknown")
    assert "is asked for by call" in await once.claim_of(request, known)


async def test_a_call_that_is_cancelled_while_it_claims_its_effect_lets_go_of_it(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A thread writes the claim, and nobody can call that back."""
    once, writes, goes_on = Once(shop, tmp_path / "notes"), asyncio.Event(), threading.Event()
    loop, genuine = asyncio.get_running_loop(), SpentCalls.note

    def held(notes: SpentCalls, *about: Any) -> bool:
        loop.call_soon_threadsafe(writes.set)
        goes_on.wait()
        return genuine(notes, *about)

    monkeypatch.setattr(SpentCalls, "note", held)
    of = occurrence(shop)
    said = {"occurrence": of, "digest": of.digest(), "agent": "a", "entity": "e", "tier": Tier.T3}
    known, request = KnownTool(timeout_ms=MINUTE_MS, effect=EFFECT), CallRequest(**said)
    claiming = asyncio.create_task(ActivityEnvironment().run(once.effects.claim, request, known))
    await writes.wait()
    claiming.cancel()
    await asyncio.sleep(0)  # it is told
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await claiming

    other = request.model_copy(update={"occurrence": of.model_copy(update={"ordinal": 2})})
    await ActivityEnvironment().run(once.effects.claim, other, known)  # it may have it


async def test_an_effect_is_settled_as_it_was_declared_when_the_call_was_let_through(
    shop: Shop, tmp_path: Path
):
    shop.declare("good", tools={"refund": {"effect": EFFECT}})
    once = Edits(shop, tmp_path / "notes")
    answer = (await made(shop, tmp_path, proven=once, tier=Tier.T3)).answer

    assert answer.text == "paid 82"
    assert "was brought about before" in await once.claim_of(
        once.let_through[0], KnownTool(timeout_ms=MINUTE_MS, effect=EFFECT)
    )
