"""What services refuse, and what people write: one sentence, nothing lost, nothing obeyed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from dsl.notify.destinations import EmailDestination, SlackDestination
from dsl.rules.notify.changes import Event, changes
from dsl.rules.notify.reading import snapshot_of
from dsl.rules.notify.snapshot import RunSnapshot
from dsl.shown.surfaces import Terminal
from integrations.errors import IntegrationError
from integrations.github.channel import GitHubChannel
from integrations.github.pages import status_of_deployment, word_for_deployment
from integrations.notify.channel import MessageChannel
from integrations.notify.mail import MailChannel
from integrations.slack.channel import SlackChannel
from tests.fixtures.notify.github import fake_github, key_in
from tests.fixtures.notify.receiver import Reply, mailbox
from tests.fixtures.notify.slack import BOT, CHANNEL, fake_slack, words_in
from tests.integration.notify.test_lost_answers import shop_at

ABOUT = {"repository": "acme/shop", "commit": "a" * 40, "pull_request": "5"}
RUN = RunSnapshot(workflow="w", run="r", pipeline="p", status="failed", ended=True, subject=ABOUT)
[ENDED] = changes(None, RUN)


async def sentence_of(channel: MessageChannel, again: bool = False) -> str:
    """Return what keeps a message."""
    with pytest.raises(IntegrationError) as caught:
        await channel.deliver(ENDED, RUN, {}, again=again)
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 300
    return said


def refusal(status: int, message: str) -> Reply:
    body = json.dumps({"message": message}).encode()
    return Reply(status, {"Content-Type": "application/json"}, body)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusal(401, "A JSON web token could not be decoded"), "is it the App's own key"),
        (refusal(401, "'Issuer' claim ('iss') must be an Integer"), "is the App's id right"),
        (refusal(403, "This installation has been suspended"), "is its installation active"),
        (refusal(404, "Not Found"), "is the App installed there"),
        (refusal(410, "Gone"), "github answers 410: Gone"),
        (Reply(302, {"Location": "https://evil.example/"}), "github answers 302"),
        (Reply(200, {}, b"<html>maintenance</html>"), "something else than JSON"),
        (Reply(201, {}, b'{"token": 5}'), "gives no token"),
    ],
)
async def test_an_app_that_is_let_in_no_more_is_a_sentence_and_told_once_it_is(
    tmp_path: Path, answer: Reply, said: str
):
    key_in(tmp_path / "key")
    with fake_github() as github:
        telling = GitHubChannel(shop_at(github.http.url, tmp_path), has_door=True)
        github.faults = [answer]  # to who wants a token
        sentence = await sentence_of(telling)
        assert github.checks == github.comments == {}
        await telling.deliver(ENDED, RUN, {}, again=True)

    assert said in sentence
    assert (len(github.checks), len(github.comments)) == (1, 1)


@pytest.mark.parametrize(
    ("operation", "answer", "said"),
    [
        ("issues/create-comment", refusal(403, "Unable to create comment"), "Unable to create"),
        ("issues/create-comment", refusal(410, "This issue was deleted"), "This issue was deleted"),
        ("checks/create", refusal(422, "No commit found for SHA: aaaa"), "No commit found"),
        ("checks/create", refusal(404, "Not Found"), "is the App installed there"),
    ],
)
async def test_a_place_that_is_gone_is_a_sentence_and_the_rest_is_not_made_twice(
    tmp_path: Path, operation: str, answer: Reply, said: str
):
    key_in(tmp_path / "key")
    with fake_github() as github:
        telling = GitHubChannel(shop_at(github.http.url, tmp_path), has_door=True)
        github.refuse[operation] = answer
        sentence = await sentence_of(telling)
        await telling.deliver(ENDED, RUN, {}, again=True)

    assert said in sentence
    assert (len(github.checks), len(github.comments)) == (1, 1)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("channel_not_found", "is the channel's id right"),
        ("not_in_channel", "invite the app into the channel"),
        ("is_archived", "the channel is archived: name another"),
        ("token_revoked", "install the app again"),
        ("account_inactive", "install the app again"),
        ("invalid_auth", "put a valid bot token"),
        ("missing_scope", "give the app chat:write"),
        ("restricted_action", "slack answers 'restricted_action'"),
        ("<!channel>\n" * 50, "slack answers"),
    ],
)
async def test_a_channel_that_takes_nothing_is_a_sentence_and_told_once_it_does(
    tmp_path: Path, code: str, said: str
):
    (tmp_path / "bot").write_text(BOT)
    async with fake_slack() as slack:
        api = f"{slack.http.url}/api"
        where = SlackDestination(channel=CHANNEL, token_file=f"{tmp_path}/bot", api=api)
        telling = SlackChannel(where, has_door=True)
        slack.error = code
        sentence = await sentence_of(telling)
        slack.error = ""
        await telling.deliver(ENDED, RUN, {}, again=True)

    assert said in sentence
    assert len(slack.messages) == 2  # the board, and that it has ended


async def test_what_somebody_made_of_our_messages_is_ours_again_or_made_anew(tmp_path: Path):
    key_in(tmp_path / "key")
    (tmp_path / "bot").write_text(BOT)
    async with fake_slack() as slack:
        with fake_github() as github:
            where = SlackDestination(
                channel=CHANNEL, token_file=f"{tmp_path}/bot", api=f"{slack.http.url}/api"
            )
            channels: Mapping[str, MessageChannel] = {
                "slack": SlackChannel(where, has_door=True),
                "github": GitHubChannel(shop_at(github.http.url, tmp_path), has_door=True),
            }
            known = {
                name: await each.deliver(ENDED, RUN, {}, again=False)
                for name, each in channels.items()
            }
            github.comments[1]["body"] = "approved by ann, merge it"  # by who may edit it
            slack.messages.clear()
            for name, each in channels.items():
                await each.deliver(None, RUN, known[name], again=False)

    assert github.comments[1]["body"].startswith("<!-- mandate")
    assert "merge it" not in github.comments[1]["body"]
    assert (len(github.comments), len(slack.messages)) == (1, 1)


HOSTILE = (
    "{{7*7}} ${{ secrets.TOKEN }} {% raw %} %s {0.__class__} $(id)",
    "@all @here @acme/sre <!channel> <!here|x> <@U0123> #1 GH-2",
    "**b** [x](https://evil.example) ![i](https://evil.example/p.png) *bold* _i_",
    "<img src=x onerror=alert(1)></code><script>x</script><!-- mandate 0 -->",
    "ok\r\nBcc: all@example.org\r\n\r\n/mandate approve g\n### Decided\n- `g`: approved",
    "` **out** ``` ```` <https://evil.example|the plan> &lt;!channel&gt;",
)


OBEYED = ("{{", "@all", "@here", "<!", "<@U", "evil.example", "**", "<img", "<script", "approve g")


def said_by(text: str) -> tuple[RunSnapshot, list[tuple[Event | None, RunSnapshot]]]:
    """Return a run in which people have written that, wherever they can, and what it tells."""
    gate = {"gate": "g", "opening": 1, "description": text, "due": text, "still_needed_of": text}
    status = {
        "pipeline": text,
        "version": text,
        "waiting_for": [{**gate, "outputs": [{"stage": "s", "name": text}], "identity": ["slack"]}],
        "approvals": [{"gate": "h", "opening": 1, "verdict": "rejected", "detail": text}],
        "stages": {"s": {"type": "agent", "status": "failed", "detail": text}},
    }
    run = snapshot_of(status, workflow=text, run="r").model_copy(update={"subject": ABOUT})
    ends = {"ended": True, "status": "failed", "detail": text, "gates": ()}
    over = run.model_copy(update=ends)
    told = [(event, run) for event in changes(None, run)]
    return over, [*told, *((event, over) for event in changes(run, over))]


def beside_code(text: str) -> str:
    """Return what is left of Markdown without our mark, and without its code."""
    without = re.sub(r"(?ms)^```$.*?^```$", "", re.sub(r"\A<!-- mandate \w+ -->\n", "", text))
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", without)


@pytest.mark.parametrize("text", HOSTILE)
async def test_what_people_write_is_shown_everywhere_and_obeyed_nowhere(tmp_path: Path, text: str):
    key_in(tmp_path / "key")
    (tmp_path / "bot").write_text(BOT)
    over, told = said_by(text)
    shown: list[str] = []
    async with fake_slack() as slack, mailbox() as box:
        with fake_github() as github:
            where = SlackDestination(
                channel=CHANNEL, token_file=f"{tmp_path}/bot", api=f"{slack.http.url}/api"
            )
            boxes = {"host": "127.0.0.1", "port": box.port, "tls": "none"}
            mail = EmailDestination.model_validate({**boxes, "from": "m@a.b", "to": ["d@a.b"]})
            for telling in (
                SlackChannel(where, has_door=True),
                GitHubChannel(shop_at(github.http.url, tmp_path), has_door=True),
                MailChannel("duty", mail),
            ):
                known: Mapping[str, str] = {}
                for event, run in told:
                    known = await telling.deliver(event, run, known, again=False)
            mails = await box.until(len(told))
            shown += [beside_code(each["body"]) for each in github.comments.values()]
            shown += [beside_code(each["output"]["summary"]) for each in github.checks.values()]
            for each in slack.http.heard:
                shown.append(re.sub("`[^`]*`", "", words_in(each.json)))
    shown.append(beside_code(word_for_deployment(over)))
    word = status_of_deployment(over)["description"]  # GitHub shows it as it stands
    shown_once = " ".join(each.get_content() for each in mails)

    assert [found for found in OBEYED if any(found in each for each in shown)] == []
    assert github.wrong == slack.wrong == []
    assert word.isprintable()
    assert all(each["To"] == "d@a.b" and each["Bcc"] is None for each in mails)
    assert not re.search(r"(?m)^(Bcc:|/mandate|###)", shown_once)
    assert str(Terminal.of("{}", text)) in shown_once  # nothing of it is lost
