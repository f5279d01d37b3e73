"""What a receipt says, and what a person reads of it."""

from __future__ import annotations

from typing import Any

import pytest

from activities.contracts.trust_specs import Braked, ReceiptLine
from mandate.people.revoking import Ended, told
from tests.unit.mandate.programs import mandate
from workflows.trust.receipt import WAITING, Receipt


def confirmed(*lines: str, **fields: Any) -> Braked:
    return Braked(lines=tuple(ReceiptLine(what=line, confirmed=True) for line in lines), **fields)


def test_nothing_is_confirmed_before_its_brake_has_answered():
    receipt = Receipt("a", 7)
    one, two = receipt.brake("x.one", "one"), receipt.brake("x.two", "two")
    empty = Receipt("a", 7).as_json()
    before = receipt.as_json()
    one.answered(confirmed("one", by="ann"))
    half = receipt.as_json()
    two.answered(confirmed("two", rotate=("kv/a#b",)))
    whole = receipt.as_json()

    assert empty["complete"] is False
    assert [line["detail"] for line in before["lines"]] == [f"{WAITING}x.one", f"{WAITING}x.two"]
    assert [each["complete"] for each in (before, half, whole)] == [False, False, True]
    assert whole == {
        "agent": "a",
        "epoch": 7,
        "lines": [
            {"what": "one", "confirmed": True, "detail": ""},
            {"what": "two", "confirmed": True, "detail": ""},
        ],
        "complete": True,
        "rotate": ["kv/a#b"],
        "by": "ann",
    }


def test_what_is_asked_again_is_confirmed_again_or_not_at_all():
    receipt = Receipt("a", 7)
    brake = receipt.brake("x.one", "one")
    brake.answered(confirmed("one"))
    brake.asked_again()
    again = receipt.as_json()
    brake.refused("not proven: no")
    refused = receipt.as_json()

    assert again["complete"] is False
    assert refused["lines"] == [{"what": "one", "confirmed": False, "detail": "not proven: no"}]
    assert "NOT confirmed" in receipt.markdown()


def test_a_person_reads_a_line_for_each_and_what_to_rotate():
    lines = [
        {"what": "vault: identity disabled", "confirmed": True, "detail": ""},
        {"what": "dragonfly: no lock", "confirmed": False, "detail": "\x1b[2Jaway\nfor long"},
    ]
    ended = Ended({"lines": lines, "rotate": ["kv-build/a#key"]}, "")

    assert list(told(ended)) == [
        "confirmed      vault: identity disabled",
        "NOT confirmed  dragonfly: no lock  (?[2Jaway ↵ for long)",
        "rotate         kv-build/a#key",
    ]
    assert not ended.is_complete


@pytest.mark.parametrize("receipt", [{}, {"complete": "yes"}, {"complete": False}])
def test_only_a_complete_receipt_is_complete(receipt):
    assert not Ended(receipt).is_complete
    assert not Ended({"complete": True}, "refused").is_complete
    assert Ended({"complete": True}).is_complete


@pytest.mark.parametrize(("agent", "reason"), [("A/*", "x"), ("a", " "), ("a", "x" * 2_001)])
def test_bad_words_reach_no_server(tmp_path, agent, reason):
    said = mandate("revoke", agent, "--reason", reason, cwd=tmp_path)

    assert said.returncode == 2
    assert said.stderr.startswith("mandate revoke: ")
