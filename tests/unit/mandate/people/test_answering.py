"""The lines that answer a gate: whole, pasteable, and for the voters it asks."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from dsl.shown.surfaces import NO_COMMAND
from mandate.people.gates.answering import answers, rejection

GATE = {"gate": "checks/review", "opening": 1, "approvers": ["group:sre", "o'brien"]}


def words(**fields: Any) -> list[list[str]]:
    return [shlex.split(line) for line in answers("deploy-1", {**GATE, **fields})]


def test_where_proof_is_asked_for_the_proof_is_all_that_is_shown():
    assert words(identity=["verified"]) == [["mandate", "approve", "deploy-1", "checks/review"]]


def test_where_a_reason_is_asked_for_the_line_has_room_for_it():
    (approve,) = words(identity=["verified"], reason_required=True)

    assert approve[-2:] == ["--reason", "..."]


def test_where_an_agent_asks_the_lines_have_room_for_the_answer():
    approve, vote = words(identity=["claimed"], question={"text": "Where?", "choices": []})

    assert approve[-2:] == ["--answer", "..."]
    assert json.loads(vote[-1])["answer"] == "..."


def test_where_one_of_several_answers_is_asked_for_there_is_a_line_for_each():
    question = {"text": "What happened?", "choices": ["happened", "did-not"]}
    lines = words(identity=["verified"], question=question)

    assert [line[-2:] for line in lines] == [["--answer", "happened"], ["--answer", "did-not"]]


@pytest.mark.parametrize(
    ("approvers", "voter"), [(["group:sre", "o'brien"], "o'brien"), (["group:sre"], "NAME")]
)
def test_where_voters_are_taken_at_their_word_the_vote_is_shown_too(approvers, voter):
    _, vote = words(identity=["claimed"], approvers=approvers)

    assert vote[:5] == ["temporal", "workflow", "signal", "-w", "deploy-1"]
    assert json.loads(vote[-1]) == {"gate": "checks/review", "decision": "approve", "voter": voter}


@pytest.mark.parametrize(
    ("fields", "more"), [({}, []), ({"reason_required": True}, ["--reason", "..."])]
)
def test_a_gate_is_rejected_by_a_line_of_its_own(fields, more):
    line = rejection("deploy 1", {**GATE, **fields})

    assert shlex.split(line) == ["mandate", "reject", "deploy 1", "checks/review", *more]


def test_a_run_whose_id_cannot_be_shown_as_it_is_has_no_line_to_copy():
    assert list(answers("a\x1b[2Jb", GATE)) == [NO_COMMAND]


def test_a_gate_of_which_little_is_told_still_has_its_line():
    assert [shlex.split(line)[1] for line in answers("r", {"gate": "g"})] == ["approve"]
