"""A journal answers what was called before, and lets nothing unknown be done again."""

from __future__ import annotations

from pydantic_core import to_json

from dsl.limits import REPORT_BYTES_MAX, TOOL_JOURNAL_BYTES_MAX
from dsl.rules.tools.journal import CallAnswer, CallStatus, Journal, JournalEntry
from dsl.rules.tools.ruling import Passed


def entry(ordinal: int, call: str, status: str = "ok", policy: str = "allow") -> JournalEntry:
    answer = CallAnswer(status=CallStatus(status), text=f"{call}!")
    about = {"name": "pay/refund", "policy": policy, "rule": 1, "at_ms": ordinal}
    return JournalEntry(ordinal=ordinal, call=call, answer=answer, **about)


def test_the_same_call_at_the_same_place_is_answered_as_before():
    journal = Journal((entry(1, "a"), entry(2, "b")))

    assert journal.answered(1, "a") == entry(1, "a").answer
    assert journal.answered(2, "a") is None  # another place
    assert journal.answered(1, "b") is None  # another call


def test_another_call_at_a_place_that_is_taken_stands_beside_it():
    journal = Journal((entry(1, "a"),))
    journal.keep(entry(1, "b"))

    assert [each.call for each in journal] == ["a", "b"]


def test_an_equal_call_is_not_made_where_nobody_knows_of_the_first():
    journal = Journal((entry(1, "a", "unknown"), entry(2, "b")))

    assert "call 1" in (journal.refuse_repeat(3, "a") or "")
    assert journal.refuse_repeat(3, "b") is None
    assert journal.unknown() == (entry(1, "a", "unknown"),)


def test_an_equal_call_is_not_made_while_the_first_is_under_way():
    under_way = [(1, "a"), (2, "b"), (3, "a")]

    assert Journal().refuse_repeat(1, "a", under_way) is None  # what came later denies nothing
    assert "call 1" in (Journal().refuse_repeat(3, "a", under_way) or "")


def test_there_is_no_room_for_more_than_a_report_can_hold():
    journal = Journal()
    while journal.refuse() is None:
        journal.keep(entry(len(journal) + 1, "x" * 64))
    assert TOOL_JOURNAL_BYTES_MAX < len(to_json(tuple(journal))) < REPORT_BYTES_MAX
    assert Journal(tuple(journal)).refuse() == journal.refuse()


def test_what_was_let_through_or_asked_about_counts_and_what_the_table_denied_does_not():
    asked = entry(2, "b", "denied", "approve")
    journal = Journal((entry(1, "a"), asked, entry(3, "c", "denied", "deny")))

    assert journal.passed() == [Passed(1, 1), Passed(1, 2)]
