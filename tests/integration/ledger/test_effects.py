"""One effect is claimed by one call, whatever else stands in the same record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from activities.contracts.messages import EntryDraft
from activities.ledger.effects import append_claiming, refuse_said_effect
from dsl import actions
from dsl.core import Tier
from dsl.rules.tools.calls import call_of
from dsl.rules.tools.effects import effect_of
from dsl.rules.tools.kept import ARGUMENTS, EXACTLY, exact_text
from dsl.rules.trust.scorecard import OF_STAGE
from dsl.tools.folders import ToolFolders
from integrations.ledger.entries import Draft
from integrations.ledger.ledger import Ledger
from integrations.ledger.verify import tail
from tests.integration.ledger.drafts import draft
from workflows.ledger.facts import fact

EFFECT = "pay/refund:p-4"
OF = {OF_STAGE: {"workflow": "w/stage", "run": "r-stage"}}


def intended(n: int, occurrence: str, **more: Any) -> Draft:
    said = {"occurrence": occurrence, "effect": EFFECT, **more}
    return draft(n, action=actions.TOOL_INTENDED, payload=said)


def not_made(n: int, occurrence: str, **more: Any) -> Draft:
    said = {"occurrence": occurrence, "frees": EFFECT, **more}
    return draft(n, action=actions.TOOL_ANSWERED, payload=said)


def claims(ledger: Path) -> list[tuple[str, str, int]]:
    found = tail(ledger, 100)
    return [
        (e.action, e.payload["occurrence"], e.payload["claim"])
        for e in found
        if e.action in (actions.TOOL_EFFECT, actions.TOOL_FREED)
    ]


async def test_of_two_intents_in_one_record_the_first_has_it(tmp_path: Path):
    file = tmp_path / "ledger.db"
    with Ledger(file) as ledger:
        receipts, taken = await append_claiming(ledger, "n", [intended(1, "a"), intended(2, "b")])
    [claim] = [e for e in tail(file, 100) if e.action == actions.TOOL_EFFECT]

    assert len(receipts) == 2
    assert taken == {EFFECT: claim.seq}
    assert claims(file) == [(actions.TOOL_EFFECT, "a", 0)]


async def test_an_intent_that_nothing_came_of_lets_go_in_the_same_record(tmp_path: Path):
    file = tmp_path / "ledger.db"
    drafts = [intended(1, "a"), not_made(2, "a"), intended(3, "b")]
    with Ledger(file) as ledger:
        _, taken = await append_claiming(ledger, "n", drafts)
        again, _ = await append_claiming(ledger, "n", [intended(4, "b")])  # another attempt

    assert taken == {}
    assert len(again) == 1
    assert claims(file) == [
        (actions.TOOL_EFFECT, "a", 0),
        (actions.TOOL_FREED, "a", 0),
        (actions.TOOL_EFFECT, "b", 1),
    ]


async def test_a_run_lets_go_in_the_stead_of_its_stage(tmp_path: Path):
    file = tmp_path / "ledger.db"
    with Ledger(file) as ledger:
        held = Draft(**{**_fields(intended(1, "a")), "workflow_id": "w/stage", "run_id": "r-stage"})
        await append_claiming(ledger, "n", [held])
        await append_claiming(ledger, "n", [not_made(2, "a")])  # of the run itself: not its own
        before = claims(file)
        await append_claiming(ledger, "n", [not_made(3, "a", **OF)])

    assert before == [(actions.TOOL_EFFECT, "a", 0)]
    assert claims(file)[-1] == (actions.TOOL_FREED, "a", 0)


async def test_what_a_run_claims_for_its_stage_is_of_the_stage(tmp_path: Path):
    file = tmp_path / "ledger.db"
    with Ledger(file) as ledger:
        await append_claiming(ledger, "n", [intended(1, "a", **OF), not_made(2, "a", **OF)])
        _, taken = await append_claiming(ledger, "n", [intended(3, "b")])

    assert taken == {}


def _fields(said: Draft) -> dict[str, Any]:
    return {name: getattr(said, name) for name in Draft.__dataclass_fields__}


def declared(folder: Path, effect: str) -> ToolFolders:
    server = {"name": "pay", "tier": "T3", "command": ["/bin/pay"]}
    told = json.dumps({**server, "tools": {"refund": {"effect": effect}}})
    (folder / "pay.yaml").write_text(told)
    return ToolFolders([folder])


def said_at_t3(effect: str, **arguments: Any) -> EntryDraft:
    """What a stage of T3 says of a call, as its workflow notes it."""
    said = {"call": "pay/refund", "occurrence": "o", "effect": effect, **arguments}
    return EntryDraft(action=actions.TOOL_INTENDED, agent="a", tier=Tier.T3, payload=fact(said))


@pytest.mark.parametrize("amount", [10.0, 10, 9.5, 1e300])
@pytest.mark.parametrize(
    "effect", ["p:${{ args.a }}", "${{ args.a > 9.7 ? 'much' : 'little' }}", "${{ args.id }}"]
)
def test_at_t3_an_effect_is_made_of_the_very_arguments(tmp_path: Path, amount: Any, effect: str):
    folders = declared(tmp_path, effect)
    arguments = {"a": amount, "id": "i-1"}
    exactly = exact_text(arguments, fact({ARGUMENTS: arguments})[ARGUMENTS])
    noted = {ARGUMENTS: arguments, **({} if exactly is None else {EXACTLY: exactly})}
    own = effect_of(call_of("pay", "refund", arguments), effect)

    assert refuse_said_effect(said_at_t3(own, **noted), folders) is None
    assert "is 'pay/" in str(refuse_said_effect(said_at_t3("pay/other", **noted), folders))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {ARGUMENTS: "i-1"},
        {ARGUMENTS: {"digest": "", "count": 1}},
        {ARGUMENTS: {"id": "i-1"}, EXACTLY: "{"},
        {ARGUMENTS: {"id": "i-1"}, EXACTLY: 1},
    ],
)
def test_at_t3_whatever_is_no_arguments_makes_no_effect(tmp_path: Path, arguments: dict[str, Any]):
    folders = declared(tmp_path, "${{ args.id }}")

    assert refuse_said_effect(said_at_t3("pay/other", **arguments), folders) is not None


def test_at_t3_arguments_that_people_read_are_those_that_make_the_effect(tmp_path: Path):
    folders = declared(tmp_path, "${{ args.id }}")
    exactly = '{"amount":9.5,"id":"i-2"}'

    def refused(noted: dict[str, Any]) -> str | None:
        return refuse_said_effect(
            said_at_t3("pay/i-2", **{ARGUMENTS: noted, EXACTLY: exactly}), folders
        )

    assert refused({"id": "i-2", "amount": "9.5"}) is None
    assert "are not as arguments_exactly has them" in str(refused({"id": "i-1", "amount": "9.5"}))


def test_at_t3_what_is_too_large_has_the_effect_that_is_said(tmp_path: Path):
    large = {"id": "i-1", "note": "x" * 40_000}
    folders = declared(tmp_path, "${{ args.id }}")

    assert refuse_said_effect(said_at_t3("pay/i-1", **{ARGUMENTS: large}), folders) is None
