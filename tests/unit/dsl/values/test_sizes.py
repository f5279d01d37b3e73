"""A sentence is cut where it enters, and says so."""

from __future__ import annotations

from activities.contracts.messages import AgentReport
from dsl.limits import DETAIL_LENGTH_MAX
from dsl.values.sizes import sentence


def test_a_sentence_stays_as_it_is():
    assert sentence("x" * DETAIL_LENGTH_MAX) == "x" * DETAIL_LENGTH_MAX


def test_a_million_characters_are_cut_and_counted():
    short = sentence("x" * 1_000_000)
    kept = short.index(" ...")

    assert len(short) <= DETAIL_LENGTH_MAX
    assert short.endswith(f"({1_000_000 - kept} more characters)")


def test_a_report_brings_no_more_than_a_sentence_into_a_run():
    read = AgentReport.model_validate_json(
        '{"status": "failed", "detail": "' + "x" * 1_000_000 + '"}'
    )

    assert len(read.detail) <= DETAIL_LENGTH_MAX
