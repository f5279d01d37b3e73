"""What a run says of its gates, read with care; and text of others on a terminal."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.compiler import compile_text
from dsl.values.canonical import digest_of
from mandate.people.errors import RefusalError
from mandate.people.gates.rows import bound, find, has_gate, read_rows, refuse_digest
from tests.fixtures.engine import after_look

SUBJECT = {"plan": {"plan.json": "sha256:" + "a" * 64}}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def row(**changes: Any) -> dict[str, Any]:
    return {
        "gate": "review",
        "opening": 1,
        "escalated": False,
        "plan": "sha256:p",
        "inputs": digest_of({"environment": "staging"}),
        "run_inputs": {"environment": "staging"},
        "subject": SUBJECT,
        "subject_digest": digest_of(SUBJECT),
        **changes,
    }


def test_a_row_is_read_and_fields_of_a_later_release_are_left_alone():
    vault = {"state": "filed", "detail": "", "requests": [], "new": 1}
    (found,) = read_rows([row(vault=vault, votes=2, something={"new": True})])

    assert (found.gate, found.opening, found.vault.state) == ("review", 1, "filed")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        5,
        [None],
        [{}],
        [row(opening=True)],
        [row(opening="1")],
        [row(escalated=0)],
        [row(subject=[])],
        [row(vault={"state": "filed", "requests": [{}]})],
    ],
)
def test_what_is_no_answer_of_ours_is_refused(answer):
    if answer == {}:
        assert read_rows(answer) == ()
        return
    with pytest.raises(RefusalError, match="not that of a pipeline"):
        read_rows(answer)


@given(json_values)
def test_no_answer_breaks_the_reading(answer):
    with contextlib.suppress(RefusalError):
        read_rows(answer)


def test_a_gate_is_found_by_path_or_by_a_name_that_is_unique():
    rows = read_rows([row(gate="a/review"), row(gate="b/review"), row(gate="c/last")])

    assert find(rows, "a/review").gate == "a/review"
    assert find(rows, "last").gate == "c/last"
    with pytest.raises(RefusalError, match=r"several gates are pending .*a/review, b/review"):
        find(rows, "review")
    with pytest.raises(RefusalError, match="no gate is pending under the name 'x'"):
        find(rows, "x")
    with pytest.raises(RefusalError, match="pending now: none"):
        find((), "x")


def test_a_gate_that_does_not_wait_is_one_of_the_plan_all_the_same():
    looked_at = after_look({"name": "review", "type": "gate", "config": {"approvers": ["ann"]}})
    plan = compile_text(json.dumps(looked_at), "p.yaml").plan

    assert has_gate(plan, "review")
    assert not has_gate(plan, "look")
    assert not has_gate(plan, "look/question-1")


def test_a_path_wins_over_a_bare_name():
    assert find(read_rows([row(gate="a/review"), row()]), "review").gate == "review"


def test_a_digest_is_believed_only_when_it_is_that_of_what_is_shown():
    other = {"plan": {"plan.json": "sha256:other"}}
    honest, forged, elsewhere = read_rows(
        [row(), row(subject=other), row(run_inputs={"environment": "production"})]
    )

    assert refuse_digest(honest) is None
    assert honest.subject_digest in str(refuse_digest(forged))
    assert honest.inputs in str(refuse_digest(elsewhere))


@pytest.mark.parametrize(
    "lie",
    [
        {"digest": "sha256:" + "b" * 64},
        {"name": "another.json"},
        {"stage": "another"},
    ],
)
def test_an_output_that_is_not_what_is_signed_is_not_described(lie):
    told = {"stage": "plan", "name": "plan.json", "digest": "sha256:" + "a" * 64, "size": 3}
    honest, forged = read_rows([row(outputs=[told]), row(outputs=[told, {**told, **lie}])])

    assert refuse_digest(honest) is None
    assert "is described as" in str(refuse_digest(forged))


@pytest.mark.parametrize(
    "change",
    [
        {"opening": 2},
        {"escalated": True},
        {"plan": "sha256:q"},
        {"inputs": "sha256:i"},
        {"subject_digest": "sha256:s"},
        {"gate": "other"},
        {
            "vault": {
                "state": "filed",
                "requests": [{"stage": "s", "agent": "a", "place": "p", "accessor": "x"}],
            }
        },
    ],
)
def test_whatever_a_vote_is_bound_to_makes_another_gate_of_it(change):
    before, after = read_rows([row(), row(**change)])

    assert bound(before) != bound(after)


def test_a_vote_or_a_reminder_makes_no_other_gate_of_it():
    vote = {"voter": "bob", "decision": "approve", "proven": True}
    before, after = read_rows([row(), row(voted=[vote], still_needed=1, due="later")])

    assert bound(before) == bound(after)
