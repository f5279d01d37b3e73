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
from integrations.doors.telling import Taken
from integrations.errors import IntegrationError, NotFoundError, UnavailableError
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
        self.votes = 0
        self.is_over = False
        self.updates: set[str] = set()

    async def list(self, **_: Any) -> Any:
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

    async def start(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("nothing is started")


class There:
    """GitHub, and what takes its deliveries."""

    def __init__(self, github: FakeGitHub, folder: Path) -> None:
        self.github = github
        self.run = OneRun()
        (folder / "key-of-doors").write_text("k" * 40)
        key_in(folder / "key")
        door = GitHubDoor(destination="shop", secret_file="/x")
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
