"""Text of others in Markdown, as a parser of CommonMark and of GitHub's tables reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dsl.core import StageStatus
from dsl.shown.foreign import legible
from dsl.shown.surfaces import NO_COMMAND, Markdown, Terminal
from tests.fixtures.hostile.foreign_texts import ISOLATE, TEXTS

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def shape(page: str) -> list[tuple[str, str]]:
    """Return what a parser finds in a page: the kind of each token, and the text of leaves."""
    found = []
    for token in PARSER.parse(page):
        found.append((token.type, "" if token.children else token.content))
        found += [(child.type, child.content) for child in token.children or ()]
    return [each for each in found if each != ("text", "")]


def check(text: str) -> None:
    """Fail unless a text between words of ours is one span of code that says what people read."""
    page = Markdown.joined(
        "\n", (Markdown.of("- ours {} ours", text), Markdown("- **next**"), Markdown())
    )
    spans = [content.strip(ISOLATE) for kind, content in shape(page) if kind == "code_inline"]
    harmless = shape(Markdown("- ours `x` ours\n- **next**\n"))

    assert [kind for kind, _ in shape(page)] == [kind for kind, _ in harmless]
    assert spans == [legible(text)]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_none_of_the_fifty_is_more_than_a_span_of_code(text):
    check(text)


@given(st.text(st.sampled_from("`` \n-*_#[](){}<>!|~:$\\&;=+a1/."), min_size=1, max_size=40))
def test_whatever_is_put_together_of_its_characters_is_a_span_of_code(text):
    if legible(text):
        check(text)


def test_what_came_through_the_same_door_is_left_alone_and_of_another_is_not():
    word = Markdown.of("**{}**", "a*b")

    assert Markdown.of("{} {}", word, Terminal("**x**")) == "**`a*b`** `**x**`"
    assert Terminal.of("{} {}", Terminal("a  b"), "a  b") == "a  b a ␣×2 b"
    assert Markdown.of("{} {} {}", 5, True, StageStatus.FAILED) == "5 True failed"


def test_text_from_the_right_reorders_itself_alone():
    assert Markdown.of("{}: 10", "\u05d0") == "`\u2068\u05d0\u2069`: 10"


def test_a_command_is_a_block_of_code_or_a_sentence():
    line = Markdown.command("mandate approve {} {}", "```\n# x", "review")

    assert line == NO_COMMAND
    assert Markdown.command("mandate approve {} {}", "a`b", "review") == (
        "```\nmandate approve 'a`b' review\n```"
    )
