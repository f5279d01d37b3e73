"""Links of a chain show whose a call is, once each, and in no other order."""

from __future__ import annotations

import pytest

from dsl.rules.tools.chain import Chain, follows


def links(chain: Chain) -> list[str]:
    shown = []
    while chain.next is not None:
        shown.append(chain.next)
        chain.shown()
    return shown


@pytest.mark.parametrize("length", [1, 2, 1_500])
def test_each_link_follows_on_the_one_before_and_the_first_on_the_head(length: int):
    chain = Chain(b"end", length)
    head = chain.head
    shown = links(chain)

    assert len(shown) == length
    assert all(follows(link, tip) for tip, link in zip([head, *shown], shown, strict=False))
    assert not any(follows(link, link) for link in shown)


def test_what_was_shown_proves_nothing_any_more_and_tells_no_later_link():
    chain = Chain(b"end", 3)
    first, second, third = links(chain)

    assert not follows(first, first)
    assert not follows(first, second)
    assert not follows(third, first)
    assert len({chain.head, first, second, third}) == 4


def test_another_attempt_has_another_chain():
    ours, theirs = Chain(b"one", 3), Chain(b"two", 3)

    assert not follows(theirs.next or "", ours.head)
