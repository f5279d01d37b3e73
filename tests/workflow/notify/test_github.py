"""GitHub, held by its own schema: checks and comments that show a run, and votes from there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.service import RPCError

from tests.fixtures.engine import Engine, after_look, gate, pipeline, stage
from tests.fixtures.notify.receiver import Reply
from tests.fixtures.notify.site import (
    GITHUB_ANN,
    REPOSITORY,
    Site,
    check_pressed_at,
    site_of,
    telling,
    until,
)
from tests.fixtures.servers.openbao import People

STRANGER = 1


@pytest_asyncio.fixture
async def site(engine: Engine, people: People, tmp_path: Path) -> AsyncIterator[Site]:
    async with site_of(engine, people, tmp_path) as found:
        yield found
        assert found.github.wrong == []


def pull_request(commit: str, number: int = 5, **fields: Any) -> dict[str, Any]:
    return {
        "action": "opened",
        "repository": {"full_name": REPOSITORY},
        "pull_request": {
            "number": number,
            "head": {"sha": commit, "repo": {"full_name": REPOSITORY}},
        },
        "sender": {"id": STRANGER, "type": "User"},
        **fields,
    }


def comment(
    body: str,
    account: int = GITHUB_ANN,
    number: int = 5,
    *,
    at: str = "",
    association: str = "MEMBER",
) -> dict[str, Any]:
    return {
        "action": "created",
        "repository": {"full_name": REPOSITORY},
        "issue": {"number": number, "pull_request": {"url": "https://evil.example/"}},
        "comment": {
            "id": time.time_ns() // 1_000,
            "body": body,
            "user": {"id": account},
            "created_at": at or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "author_association": association,
        },
        "sender": {"id": account, "type": "User"},
    }


def run_of(site: Site, commit: str, number: int = 5) -> WorkflowHandle[Any, Any]:
    return site.engine.adopt(f"github/{REPOSITORY}/pull/{number}/{commit[:12]}/told-at-github")


async def begun(site: Site, commit: str, number: int) -> WorkflowHandle[Any, Any]:
    """Open a pull request, and wait until its run asks somebody."""
    assert (await site.github_says("pull_request", pull_request(commit, number))).status == 202
    run = run_of(site, commit, number)
    async with asyncio.timeout(60):
        while True:
            try:
                await site.engine.pending(run, "sign-off")
            except Exception as error:  # not started yet
                if "not found" not in str(error):
                    raise
                await asyncio.sleep(0.05)
            else:
                return run


async def test_a_pull_request_starts_a_run_that_shows_there_and_is_answered_there(site: Site):
    commit = "a1" * 20
    run = await begun(site, commit, 5)
    comments = site.github.comments
    await until(lambda: any("Waiting for approval" in c["body"] for c in comments.values()))
    [check] = site.github.checks.values()
    assert (check["status"], check["head_sha"]) == ("in_progress", commit)
    assert check["external_id"] == f"{run.id}/{(await run.describe()).run_id}"
    assert [each["label"] for each in check["actions"]] == ["Approve", "Reject"]
    # What is answered is refused at first, and there later; whose mark was lost is found.
    site.github.refuse["issues/create-comment"] = Reply(502)
    vote = comment("/mandate approve sign-off read it @all")
    reply = await site.github_says("issue_comment", vote)
    assert reply.status == 202
    report = await run.result()
    await until(lambda: check["status"] == "completed" or site.github.checks[1].get("conclusion"))

    assert report["approvals"][0]["votes"] == [
        {"voter": "ann", "decision": "approve", "reason": "read it @all", "identity": "github"}
    ]
    assert site.github.checks[1]["conclusion"] == "success"
    ours = [c for c in site.github.comments.values() if c["body"].startswith("<!-- mandate")]
    assert len(ours) == 1  # edited, never repeated
    assert "@all" not in ours[0]["body"].replace("`", "\x00").split("\x00")[0::2]
    counted = "`Counted: approved by ann (read it @all).`"
    await until(lambda: any(counted in c["body"] for c in comments.values()))
    again = await site.another()  # as one that was killed, and has come up again
    assert (await again.github_says("issue_comment", vote)).status == 202
    edits = site.github.made
    await until(
        lambda: any("<!-- answer" in each["body"] for each in edits("issues/update-comment"))
    )
    said = [c["body"].partition("\n")[2] for c in comments.values() if c not in ours]
    assert said == [counted]


async def test_the_same_webhook_twice_is_one_run_and_one_vote(site: Site):
    commit = "b2" * 20
    run = await begun(site, commit, 6)
    again = await site.github_says("pull_request", pull_request(commit, 6, action="reopened"))
    assert again.status == 202
    vote = comment("/mandate reject\nnot on a Friday", number=6)
    for _ in range(3):
        await site.github_says("issue_comment", vote, delivery="")
    with pytest.raises(WorkflowFailureError):
        await run.result()

    [event] = [
        each.workflow_execution_update_accepted_event_attributes
        for each in await site.engine.events(run)
        if each.HasField("workflow_execution_update_accepted_event_attributes")
    ]
    assert event.accepted_request.meta.update_id.startswith("github-")


@pytest.mark.parametrize(
    ("account", "said"),
    [(STRANGER, "is nobody here"), (GITHUB_ANN, "waits for nobody now")],
)
async def test_who_is_nobody_here_and_what_waits_for_nobody_is_told(site: Site, account, said):
    commit, number = ("c3" * 20, 7) if account == STRANGER else ("c4" * 20, 8)
    run = await begun(site, commit, number)
    if account == GITHUB_ANN:
        await run.terminate("the test")
        body = "/mandate approve sign-off"
        expected = "No gate 'sign-off' waits at this pull request now"
    else:
        body, expected = "/mandate approve", said
    await site.github_says("issue_comment", comment(body, account, number))
    words = await until(
        lambda: [c["body"] for c in site.github.comments.values() if expected in c["body"]]
    )

    assert len(words) == 1
    if account == STRANGER:
        assert (await run.query("status"))["approvals"] == []


async def test_a_button_of_the_check_votes_for_what_was_shown(site: Site):
    run = await begun(site, "d5" * 20, 9)
    await until(lambda: site.github.checks and site.github.checks[1].get("actions"))
    approve, _ = site.github.checks[1]["actions"]
    payload = await check_pressed_at(run)
    assert payload["requested_action"]["identifier"] == approve["identifier"]
    assert payload["check_run"]["external_id"] == site.github.checks[1]["external_id"]
    old = {f"a-7{approve['identifier'][3:]}": "opened anew", "a-1-0123456789": "waits no more"}
    for name, said in old.items():  # of what is no more
        await site.github_says("check_run", {**payload, "requested_action": {"identifier": name}})
        await until(lambda said=said: said in site.verdict())
    assert (await run.query("gates"))[0]["votes"] == 0
    stranger = {**payload, "sender": {"id": STRANGER, "login": "`@all`", "type": "User"}}
    await site.github_says("check_run", stranger)
    await until(lambda: "is nobody here" in site.verdict(STRANGER))
    await site.github_says("check_run", payload)
    report = await run.result()
    await until(lambda: "Counted" in site.verdict())  # edited, never repeated
    names = [each["name"] for each in site.github.checks.values()]
    assert names[1:] == ["mandate: vote of ann-at-github", f"mandate: vote of {STRANGER}"]

    assert [vote["voter"] for vote in report["approvals"][0]["votes"]] == ["ann"]


async def test_a_deployment_waits_for_the_gate_and_is_told_until_it_has_heard(site: Site):
    site.github.waiting = {"production"}
    site.github.deaf = 1  # it takes an answer, and goes on waiting
    payload = {
        "action": "requested",
        "repository": {"full_name": REPOSITORY},
        "environment": "production",
        "deployment": {"sha": "e6" * 20},
        "deployment_callback_url": "https://evil.example/repos/x/y/actions/runs/77"
        "/deployment_protection_rule",
    }
    for _ in range(2):
        await site.github_says("deployment_protection_rule", payload)
    run = site.engine.adopt(f"github/{REPOSITORY}/deployment/77/production/told-at-github")
    await until(lambda: site.github.made("actions/review-custom-gates-for-run"))
    await site.engine.pending(run, "sign-off")
    await site.github_says("check_run", await check_pressed_at(run))
    await run.result()
    await until(lambda: not site.github.waiting)

    assert set(site.github.states) == {("production", "approved")}
    assert len(site.github.states) == 2  # the first was not heard
    reports = site.github.made("actions/review-custom-gates-for-run")
    assert len(reports) <= 10
    assert not any("evil" in each.path for each in site.github.http.heard)


async def test_a_run_that_only_names_an_environment_answers_nothing_for_it(site: Site):
    site.github.waiting = {"production"}
    declared: dict[str, Any] = {
        name: {} for name in ("repository", "commit", "environment", "actions_run")
    }
    about = {"repository": REPOSITORY, "environment": "production", "actions_run": "78"}
    run = await site.engine.start(
        pipeline(stage("look"), notify=[{"to": "repo"}], inputs=declared),
        inputs={**about, "commit": "b9" * 20},
    )
    await run.result()
    await until(lambda: site.github.checks and site.github.checks[1].get("conclusion"))
    await (await telling(site, run)).result()

    assert site.github.states == []
    assert site.github.waiting == {"production"}


async def test_a_run_in_an_environment_of_the_operator_is_a_deployment_there(site: Site):
    names = ("repository", "commit", "environment")
    declared: dict[str, Any] = {name: {} for name in names}
    run = await site.engine.start(
        pipeline(gate("sign-off"), notify=[{"to": "repo"}], inputs=declared),
        inputs=dict(zip(names, (REPOSITORY, "ab" * 20, "staging"), strict=True)),
    )
    await site.engine.pending(run, "sign-off")
    told = site.github.statuses
    await until(lambda: any(each["state"] == "pending" for each in told.get(1, ())))
    await run.signal("vote", {"gate": "sign-off", "decision": "reject", "voter": "ann"})
    await (await telling(site, run)).result()

    [made] = site.github.deployments.values()
    assert (made["ref"], made["environment"]) == ("ab" * 20, "staging")
    statuses = [(each["state"], each["description"]) for each in site.github.statuses[1]]
    of_note = [each for each in statuses if each != ("in_progress", "running")]
    assert of_note[-2:-1] == [("pending", "waits for approval: sign-off")]
    assert statuses[-1][0] == "failure"
    assert "rejected" in statuses[-1][1]


async def test_what_is_started_twice_is_one_run_also_once_it_is_over(site: Site):
    run = await begun(site, "c9" * 20, 12)
    await run.terminate("over")
    before = (await run.describe()).run_id
    again = pull_request("c9" * 20, 12, action="reopened")
    assert (await site.github_says("pull_request", again)).status == 202

    assert (await run.describe()).run_id == before


@pytest.mark.parametrize("source", [{"full_name": "stranger/shop"}, None])
async def test_a_fork_starts_nothing(site: Site, source: Any):
    opened = pull_request("d9" * 20, 13)
    opened["pull_request"]["head"]["repo"] = source
    assert (await site.github_says("pull_request", opened)).status == 202

    run = f"github/{REPOSITORY}/pull/13/{'d9' * 6}/told-at-github"
    with pytest.raises(RPCError, match="not found"):
        await site.engine.client.get_workflow_handle(run).describe()


async def test_a_comment_of_before_the_gate_counts_for_nothing_and_a_stranger_hears_nothing(
    site: Site,
):
    run = await begun(site, "e9" * 20, 14)
    stranger = comment("/mandate approve sign-off", STRANGER, 14, association="NONE")
    await site.github_says("issue_comment", stranger)
    await site.github_says("issue_comment", comment("/mandate approved? not yet", number=14))
    early = comment("/mandate approve sign-off", number=14, at="2020-01-01T00:00:00Z")
    await site.github_says("issue_comment", early)
    await until(lambda: any("opened anew" in c["body"] for c in site.github.comments.values()))

    assert (await run.query("gates"))[0]["votes"] == 0
    assert not any("nobody here" in c["body"] for c in site.github.comments.values())


@pytest.mark.parametrize("trouble", ["suspended", "key", "repository"])
async def test_what_github_refuses_is_one_sentence_and_nothing_is_lost(site: Site, trouble: str):
    said = {
        "suspended": "This installation has been suspended",
        "key": "holds no private key of a GitHub App",
        "repository": "is none of the repositories of this destination",
    }
    site.github.suspended = trouble == "suspended"
    if trouble == "key":
        (site.folder / "key.pem").write_text("no key")
    inputs = {"repository": "acme/other" if trouble == "repository" else REPOSITORY}
    definition = after_look(
        gate("sign-off"), notify=[{"to": "repo"}], inputs={"repository": {}, "commit": {}}
    )
    run = await site.engine.start(definition, inputs={**inputs, "commit": "f7" * 20})
    await site.engine.pending(run, "sign-off")
    handle = await telling(site, run)
    async with asyncio.timeout(60):
        while not (state := (await handle.query("status"))["repo"])["trouble"]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    assert said[trouble] in state["trouble"]
    assert state["waiting"] >= 1
    await handle.terminate("the test ends")


async def test_a_limit_and_a_lost_answer_make_it_late_and_not_two(site: Site):
    limited = {"Retry-After": "2", "Content-Type": "application/json"}
    site.github.faults = [
        Reply(403, limited, b'{"message": "You have exceeded a secondary rate limit"}'),
    ]
    run = await begun(site, "a8" * 20, 11)
    await until(lambda: site.github.checks and site.github.comments)
    await run.terminate("enough")
    await until(lambda: site.github.checks[1].get("conclusion") == "failure")

    assert len(site.github.checks) == 1
    assert len(site.github.comments) == 1


HOSTILE = {
    b"\xff\xfe": 400,
    b"": 400,
    b"[1]": 400,
    b'{"action": "opened"': 400,
    b'{"action": "opened", "action": "opened"}': 400,
    b'{"a":' * 200 + b"1" + b"}" * 200: 400,
    b'{"action": 1, "repository": {"full_name": 5}}': 400,
    b'{"action": "opened", "repository": {"full_name": "acme/shop"}}': 400,
    b'{"action": "opened", "repository": {"full_name": "acme/other"}}': 403,
}


async def test_a_body_that_is_none_starts_nothing_and_is_never_a_500(site: Site):
    for raw, status in HOSTILE.items():
        replies = [await site.github_sends("pull_request", raw) for _ in range(2)]

        assert [each.status for each in replies] == [status] * 2, raw


async def test_a_wrong_signature_is_refused(site: Site):
    payload = pull_request("a9" * 20)

    assert (await site.github_says("pull_request", payload, secret="wrong" * 8)).status == 401
