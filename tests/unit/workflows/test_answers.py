"""A query is answered however much there is to tell, and says what it leaves out."""

from __future__ import annotations

from typing import Any

from dsl.limits import ANSWER_BYTES_MAX
from dsl.values.canonical import digest_of
from dsl.values.sizes import wire_bytes
from mandate.people.gates.rows import read_rows
from workflows.runtime.query_answers import SENTENCE_MAX, decided_rows, gate_rows, stage_rows


def row(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "gate": f"{'o' * 60}/{'i' * 60}/g{number}",
        "opening": 1,
        "escalated": False,
        "due": "2026-01-01T00:00:00+00:00",
        "plan": digest_of("plan"),
        "inputs": digest_of({}),
        "subject": {},
        "subject_digest": digest_of({}),
        "description": "",
        "vault": {"state": "none", "detail": "", "requests": []},
        **fields,
    }


def test_what_fits_is_told_in_full():
    rows, left_out = gate_rows([row(1), row(2)], {"region": "eu"})

    assert [each["run_inputs"] for each in rows] == [{"region": "eu"}] * 2
    assert left_out == []


def test_inputs_that_all_gates_have_in_common_are_left_out_first():
    rows, left_out = gate_rows([row(n) for n in range(1000)], {"text": "x" * 1_000_000})

    assert len(rows) == 1000
    assert left_out == ["run_inputs"]


def test_one_gate_is_told_in_full_whatever_the_inputs():
    (one,), left_out = gate_rows([row(1)], {"text": "x" * 1_000_000})

    assert one["run_inputs"] == {"text": "x" * 1_000_000}
    assert left_out == []


def test_a_thousand_gates_over_a_hundred_outputs_each_fit_and_can_be_read():
    subject = {"plan": {f"output-{n}": digest_of(n) for n in range(100)}}
    rows, left_out = gate_rows([row(n, subject=subject) for n in range(1000)], {})

    assert wire_bytes(rows) <= ANSWER_BYTES_MAX
    assert len(read_rows(rows)) == 1000
    assert left_out == ["run_inputs", "outputs", "subject"]


def test_what_is_told_of_outputs_is_left_out_before_their_digests():
    subject = {"plan": {"plan.json": digest_of(1)}}
    told = [{"stage": "plan", "name": "plan.json", "media_type": "x" * 5_000}]
    rows, left_out = gate_rows([row(n, subject=subject, outputs=told) for n in range(1000)], {})

    assert left_out == ["run_inputs", "outputs"]
    assert {each["subject"] == subject and each["outputs"] == [] for each in rows} == {True}


def test_a_thousand_gates_with_long_texts_fit_and_can_be_read():
    rows, left_out = gate_rows([row(n, description="x" * 2_000) for n in range(1000)], {})

    assert wire_bytes(rows) <= ANSWER_BYTES_MAX
    assert len(read_rows(rows)) == 1000
    assert left_out == ["run_inputs", "outputs", "subject", "all but the names"]


def test_what_does_not_fit_at_all_is_counted():
    rows, left_out = gate_rows([row(n) for n in range(1000)], {}, room=10_000)

    assert 0 < wire_bytes(rows) <= 10_000
    assert left_out[-1] == f"{1000 - len(rows)} gates"


def test_long_sentences_of_many_stages_are_cut():
    stages = {
        f"s{n}": {"type": "agent", "status": "failed", "detail": "\U0001f600" * 1_000}
        for n in range(1000)
    }
    short, left_out = stage_rows(stages)

    assert wire_bytes(short) <= ANSWER_BYTES_MAX * 2 // 3
    assert {len(each["detail"]) for each in short.values()} == {SENTENCE_MAX}
    assert left_out == ["detail"]


def test_of_gates_that_were_decided_the_votes_are_left_out_first():
    rows = [{"gate": f"g{n}", "votes": [{"reason": "x" * 1_000}]} for n in range(10)]

    assert decided_rows(rows, room=20_000) == (rows, [])
    short, left_out = decided_rows(rows, room=1_000)
    assert ([row["votes"] for row in short], left_out) == ([1] * 10, ["votes"])
    assert decided_rows(rows, room=10) == ([], ["approvals"])
