"""The page of a run: what it says, that nothing in it is obeyed, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from time import process_time

import pytest

from dsl.shown.surfaces import Html
from mandate.work.look.report.findings import LedgerVerdict
from mandate.work.look.report.page import POLICY, report_page
from tests.fixtures.hostile.foreign_texts import TEXTS
from tests.fixtures.hostile.markup import PAYLOADS
from tests.fixtures.report.made_up import BEGAN, entry, hostile, large

PAGE_BYTES_MAX = 2 << 20
PAGE_S_MAX = 2.0


class Shape(HTMLParser):
    """The elements of a page, each with the names of its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


HARMLESS = Shape(report_page(hostile("word"))).found


@pytest.mark.parametrize("text", [*PAYLOADS, *TEXTS.values()], ids=repr)
def test_whatever_is_written_the_page_has_the_elements_it_has_with_a_plain_word(text):
    assert Shape(report_page(hostile(text))).found == HARMLESS


def test_it_has_no_script_and_nothing_from_elsewhere_and_forbids_both():
    page = report_page(large(3))
    tags = {tag for tag, _ in Shape(page).found}

    assert not tags & {"script", "link", "img", "iframe", "object", "form", "input", "base", "a"}
    assert f'http-equiv="Content-Security-Policy" content="{POLICY}"' in page
    assert "url(" not in page
    assert "@import" not in page


def test_a_vote_says_who_when_why_and_how_that_is_known():
    said = {
        "stages": {},
        "approvals": [
            {
                "gate": "ok",
                "opening": 1,
                "verdict": "approved",
                "detail": "by two",
                "votes": [
                    {
                        "voter": "ann",
                        "decision": "approve",
                        "reason": "read",
                        "identity": "verified",
                    },
                    {"voter": "bob", "decision": "approve", "reason": "", "identity": "claimed"},
                ],
            }
        ],
    }
    found = large(1)
    told = type(found.account.told).model_validate(said)
    entries = (
        entry(1, "gate.opened", gate="ok", opening=1),
        entry(60, "vote.proven", gate="ok", opening=1, name="ann"),
        entry(120, "gate.decided", gate="ok", opening=1),
    )
    page = report_page(replace(found, account=replace(found.account, told=told), entries=entries))

    assert "signed with their own key" in page
    assert "nobody has proven it" in page
    assert "2026-01-01 00:01:00 UTC" in page  # when ann's vote was proven
    assert "2026-01-01 00:02:00 UTC" in page  # when it was decided
    assert "1 gate(s) decided by ann, bob" in page


@pytest.mark.parametrize(
    ("is_sound", "words"),
    [
        (True, "is intact, and agrees"),
        (False, "cannot be relied on"),
        (None, "was not verified"),
    ],
)
def test_the_verdict_on_the_ledger_is_said_in_words(is_sound, words):
    page = report_page(replace(large(1), verdict=LedgerVerdict(is_sound, ("a",), ("b",))))

    assert words in page
    assert '<li class="bad">b</li>' in page


def test_a_ledger_that_was_not_compared_is_not_said_to_agree():
    page = report_page(replace(large(1), verdict=LedgerVerdict(True, is_compared=False)))

    assert "The ledger is intact." in page
    assert "agrees" not in page


@pytest.mark.parametrize(
    ("starter", "closed", "is_said"),
    [(None, BEGAN, False), ("", BEGAN, True), ("ann", BEGAN, True), ("", None, True)],
)
def test_who_started_it_is_said_where_that_is_told(starter, closed, is_said):
    found = large(1)
    told = found.account.told.model_copy(update={"starter": starter})
    status = "completed" if closed else "running"
    account = replace(found.account, told=told, closed=closed, status=status)
    page = report_page(replace(found, account=account))

    assert ("started by" in page) is is_said
    assert (starter or "nobody who could be proven") in page or not is_said


def test_a_run_under_way_is_told_as_far_as_it_is():
    found = large(2)
    account = replace(found.account, status="running", closed=None, answered=False)
    page = report_page(replace(found, account=account, plan=None, phases={}, missing=("why",)))

    assert "under way" in page
    assert "its stages: it did not answer" in page
    assert "<li>why</li>" in page
    assert str(BEGAN.year) in page


def test_a_run_of_a_hundred_stages_is_a_page_within_its_limits():
    found = large(100)
    began = process_time()
    page = report_page(found)

    assert process_time() - began < PAGE_S_MAX
    assert len(page.encode()) < PAGE_BYTES_MAX
    assert isinstance(page, Html)


def test_a_run_of_a_thousand_stages_says_what_is_left_out():
    page = report_page(large(1_000))

    assert "800 more stages are not drawn" in page
    assert "more outputs" in page
