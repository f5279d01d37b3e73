"""A vote whose run does not answer: whoever has given it learns it, and it may come again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from dsl.notify.doors import GitHubDoor
from integrations.doors.ballots import Ballots
from integrations.doors.key import DoorKey
from integrations.doors.payloads import UnreadableError
from integrations.doors.telling import Taken
from integrations.errors import ConflictError, IntegrationError, NotFoundError, UnavailableError
from integrations.github.api import GitHubApi
from integrations.github.events import GitHubEvents
from integrations.github.pages import button
from tests.fixtures.notify.github import FakeGitHub, fake_github, key_in
from tests.integration.notify.test_lost_answers import shop_at

ANN = 583231
ROW: dict[str, Any] = {
    "gate": "sign-off",
    "opening": 1,
    "escalated": False,
    "plan": "p",
    "inputs": "i",
    "subject_digest": "d",
    "identity": ["github"],
    "since": "2026-11-30T10:00:00+00:00",
}


class OneRun:
    """A run, which may be away, or hang."""

    def __init__(self) -> None:
        self.away: IntegrationError | None = None
        self.hangs = False
        self.forgets: IntegrationError | None = None  # which runs there were
        self.votes = 0
        self.is_over = False
        self.updates: set[str] = set()
        self.started: list[str] = []

    async def list(self, *, running: bool = False, **_: Any) -> Any:
        if self.forgets is not None and not running:
            raise self.forgets
        return [SimpleNamespace(run="github/acme/shop/pull/5/x")]

    async def describe(self, _run: str) -> Any:
        return SimpleNamespace(run_id="r-1")

    async def query(self, *_: Any) -> Any:
        if self.away is not None:
            raise self.away
        if self.hangs:
            await asyncio.Event().wait()
        return [] if self.is_over else [ROW]

    async def answered(self, _run: str, *, update_id: str) -> Any:
        if update_id not in self.updates:
            raise NotFoundError("there is no such update")
        return {"counted": True, "detail": "approved by ann"}

    async def update(self, *_: Any, update_id: str) -> Any:
        self.votes += 1
        self.updates.add(update_id)
        return {"counted": True, "detail": "approved by ann"}

    async def start(self, *_: Any, run: str) -> Any:
        if run in self.started:
            raise ConflictError("it is there")
        self.started.append(run)


class There:
    """GitHub, and what takes its deliveries."""

    def __init__(self, github: FakeGitHub, folder: Path) -> None:
        self.github = github
        self.run = OneRun()
        (folder / "key-of-doors").write_text("k" * 40)
        key_in(folder / "key")
        starts = [{"on": on, "pipeline": "check"} for on in ("pull_request", "deployment")]
        door = GitHubDoor.model_validate(
            {"destination": "shop", "secret_file": "/x", "starts": starts}
        )
        entity = "0e1d2c3b-0000-4000-8000-0123456789ab"
        ballots = Ballots(self.run, lambda: {str(ANN): entity}, DoorKey(folder / "key-of-doors"))
        api = GitHubApi(shop_at(github.http.url, folder))
        self.events = GitHubEvents(api, door, self.run, ballots, within_s=0.2)

    async def press(self, kind: str = "User") -> Taken:
        shown: dict[str, Any] = {"run": "r-1", "gate": "sign-off", "opening": 1, "subject": "d"}
        payload = {
            "action": "requested_action",
            "repository": {"full_name": "acme/shop"},
            "requested_action": {"identifier": button("approve", **shown)},
            "check_run": {"external_id": "w/r-1", "head_sha": "a" * 40},
            "sender": {"id": ANN, "login": "ann", "type": kind},
        }
        return await self.events.take("check_run", payload, delivery="d-1")

    async def comment(
        self, body: str = "/mandate approve", kind: str = "User", by: int = ANN, **fields: Any
    ) -> Taken:
        payload = {
            "action": "created",
            "repository": {"full_name": "acme/shop"},
            "issue": {"number": 5, "pull_request": {}},
            "comment": {
                "id": 77,
                "body": body,
                "user": {"id": ANN},
                "created_at": "2026-11-30T10:00:01Z",
                "author_association": "MEMBER",
                **fields,
            },
            "sender": {"id": by, "type": kind},
        }
        return await self.events.take("issue_comment", payload, delivery="d-1")

    def answers(self) -> list[str]:
        checks = [each["output"]["summary"] for each in self.github.checks.values()]
        return checks + [each["body"] for each in self.github.comments.values()]


@pytest_asyncio.fixture
async def there(tmp_path: Path) -> AsyncIterator[There]:
    with fake_github() as github:
        yield There(github, tmp_path)
        assert github.wrong == []


@pytest.mark.parametrize("hangs", [False, True])
@pytest.mark.parametrize("how", ["press", "comment"])
async def test_what_could_not_be_given_is_told_and_given_when_it_comes_again(
    there: There, how: str, *, hangs: bool
):
    there.run.away = None if hangs else UnavailableError("temporal: no answer")
    there.run.hangs = hangs
    first: Taken = await getattr(there, how)()
    there.run.away, there.run.hangs = None, False
    assert first.tell is not None
    await first.tell()
    [told] = there.answers()
    again: Taken = await getattr(there, how)()
    assert again.tell is not None
    await again.tell()
    await first.tell()  # as one that has come through late

    assert (first.is_undone, again.is_undone) == (True, False)
    assert "It could not be given now, try again" in told
    assert there.run.votes == 1
    [stands] = there.answers()
    assert "Counted: approved by ann" in stands


@pytest.mark.parametrize("how", ["press", "comment"])
async def test_what_comes_again_when_all_is_over_is_told_what_became_of_it(there: There, how: str):
    await getattr(there, how)()
    there.run.is_over = True
    again: Taken = await getattr(there, how)()
    there.run.updates.clear()
    new: Taken = await getattr(there, how)()

    assert again.done == "Counted: approved by ann."
    assert not new.done.startswith("Counted")
    assert there.run.votes == 1


TWO = "expected one command in a comment, got 2: write a comment for each"
NOT_HERS = "and a vote is given by"


@pytest.mark.parametrize(
    ("how", "given", "said"),
    [
        ("press", {"kind": "Bot"}, NOT_HERS),
        ("press", {"kind": None}, NOT_HERS),
        ("comment", {"kind": "Bot"}, NOT_HERS),
        ("comment", {"performed_via_github_app": {"slug": "claude"}}, "came through app claude"),
        ("comment", {"performed_via_github_app": {"slug": "`@all`"}}, "came through an app,"),
        ("comment", {"performed_via_github_app": {}}, NOT_HERS),
        ("comment", {"by": 1}, "sent by another account"),
        ("comment", {"body": "/mandate approve sign-off\n/mandate reject sign-off"}, TWO),
        ("comment", {"body": "/mandate approve sign-off \r/mandate\treject"}, TWO),
        ("comment", {"body": f"/mandate approve{' why' * 2_000}\n\n /mandate reject"}, TWO),
    ],
)
async def test_what_is_no_word_of_a_person_or_two_at_once_counts_for_nothing_and_says_so(
    there: There, how: str, given: dict[str, Any], said: str
):
    taken: Taken = await getattr(there, how)(**given)
    assert taken.tell is not None
    await taken.tell()

    assert there.run.votes == 0
    assert said in taken.done
    [told] = there.answers()
    assert "It does not count: " in told
    assert (await there.comment(performed_via_github_app=None)).done.startswith("Counted")


async def test_what_has_counted_is_settled_and_all_else_may_be_sent_again(there: There):
    there.run.is_over = True
    late = await there.press()
    there.run.is_over = False
    counted = [await there.press(), await there.comment()]
    stranger = await there.comment(user={"id": 7}, by=7)
    silent = await there.comment("fine by me")

    assert [each.is_settled for each in counted] == [True] * 2
    assert [each.is_settled for each in (late, stranger, silent)] == [False] * 3


def pull(**fields: Any) -> dict[str, Any]:
    head = {"sha": "a" * 40, "repo": {"full_name": "acme/shop"}}
    return {"pull_request": {"number": 5, "head": head, **fields}}


def deployment(environment: Any = "production", run: str = "77", **fields: Any) -> dict[str, Any]:
    url = f"https://api.github.com/repos/acme/shop/actions/runs/{run}/deployment_protection_rule"
    return {
        "environment": environment,
        "deployment": {"id": 9, "sha": "a" * 40, **fields},
        "deployment_callback_url": url,
    }


async def starts(there: There, payload: dict[str, Any]) -> Taken:
    event, action = ("pull_request", "opened")
    if "environment" in payload:
        event, action = ("deployment_protection_rule", "requested")
    about = {"action": action, "repository": {"full_name": "acme/shop"}}
    return await there.events.take(event, {**about, **payload}, delivery="d-1")


@pytest.mark.parametrize(
    "payload",
    [
        *[pull(number=number) for number in (-1, 0, True, 5.0, "5", "../7", None)],
        *[pull(head={"sha": sha}) for sha in ("", "A" * 40, "a" * 39, f"{'a' * 40}\n", 5)],
        *[deployment(name) for name in ("", "x" * 256, "a\nb", "a\x00", 5, None)],
        *[deployment(run=run) for run in ("-1", "0", "1/2", "9" * 20, "")],
    ],
)
async def test_what_github_never_sends_is_in_no_id_of_a_run(there: There, payload: dict[str, Any]):
    with pytest.raises(UnreadableError):
        await starts(there, payload)

    assert there.run.started == []


async def test_of_two_things_each_has_a_run_and_the_same_thing_one(there: There):
    things = [
        *[pull(), pull(number=6), deployment(), deployment(id=10), deployment(run="78")],
        *[deployment("production/9", id=None), deployment("production%2F9"), deployment("ÿ 🧑‍💻")],
    ]
    for each in [*things, *things]:
        assert (await starts(there, each)).is_settled

    assert len(set(there.run.started)) == len(things)
    assert there.run.started[0] == f"github/acme/shop/pull/5/{'a' * 12}/check"
    assert there.run.started[5] == "github/acme/shop/deployment/77/production%2F9/check"


async def test_of_no_pull_request_nothing_is_asked_and_of_other_events_nothing_comes(there: There):
    about = {"repository": {"full_name": "acme/shop"}, "action": "created"}
    for number in (-5, 0, "5"):
        issue: dict[str, Any] = {"number": number, "pull_request": {}}
        said = {"id": 1, "body": "/mandate approve", "user": {"id": ANN}}
        payload = {**about, "issue": issue, "comment": said}
        taken = await there.events.take("issue_comment", payload, delivery="d")
        assert taken.done == "no command of ours"
    for event in ("ping", "installation", "push", ""):
        assert (await there.events.take(event, {}, delivery="d")).tell is None

    assert there.run.votes == 0


async def test_where_nobody_knows_which_runs_there_were_a_command_may_come_again(there: There):
    there.run.is_over = True
    there.run.forgets = UnavailableError("temporal: no answer")
    taken = await there.comment()
    assert taken.tell is not None
    await taken.tell()

    assert taken.is_undone
    [told] = there.answers()
    assert "It could not be given now, try again: temporal: no answer" in told


@pytest.mark.parametrize("by", ["mallory", 666])
async def test_a_comment_of_another_that_begins_as_ours_do_stays_theirs(there: There, by: object):
    taken = await there.comment()
    assert taken.tell is not None
    await taken.tell()
    [ours] = there.github.comments.values()
    theirs = {**ours, "by": by, "body": f"{ours['body'].splitlines()[0]}\nmine"}
    there.github.comments = {1: dict(theirs)}
    for _ in range(2):
        again = await there.comment()
        assert again.tell is not None
        await again.tell()

    assert there.github.comments == {1: theirs, 2: ours}
