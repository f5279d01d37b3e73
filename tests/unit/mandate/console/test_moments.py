"""Times are told as people ask for them, and what is none is shown as it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from mandate.console.pages.moments import ago, text_ago, until

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def words(html: str) -> str:
    return re.sub("<[^>]*>", "", html)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "just now"),
        (30, "just now"),
        (60, "1 min ago"),
        (59 * 60, "59 min ago"),
        (3_600, "1 h ago"),
        (30 * 3_600, "30 h ago"),
        (40 * 3_600, "2 days ago"),
        (90 * 86_400, "1 Sep 2026"),
    ],
)
def test_what_was_is_so_long_ago(seconds: int, said: str):
    assert words(ago(NOW - timedelta(seconds=seconds), NOW)) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-30T12:30:00Z", "in 30 min (12:30 UTC)"),
        ("2026-11-30T15:30:00+02:00", "in 2 h (13:30 UTC)"),
        ("2026-12-02T12:00:00Z", "in 2 days (2 Dec 2026, 12:00 UTC)"),
        ("2027-12-02T12:00:00Z", "2 Dec 2027, 12:00 UTC"),
        ("2026-11-30T12:00:20Z", "now (12:00 UTC)"),
        ("2026-11-30T11:50:00Z", "passed (11:50 UTC)"),
        ("2026-11-30T12:30:00", "in 30 min (12:30 UTC)"),
    ],
)
def test_what_is_due_is_so_long_yet_and_then(text: str, said: str):
    assert words(until(text, NOW)) == said


@pytest.mark.parametrize(
    "text", ["", "soon", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_what_is_no_time_is_shown_as_it_is(text: str):
    assert words(until(text, NOW)) == words(text_ago(text)) == text
