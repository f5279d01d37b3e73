"""Text of others in Slack's mrkdwn: a span of code, in which nothing is a mention or a link."""

from __future__ import annotations

import re

import pytest

from dsl.shown.surfaces import SlackText
from tests.fixtures.hostile.foreign_texts import TEXTS

MORE = {
    "mention": "<@U0123> <!channel> <!here|x> <#C0123>",
    "link": "<https://evil.example|the plan>",
    "mark-up": "*b* _i_ ~s~ ```x``` `y`",
    "escaped": "&lt;!channel&gt;",
}


@pytest.mark.parametrize("text", [*TEXTS.values(), *MORE.values()], ids=[*TEXTS, *MORE])
def test_it_is_one_span_on_one_line_and_nothing_else(text: str):
    shown = SlackText.of("ours {} ours", text)
    inner = shown.removeprefix("ours ").removesuffix(" ours")

    assert "\n" not in shown
    assert not re.search("[<>]", shown)
    if inner:
        assert re.fullmatch("`[^`]+`", inner)


def test_what_is_escaped_already_is_shown_as_it_was_written():
    assert SlackText.of("{}", "&lt;") == "`&amp;lt;`"
