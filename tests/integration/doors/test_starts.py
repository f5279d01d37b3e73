"""Of the same thing at GitHub one run, of two things two, and of what is none nothing."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.notify.doors import GitHubDoor
from integrations.doors.payloads import UnreadableError
from integrations.doors.telling import Taken
from integrations.errors import ConflictError, NotFoundError
from integrations.github.starts import GitHubStarts


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


class Started:
    """Runs that were started."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.ended: list[str] = []
        self.asked = 0

    async def cancel(self, run: str) -> None:
        self.asked += 1
        if run not in self.runs or run in self.ended:
            raise NotFoundError("it is not under way")
        self.ended.append(run)

    async def start(self, _pipeline: str, _inputs: Any, *, run: str) -> None:
        if run in self.runs:
            raise ConflictError("it is there")
        self.runs.append(run)

    async def by(self, payload: dict[str, Any], superseded: str = "keep") -> Taken:
        starts = [
            {"on": "pull_request", "pipeline": "check", "superseded": superseded},
            {"on": "deployment", "pipeline": "check"},
        ]
        written = {"destination": "shop", "secret_file": "/x", "starts": starts}
        started = GitHubStarts(GitHubDoor.model_validate(written), self)
        if "environment" in payload:
            return await started.of_deployment("acme/shop", payload)
        return await started.of_pull_request("acme/shop", payload)


@pytest.mark.parametrize(
    "payload",
    [
        *[pull(number=number) for number in (-1, 0, True, 5.0, "5", "../7", None)],
        *[pull(head={"sha": sha}) for sha in ("", "A" * 40, "a" * 39, f"{'a' * 40}\n", 5)],
        *[deployment(name) for name in ("", "x" * 256, "a\nb", "a\x00", 5, None)],
        *[deployment(run=run) for run in ("-1", "0", "1/2", "9" * 20, "")],
    ],
)
async def test_what_github_never_sends_is_in_no_id_of_a_run(payload: dict[str, Any]):
    started = Started()
    with pytest.raises(UnreadableError):
        await started.by(payload)

    assert started.runs == []


async def test_of_two_things_each_has_a_run_and_the_same_thing_one():
    started = Started()
    things = [
        *[pull(), pull(number=6), deployment(), deployment(id=10), deployment(run="78")],
        *[deployment("production/9", id=None), deployment("production%2F9"), deployment("ÿ 🧑‍💻")],
    ]
    for each in [*things, *things]:
        assert (await started.by(each)).is_settled

    assert len(set(started.runs)) == len(things)
    assert started.runs[0] == f"github/acme/shop/pull/5/{'a' * 12}/check"
    assert started.runs[5] == "github/acme/shop/deployment/77/production%2F9/check"


def pushed(commit: str, before: object) -> dict[str, Any]:
    head = {"sha": commit * 40, "repo": {"full_name": "acme/shop"}}
    return {**pull(head=head), "action": "synchronize", "before": before}


async def test_a_push_ends_the_run_of_the_commit_before_where_the_file_says_so():
    kept, ended = Started(), Started()
    opened = pull()
    pushes = [pushed("b", "a" * 40), pushed("c", "b" * 40)]
    late = [pushes[0], opened, pushed("d", "../7"), pushed("d", 5), pushed("d", "d" * 40)]
    for each in (opened, *pushes, *late):
        assert (await kept.by(each)).is_settled
        assert (await ended.by(each, "cancel")).is_settled

    assert kept.ended == []
    assert ended.ended == [f"github/acme/shop/pull/5/{each * 12}/check" for each in "ab"]


async def test_a_push_to_a_fork_asks_for_no_run_where_forks_start_none():
    started = Started()
    head = {"sha": "b" * 40, "repo": {"full_name": "stranger/shop"}}
    payload = {**pull(head=head), "before": "a" * 40}

    assert not (await started.by(payload, "cancel")).is_settled
    assert started.asked == 0
