"""The ledger as an authority: what it answers equals what stands in the file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.rules.trust.admission import Binding
from integrations.errors import UnavailableError
from integrations.ledger.authority import Authority
from integrations.ledger.ledger import Ledger
from tests.integration.ledger.drafts import draft, lease, mark

BINDING = {"pipeline": "deploy", "template": "terraform", "program": "sha256:2"}
PLAN = {"digest": "sha256:1", "name": "deploy", "version": "1.0", "author": None, "how": "start"}


async def test_authority_holds_every_receipt_given_so_far_and_outlives_the_process(tmp_path):
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        assert ledger.authority("a") == Authority()
        await ledger.append([draft(0, agent="a", action="agent.registered", payload=BINDING)])
        await ledger.append([lease(1, "a", 7), mark(2, "a", 5, revoked=True)])
        await ledger.append([draft(3, agent="-", action="plan.registered", payload=PLAN)])
        told = ledger.authority("a"), ledger.registrations("sha256:1")
    with Ledger(path) as ledger:
        told_again = ledger.authority("a"), ledger.registrations("sha256:1")

    assert told[0] == Authority(7, 5, True, Binding("deploy", "terraform", "sha256:2"))
    assert [each.how for each in told[1]] == ["start"]
    assert told_again == told


async def test_a_refused_call_changes_no_authority(tmp_path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        await ledger.append([draft(0)])
        with pytest.raises(Exception, match="other content"):
            await ledger.append([lease(1, "a", 7), draft(0, agent="b")])

        assert ledger.authority("a") == Authority()


def test_a_closed_ledger_answers_nothing(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.close()

    with pytest.raises(UnavailableError, match="closed"):
        ledger.authority("a")
    with pytest.raises(UnavailableError, match="closed"):
        ledger.registrations("sha256:1")


steps: st.SearchStrategy[list[Any]] = st.lists(
    st.one_of(
        st.builds(lambda a, f: (lease, a, f, {}), st.sampled_from("ab"), st.integers(0, 9)),
        st.builds(
            lambda a, e, r: (mark, a, e, {"revoked": r}),
            st.sampled_from("ab"),
            st.integers(0, 5),
            st.booleans(),
        ),
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(st.lists(steps, max_size=5))
async def test_what_is_kept_up_equals_what_is_rebuilt(calls):
    number = iter(range(1_000))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "ledger.db"
        with Ledger(path) as ledger:
            for call in calls:
                await ledger.append(
                    [make(next(number), agent, value, **more) for make, agent, value, more in call]
                )
            kept = [ledger.authority(agent) for agent in "ab"]
        with Ledger(path) as ledger:
            rebuilt = [ledger.authority(agent) for agent in "ab"]

    assert kept == rebuilt
