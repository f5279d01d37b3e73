"""What a service has taken, and whose answer was lost on its way, is not sent again."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dsl.notify.site import GitHubDestination, SlackDestination
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


async def test_github_has_one_check_and_one_comment(tmp_path: Path):
    key_in(tmp_path / "key")
    with fake_github() as github:
        where = GitHubDestination(
            app="1",
            installation=2,
            key_file=f"{tmp_path}/key",
            repositories=("acme/shop",),
            api=github.http.url,
        )
        github.lose = 2
        tries, known = await delivered(GitHubChannel(where, has_door=True))

    assert tries == 3
    assert known == {"check": "1", "comment": "1"}
    assert (len(github.checks), len(github.comments)) == (1, 1)
    assert github.wrong == []
