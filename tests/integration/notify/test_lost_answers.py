"""What a service has taken, and whose answer was lost on its way, is not sent again."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dsl.notify.destinations import GitHubDestination, SlackDestination
from dsl.rules.notify.changes import changes
from dsl.rules.notify.snapshot import GateSnapshot, RunSnapshot
from integrations.errors import UnavailableError
from integrations.github.channel import GitHubChannel
from integrations.notify.channel import MessageChannel
from integrations.slack.channel import SlackChannel
from tests.fixtures.notify.github import fake_github, key_in
from tests.fixtures.notify.slack import BOT, CHANNEL, fake_slack

RUN = RunSnapshot(
    workflow="w",
    run="r",
    pipeline="p",
    gates=(GateSnapshot(path="g", opening=1, identity=("slack", "github")),),
    subject={"repository": "acme/shop", "commit": "a" * 40, "pull_request": "5"},
)
TRIES_MAX = 9


async def delivered(channel: MessageChannel) -> tuple[int, Mapping[str, str]]:
    """Try as the engine does, until it is there; return how often, and what is known then."""
    [event] = changes(None, RUN)
    for number in range(1, TRIES_MAX):
        try:
            return number, await channel.deliver(event, RUN, {}, again=number > 1)
        except UnavailableError:
            pass
    raise AssertionError("it is never there")


async def test_slack_has_one_board_and_one_gate(tmp_path: Path):
    (tmp_path / "bot").write_text(BOT)
    async with fake_slack() as slack:
        where = SlackDestination(
            channel=CHANNEL, token_file=f"{tmp_path}/bot", api=f"{slack.http.url}/api"
        )
        slack.lose = 2
        tries, known = await delivered(SlackChannel(where, has_door=True))

    assert tries == 3
    assert sorted(known.values()) == [each["ts"] for each in slack.messages]
    assert len(slack.messages) == 2
    assert slack.wrong == []


async def test_slack_has_one_board_anew_where_somebody_deleted_it(tmp_path: Path):
    (tmp_path / "bot").write_text(BOT)
    async with fake_slack() as slack:
        where = SlackDestination(
            channel=CHANNEL, token_file=f"{tmp_path}/bot", api=f"{slack.http.url}/api"
        )
        telling, deleted = SlackChannel(where, has_door=True), {"board": "1780000000.000001"}
        [event] = changes(None, RUN)
        slack.lose = 2
        for again in (False, True, True):
            with suppress(UnavailableError):
                await telling.deliver(event, RUN, deleted, again=again)

    assert len([each for each in slack.messages if "thread_ts" not in each]) == 1
    assert len(slack.messages) == 2


def shop_at(api: str, folder: Path, environments: tuple[str, ...] = ()) -> GitHubDestination:
    """Return one repository, with an App whose key lies in the folder."""
    return GitHubDestination(
        app="1",
        installation=2,
        key_file=f"{folder}/key",
        repositories=("acme/shop",),
        environments=environments,
        api=api,
    )


async def test_github_has_one_check_and_one_comment(tmp_path: Path):
    key_in(tmp_path / "key")
    with fake_github() as github:
        where = shop_at(github.http.url, tmp_path)
        github.lose = 2
        tries, known = await delivered(GitHubChannel(where, has_door=True))

    assert tries == 3
    assert known == {"check": "1", "comment": "1"}
    assert (len(github.checks), len(github.comments)) == (1, 1)
    assert github.wrong == []


async def test_github_has_one_deployment_with_ten_statuses_at_most_and_its_end(tmp_path: Path):
    key_in(tmp_path / "key")
    subject = {"repository": "acme/shop", "commit": "a" * 40, "environment": "pre prod/eu"}
    with fake_github() as github:
        where = shop_at(github.http.url, tmp_path, environments=("pre prod/eu",))
        telling, known = GitHubChannel(where, has_door=True), dict[str, str]()

        async def told(run: RunSnapshot, *, again: bool = False) -> None:
            known.update(await telling.deliver(None, run, known, again=again))

        def now(status: str = "running", **fields: object) -> RunSnapshot:
            return RUN.model_copy(
                update={"subject": subject, "gates": (), "status": status} | fields
            )

        for again in (False, True, True, True, True):  # what is made loses its answer
            github.lose = 0 if again and github.statuses else 1
            with suppress(UnavailableError):
                await told(now(), again=again)
        assert [each["state"] for each in github.statuses[1]] == ["in_progress"]
        for number in range(20):
            waits = GateSnapshot(path=f"g{number}" + "x" * 300, opening=1)
            await told(now(gates=(waits,)))
            await told(now(gates=(waits,)))
        await told(now("completed", ended=True))
        await told(now("completed", ended=True), again=True)
        states = [each["state"] for each in github.statuses[1]]
        github.statuses.clear()
        made = github.deployments.pop(1)
        await told(now("terminated", ended=True, detail="by hand"))

    assert states == ["in_progress", *["pending"] * 8, "success"]
    assert (made["auto_merge"], made["required_contexts"]) == (False, [])
    assert github.statuses == {
        1: [{"state": "error", "description": "terminated: by hand", "log_url": ""}]
    }
    assert github.wrong == []


async def test_only_what_the_operator_names_is_a_deployment_and_what_actions_deploy_is_none(
    tmp_path: Path,
):
    key_in(tmp_path / "key")
    about = {"repository": "acme/shop", "commit": "a" * 40, "environment": "production"}
    with fake_github() as github:
        where = {
            "app": "1",
            "installation": 2,
            "key_file": f"{tmp_path}/key",
            "repositories": ("acme/shop",),
            "api": github.http.url,
        }
        for environments, more in ((("staging",), {}), (("production",), {"actions_run": "7"})):
            there = GitHubDestination(**where, environments=environments)
            run = RUN.model_copy(update={"subject": about | more})
            await GitHubChannel(there, has_door=True).deliver(None, run, {}, again=False)

    assert github.deployments == {}
    assert len(github.checks) == 2
