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
from integrations.errors import (
    IntegrationError,
    NotFoundError,
    UnavailableError,
)
from integrations.github.api import GitHubApi
from integrations.github.events import GitHubEvents
from integrations.github.pages import button
from tests.fixtures.notify.github import FakeGitHub, fake_github, key_in
from tests.integration.notify.test_lost_answers import shop_at
from workflows.runtime.query_answers import _ESSENTIAL

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


RUN = "github/acme/shop/pull/5/x"
LATER = "github/acme/shop/pull/5/y"


class OneRun:
    """A run, which may be away, or hang; and others beside it."""

    def __init__(self) -> None:
        self.away: IntegrationError | None = None
        self.hangs = False
        self.forgets: IntegrationError | None = None  # which runs there were
        self.votes = 0
        self.waiting: dict[str, Any] = {RUN: ROW}
        self.updates: set[tuple[str, str]] = set()
        self.silent: set[str] = set()  # of runs: what they have answered
        self.asked: list[str] = []  # for that
        self.shortens = False  # what it says of all its gates at once
        self.listed = [LATER, RUN]
        self.breaks = ""  # one that does not answer, while others are slow
        self.under_way = 0

    @property
    def is_over(self) -> bool:
        return not self.waiting

    @is_over.setter
    def is_over(self, value: bool) -> None:
        self.waiting = {} if value else {RUN: ROW}

    async def list(self, *, running: bool = False, limit: int = 0, prefix: str = "") -> Any:
        if self.forgets is not None and not running:
            raise self.forgets
        assert limit
        assert prefix == "github/acme/shop/pull/5/"
        return [SimpleNamespace(run=run) for run in self.listed]

    async def describe(self, _run: str) -> Any:
        return SimpleNamespace(run_id="r-1")

    async def query(self, run: str, _name: str, *gate: str) -> Any:
        if self.away is not None or run == self.breaks:
            raise self.away or UnavailableError("temporal: no answer")
        if self.hangs:
            self.under_way += 1
            try:
                await asyncio.Event().wait()
            finally:
                self.under_way -= 1
        rows = [self.waiting[run]] if run in self.waiting else []
        is_short = self.shortens and not gate
        return [{name: row[name] for name in _ESSENTIAL} for row in rows] if is_short else rows

    async def answered(self, run: str, *, update_id: str) -> Any:
        self.asked.append(run)
        if run in self.silent:
            raise UnavailableError("temporal: no answer")
        if (run, update_id) not in self.updates:
            raise NotFoundError("there is no such update")
        return {"counted": True, "detail": "approved by ann"}

    async def update(self, run: str, *_: Any, update_id: str) -> Any:
        self.votes += 1
        self.updates.add((run, update_id))
        return {"counted": True, "detail": "approved by ann"}

    async def cancel(self, run: str) -> None:
        raise AssertionError(f"{run} is not ended")

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
        self.people = {str(ANN): entity}
        self.faulty = False
        ballots = Ballots(self.run, self.known, DoorKey(folder / "key-of-doors"))
        api = GitHubApi(shop_at(github.http.url, folder))
        self.events = GitHubEvents(api, door, self.run, ballots, within_s=60.0)

    def known(self) -> dict[str, str]:
        if self.faulty:
            raise UnavailableError("the file has mistakes")
        return self.people

    async def press(self, kind: str = "User") -> Taken:
        shown: dict[str, Any] = {"run": "r-1", "gate": "sign-off", "opening": 1, "subject": "d"}
        payload = {
            "action": "requested_action",
            "repository": {"full_name": "acme/shop"},
            "requested_action": {"identifier": button("approve", **shown)},
            "check_run": {"external_id": f"{RUN}/r-1", "head_sha": "a" * 40},
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
    there: There, how: str, monkeypatch: pytest.MonkeyPatch, *, hangs: bool
):
    if hangs:
        monkeypatch.setattr(there.events, "_within_s", 0.2)
    there.run.away = None if hangs else UnavailableError("temporal: no answer")
    there.run.hangs = hangs
    first: Taken = await getattr(there, how)()
    there.run.away, there.run.hangs = None, False
    monkeypatch.setattr(there.events, "_within_s", 60.0)
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
async def test_a_gate_that_waits_beside_so_many_that_they_are_told_in_short_takes_its_vote(
    there: There, how: str
):
    there.run.waiting = {RUN: {**ROW, "due": ""}}
    there.run.shortens = True
    given: Taken = await getattr(there, how)()
    there.run.waiting[RUN]["call"] = {"tool": "pay"}
    there.run.updates.clear()
    shown_elsewhere: Taken = await getattr(there, how)()

    assert given.done == "Counted: approved by ann."
    assert "does not show what this gate asks for" in shown_elsewhere.done
    assert there.run.votes == 1


async def test_once_a_run_does_not_answer_no_other_is_asked_for_nothing(there: There):
    there.run.listed = [RUN, *(f"{LATER}/{n}" for n in range(50))]
    there.run.breaks, there.run.hangs = RUN, True
    taken = await there.comment()
    await asyncio.sleep(0)  # those that were asked come to their end

    assert taken.is_undone
    assert there.run.under_way == 0


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


async def test_a_comment_that_comes_again_is_told_of_its_vote_whatever_waits_by_now(there: There):
    await there.comment()
    for rows in (
        {LATER: {**ROW, "since": "2026-11-30T11:00:00+00:00"}},
        {LATER: ROW, RUN: ROW},
        {LATER: {**ROW, "gate": "other"}},
    ):
        there.run.waiting = rows
        assert (await there.comment("/mandate approve sign-off")).done.startswith("Counted")

    assert there.run.votes == 1


async def test_a_run_that_does_not_answer_hides_no_vote_that_another_has_counted(there: There):
    await there.comment()
    there.run.is_over = True
    there.run.silent = {LATER}
    again = await there.comment()
    there.run.updates.clear()
    new = await there.comment()

    assert again.done == "Counted: approved by ann."
    assert new.is_undone


async def test_a_run_that_was_asked_what_it_knows_of_a_vote_is_asked_once(there: There):
    there.run.waiting = {RUN: {**ROW, "reason_required": True}}
    taken = await there.comment()

    assert "asks for a reason" in taken.done
    assert sorted(there.run.asked) == sorted([RUN, LATER])


@pytest.mark.parametrize(
    ("body", "waiting", "said"),
    [
        ("/mandate approve", {}, "No gate waits at this pull request now"),
        ("/mandate reject odd", {RUN: ROW}, "No gate 'odd' waits at this pull request now"),
        ("/mandate approve", {RUN: ROW, LATER: ROW}, "'sign-off' waits in 2 runs of this pull"),
        (
            "/mandate reject",
            {RUN: ROW, LATER: {**ROW, "gate": "child/other"}},
            "2 gates wait at this pull request (child/other, sign-off): write /mandate reject GATE",
        ),
    ],
)
async def test_who_asks_for_no_gate_or_for_several_is_told_what_helps(
    there: There, body: str, waiting: dict[str, Any], said: str
):
    there.run.waiting = waiting

    taken = await there.comment(body)

    assert said in taken.done
    assert (taken.is_settled, taken.is_undone, there.run.votes) == (False, False, 0)


@pytest.mark.parametrize("how", ["press", "comment"])
async def test_where_nobody_is_known_for_now_it_is_told_and_may_be_sent_again(
    there: There, how: str
):
    there.faulty = True
    first: Taken = await getattr(there, how)()
    there.faulty = False
    again: Taken = await getattr(there, how)()

    assert (first.is_undone, "the file has mistakes" in first.done) == (True, True)
    assert again.done == "Counted: approved by ann."


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
        ("comment", {"body": f"/mandate approve sign-off {'x' * 2_001}"}, "one 2,001: write"),
        ("comment", {"body": f"/mandate approve sign-off y\n{'x' * 60_000}"}, "one 60,002: write"),
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


async def test_a_run_that_says_nonsense_of_its_gates_is_no_gate_and_no_fault_of_ours(there: There):
    nonsense: list[Any] = [{}, {"gate": 5}, "sign-off", {"gate": ""}]
    for row in nonsense:
        there.run.waiting = {RUN: row}
        taken = await there.comment("/mandate approve")
        assert "No gate waits" in taken.done

    assert there.run.votes == 0


async def test_what_has_counted_is_settled_and_all_else_may_be_sent_again(there: There):
    there.run.is_over = True
    late = await there.press()
    there.run.is_over = False
    counted = [await there.press(), await there.comment()]
    stranger = await there.comment(user={"id": 7}, by=7)
    silent = await there.comment("fine by me")

    assert [each.is_settled for each in counted] == [True] * 2
    assert [each.is_settled for each in (late, stranger, silent)] == [False] * 3


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
