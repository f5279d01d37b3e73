"""One gate, every door: whatever comes first, the rule decides, and each is told of its vote."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from temporalio.client import WorkflowUpdateFailedError

from dsl.rules.notify.snapshot import GateSnapshot, RunSnapshot
from dsl.rules.proofs.proof import VOUCHED, Proof, encode
from dsl.values.canonical import canonical
from integrations.doors.key import DoorKey
from integrations.notify.links import SitePages
from tests.fixtures.engine import Engine, after_look, gate
from tests.fixtures.hostile.traces import found, rooms
from tests.fixtures.notify.github import TOKEN
from tests.fixtures.notify.site import (
    REPOSITORY,
    SECRET,
    SLACK_ANN,
    SLACK_BOB,
    Site,
    check_pressed_at,
    pressed_at,
    site_of,
    telling,
    until,
)
from tests.fixtures.notify.slack import APP, BOT
from tests.fixtures.servers.http import Reply
from tests.fixtures.servers.openbao import People
from tests.fixtures.voting import matter_of, seal, vote_of


@pytest_asyncio.fixture
async def site(engine: Engine, people: People, tmp_path: Path) -> AsyncIterator[Site]:
    async with site_of(engine, people, tmp_path) as found:
        yield found


@pytest.mark.parametrize("bent", ["key", "account", "gate", "person", "nobody", "twice"])
async def test_a_word_that_is_none_counts_for_nobody_and_is_on_record(
    site: Site, people: People, bent: str, tmp_path: Path
):
    config = {"approvers": ["group:sre"], "identity": ["slack"]}
    run = await site.engine.start(after_look(gate("sign-off", **config, quorum=2)))
    await site.engine.pending(run, "sign-off")
    about = await matter_of(run, "sign-off") | {"door": "slack", "account": SLACK_ANN}
    entity = people.entity("eve" if bent == "person" else "ann")  # eve is in no group
    if bent == "nobody":  # such as one who has left, and is in the operator's file still
        entity = "0e1d2c3b-1111-4222-8333-444455556666"
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
        "nobody": "names a person whom vault does not know",
        "twice": "used before",
    }[bent] in answer["why"] or (bent == "twice" and "already voted" in answer["why"])


def whispered(site: Site) -> dict[str, str]:
    """Return what each was told of their vote at Slack, when something came of it."""
    said = {each["user"]: each["text"] for each in site.slack.ephemeral}
    return {user: text for user, text in said.items() if "try again" not in text}


async def test_votes_by_signal_update_slack_github_and_console_race(
    site: Site, dragonfly: Redis, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    config = {
        "approvers": ["ann", "bob", "cyd", "eve"],
        "identity": ["claimed", "slack", "github"],  # and a proof always counts
        "quorum": 4,
    }
    about = {"repository": REPOSITORY, "commit": "ce" * 20}
    told_of = {"notify": [{"to": "ops"}, {"to": "repo"}], "inputs": {name: {} for name in about}}
    run = await site.engine.start(after_look(gate("sign-off", **config), **told_of), inputs=about)
    await site.engine.pending(run, "sign-off")
    ann, bob = await pressed_at(run, SLACK_ANN), await pressed_at(run, SLACK_BOB)
    button = await check_pressed_at(run)
    shown = GateSnapshot(path="sign-off", opening=1)
    now = RunSnapshot(workflow=run.id, run=(await run.describe()).run_id)
    for gate_then, run_then, answer in (
        (shown, now, (200, "What is approved")),
        (shown.model_copy(update={"opening": 2}), now, (404, "was for another time")),
        (shown, now.model_copy(update={"run": "before a reset"}), (404, "was for another time")),
    ):  # the link in a message is good for one time that a gate is open
        link = SitePages(console=site.console.url).gate(gate_then, run_then)
        reply = await site.console.get(link.removeprefix(site.console.url))
        assert (reply.status, answer[1] in reply.text) == (answer[0], True)
    anns, eves = [await site.console.ballot(name, run.id) for name in ("ann", "eve")]
    mallory = {"gate": "sign-off", "decision": "approve", "voter": "mallory"}
    claimed = {"gate": "sign-off", "decision": "approve", "voter": "cyd"}
    told = await asyncio.gather(
        run.signal("vote", mallory),
        site.presses(ann),
        site.github_says("check_run", button),
        anns.cast(),
        site.presses(bob),
        eves.cast(),
        run.execute_update("vote", claimed),
        run.execute_update("vote", mallory),
        return_exceptions=True,
    )
    report = await run.result()
    await until(lambda: len(whispered(site)) == 2)
    at_github = await until(site.verdict)

    [decided] = report["approvals"]
    assert sorted(vote["voter"] for vote in decided["votes"]) == ["ann", "bob", "cyd", "eve"]
    assert decided["verdict"] == "approved"
    words = whispered(site)
    how = {vote["voter"]: vote["identity"] for vote in decided["votes"]}
    assert {**how, "ann": ""} == {"ann": "", "bob": "slack", "cyd": "claimed", "eve": "verified"}
    assert re.search("Counted|the first vote counts", words[SLACK_BOB])
    assert told[6]["counted"] is True  # type: ignore[index]
    assert isinstance(told[7], WorkflowUpdateFailedError)
    at_console = [each for each in told if isinstance(each, Reply)]
    [_, _, anns_page, _, eves_page] = at_console
    assert (eves_page.status, "Your vote counted" in eves_page.text) == (200, True)
    # Ann is one person: whichever door she came by first, at the others she is told it is void.
    counted = {
        "slack": "Counted" in words[SLACK_ANN],
        "github": "Counted" in at_github,
        "verified": "Your vote counted" in anns_page.text,
    }
    assert [door for door, has in counted.items() if has] == [how["ann"]]
    assert how["ann"] == "verified" or anns_page.status in (404, 409)
    await hunted(site, run, dragonfly, caplog)


async def hunted(site: Site, run: Any, redis: Redis, log: pytest.LogCaptureFixture) -> None:
    """Look for what opens all these doors where a run leaves traces, once people are told of it."""
    await (await telling(site, run)).result()
    assert site.slack.messages
    key_file = site.engine.settings.door_key_file
    assert key_file is not None
    of_app = re.findall("[A-Za-z0-9]{20,}", (site.folder / "key.pem").read_text())
    opens = [SECRET, BOT, APP, TOKEN, key_file.read_text(), *of_app[:3]]
    places = await rooms(site.engine, run, redis, log.text)
    # Of every run so far: searched as it is.
    shared = {name: places.pop(name) for name in ("ledger", "dragonfly", "artefacts")}

    assert found(places, *opens) == set()
    assert [name for name, data in shared.items() if any(w.encode() in data for w in opens)] == []
    assert "history" in found(places, run.id)  # it is looked for
    assert run.id.encode() in shared["ledger"]
