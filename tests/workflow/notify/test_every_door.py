"""One gate, every door: whatever comes first, the rule decides, and each is told of its vote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import WorkflowUpdateFailedError

from dsl.rules.proofs.proof import VOUCHED, Proof, encode
from dsl.values.canonical import canonical
from integrations.doors.key import DoorKey
from tests.fixtures.engine import Engine, after_look, gate
from tests.fixtures.notify.site import (
    SLACK_ANN,
    SLACK_BOB,
    Site,
    check_pressed_at,
    pressed_at,
    site_of,
    until,
)
from tests.fixtures.servers.openbao import People
from tests.fixtures.voting import matter_of, seal, vote_of


@pytest_asyncio.fixture
async def site(engine: Engine, people: People, tmp_path: Path) -> AsyncIterator[Site]:
    async with site_of(engine, people, tmp_path) as found:
        yield found


@pytest.mark.parametrize("bent", ["key", "account", "gate", "person", "twice"])
async def test_a_word_that_is_none_counts_for_nobody_and_is_on_record(
    site: Site, people: People, bent: str, tmp_path: Path
):
    config = {"approvers": ["group:sre"], "identity": ["slack"]}
    run = await site.engine.start(after_look(gate("sign-off", **config, quorum=2)))
    await site.engine.pending(run, "sign-off")
    about = await matter_of(run, "sign-off") | {"door": "slack", "account": SLACK_ANN}
    entity = people.entity("eve" if bent == "person" else "ann")  # eve is in no group
    key = DoorKey(site.engine.settings.door_key_file)  # type: ignore[arg-type]
    if bent == "key":
        (tmp_path / "other").write_text("another key, which has thirty-two bytes and more")
        key = DoorKey(tmp_path / "other")
    statement = seal(about, entity, purpose=VOUCHED)
    signature = key.sign(canonical(statement).encode())
    if bent in ("account", "gate"):
        statement |= {bent: "other"}  # after it was signed
    vote = vote_of("sign-off", "slack", proof=encode(Proof(statement, signature)))
    if bent == "twice":
        assert (await run.execute_update("vote", vote))["counted"]
    answer = await run.execute_update("vote", vote)

    assert answer["counted"] is False
    assert (await run.query("gates"))[0]["votes"] == (1 if bent == "twice" else 0)
    assert {
        "key": "not made with the key of the door",
        "account": "not made with the key of the door",
        "gate": "the proof is for gate 'other'",
        "person": "is not an approver",
        "twice": "used before",
    }[bent] in answer["why"] or (bent == "twice" and "already voted" in answer["why"])


async def test_votes_by_signal_update_slack_and_github_race(site: Site):
    config = {
        "approvers": ["ann", "bob", "cyd"],
        "identity": ["claimed", "slack", "github"],
        "quorum": 3,
    }
    run = await site.engine.start(after_look(gate("sign-off", **config)))
    await site.engine.pending(run, "sign-off")
    ann, bob = await pressed_at(run, SLACK_ANN), await pressed_at(run, SLACK_BOB)
    button = await check_pressed_at(run)
    mallory = {"gate": "sign-off", "decision": "approve", "voter": "mallory"}
    claimed = {"gate": "sign-off", "decision": "approve", "voter": "cyd"}
    told = await asyncio.gather(
        run.signal("vote", mallory),
        site.slack_sends(ann),
        site.github_says("check_run", button),
        site.slack_sends(bob),
        run.execute_update("vote", claimed),
        run.execute_update("vote", mallory),
        return_exceptions=True,
    )
    report = await run.result()
    await until(lambda: len(site.slack.ephemeral) == 2)

    [decided] = report["approvals"]
    assert sorted(vote["voter"] for vote in decided["votes"]) == ["ann", "bob", "cyd"]
    assert decided["verdict"] == "approved"
    assert told[4]["counted"] is True  # type: ignore[index]
    assert isinstance(told[5], WorkflowUpdateFailedError)
    words = {each["user"]: each["text"] for each in site.slack.ephemeral}
    assert "Counted" in words[SLACK_BOB]
    how = {vote["voter"]: vote["identity"] for vote in decided["votes"]}
    assert how["cyd"] == "claimed"
    assert how["bob"] == "slack"
    # Ann is one person: by whichever door she came first, the other vote is told that it is void.
    assert ("Counted" in words[SLACK_ANN]) is (how["ann"] == "slack")
    assert how["ann"] in ("slack", "github")
