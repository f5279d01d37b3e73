"""Score cards: what the file says, what the writer remembers, and what a restart makes of it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.core import Tier
from dsl.rules.trust.scorecard import Card
from integrations.errors import CorruptError, NotFoundError
from integrations.ledger import scores
from integrations.ledger.entries import Draft
from integrations.ledger.errors import InvalidDraftError
from integrations.ledger.ledger import Ledger
from tests.integration.ledger.drafts import draft, intruder

OLD = {"pipeline": "deploy", "template": "default", "program": "", "tier": "T1"}


def told(n: int, action: str, payload: dict[str, Any], agent: str = "a", run: str = "r") -> Draft:
    return draft(n, agent=agent, action=action, payload=payload, workflow_id=f"w/{run}", run_id=run)


async def test_the_card_holds_every_receipt_given_so_far_and_outlives_the_process(tmp_path: Path):
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        assert ledger.card("a") == Card("a")
        await ledger.append([told(0, "agent.registered", OLD)])
        await ledger.append([told(1, "agent.intended", {"path": "look", "secrets": ["kv/x#y"]})])
        await ledger.append([told(2, "agent.ended", {"status": "completed", "attempts": 1})])
        card = ledger.card("a")
    with Ledger(path) as ledger:
        again = ledger.card("a")

    assert (card.tier, card.compliant, card.in_a_row, card.secrets) == (Tier.T1, 1, 1, ("kv/x#y",))
    assert again == card == scores.card_of(path, "a") == scores.cards(path)["a"]


async def test_a_record_that_is_repeated_counts_once(tmp_path: Path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        for _ in range(3):
            await ledger.append([told(0, "agent.registered", OLD)])
            await ledger.append([told(1, "agent.intended", {"path": "look"})])
            await ledger.append([told(2, "agent.ended", {"status": "completed", "attempts": 1})])

        assert (ledger.card("a").ended, ledger.card("a").entries) == (1, 3)


async def test_a_change_of_tier_that_names_none_does_not_get_onto_the_ledger(tmp_path: Path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        with pytest.raises(InvalidDraftError, match="'now' must be a tier"):
            await ledger.append([told(0, "agent.promoted", {"now": "T9"})])

        assert ledger.card("a") == Card("a")


async def test_the_file_can_be_read_as_it_was_at_an_entry(tmp_path: Path):
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        await ledger.append([told(0, "agent.registered", OLD)])
        before = ledger.card("a")
        await ledger.append([told(1, "agent.promoted", {"was": "T1", "now": "T2"})])

        assert scores.card_of(path, "a", before.last) == before
        assert scores.card_of(path, "a") == ledger.card("a") != before


async def test_an_entry_that_was_altered_makes_no_card(tmp_path: Path):
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        await ledger.append([told(0, "agent.registered", OLD)])
    with intruder(path) as connection:
        connection.execute("DROP TRIGGER ledger_no_update")
        connection.execute(
            "UPDATE ledger SET payload = ?", (json.dumps({**OLD, "tier": "T4"}, sort_keys=True),)
        )

    with pytest.raises(CorruptError, match="entry 0 was altered"):
        scores.cards(path)


def test_where_there_is_no_ledger_there_are_no_cards(tmp_path: Path):
    with pytest.raises(NotFoundError):
        scores.cards(tmp_path / "ledger.db")


payloads = {
    "agent.registered": st.fixed_dictionaries({"tier": st.sampled_from(["T0", "T2", "x"])}),
    "agent.intended": st.fixed_dictionaries(
        {"path": st.just("p"), "secrets": st.lists(st.sampled_from(["k/a#x", "k/b#x"]))}
    ),
    "agent.ended": st.fixed_dictionaries(
        {
            "status": st.sampled_from(["completed", "failed", "cancelled", "revoked"]),
            "attempts": st.integers(0, 4),
        },
        optional={"errors": st.integers(0, 4), "exhausted": st.booleans()},
    ),
    "agent.violated": st.fixed_dictionaries({"kind": st.sampled_from(["x", "y"])}),
    "agent.promoted": st.fixed_dictionaries({"now": st.sampled_from(["T1", "T2", "T3"])}),
    "agent.demoted": st.fixed_dictionaries({"now": st.sampled_from(["T0", "T1"])}),
    "agent.revoked": st.fixed_dictionaries({"epoch": st.integers(0, 4)}),
    "agent.reinstated": st.fixed_dictionaries({"epoch": st.integers(0, 4)}),
    "agent.execute": st.just({}),
}
_bindings = {"pipeline": "p", "template": "t", "program": ""}
steps = st.lists(
    st.sampled_from(sorted(payloads)).flatmap(
        lambda action: st.tuples(
            st.just(action), payloads[action], st.sampled_from("ab"), st.sampled_from("rs")
        )
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps, st.integers(1, 5))
async def test_file_memory_and_a_rebuilt_memory_come_to_the_same(
    entries: list[tuple[str, dict[str, Any], str, str]], size: int
):
    drafts = [
        told(n, action, {**_bindings, **payload}, agent, run)
        for n, (action, payload, agent, run) in enumerate(entries)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        with Ledger(path) as ledger:
            for start in range(0, len(drafts), size):
                await ledger.append(drafts[start : start + size])
                await ledger.append(drafts[max(0, start - 1) : start + 1])  # and some again
            memory = {agent: ledger.card(agent) for agent in "ab"}
            read = {agent: scores.card_of(path, agent) for agent in "ab"}
        with Ledger(path) as ledger:
            rebuilt = {agent: ledger.card(agent) for agent in "ab"}
        everybody = scores.cards(path)

    assert memory == read == rebuilt
    assert everybody == {agent: card for agent, card in memory.items() if card.entries}
