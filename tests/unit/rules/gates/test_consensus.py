"""The consensus rules, one by one."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from dsl.limits import APPROVERS_MAX, VOTES_MAX
from dsl.rules.gates.consensus import Decision, Rules, Verdict, Vote, refuse, tally

APPROVE, REJECT = Decision.APPROVE, Decision.REJECT
PENDING, PASSED, REJECTED = Verdict.PENDING, Verdict.PASSED, Verdict.REJECTED


def yes(voter: str, *groups: str, reason: str = "") -> Vote:
    return Vote(voter, APPROVE, groups=frozenset(groups), reason=reason)


def no(voter: str, *groups: str) -> Vote:
    return Vote(voter, REJECT, groups=frozenset(groups))


def proven(voter: str, person: str, *groups: str, decision: Decision = APPROVE) -> Vote:
    return Vote(voter, decision, person, frozenset(groups), proven=True)


def asked(*approvers: str, **fields: object) -> Rules:
    return replace(Rules(frozenset(approvers or {"ana"})), **fields)  # type: ignore[arg-type]


def verified(*approvers: str, **fields: object) -> Rules:
    return asked(*approvers, identity=frozenset({"verified"}), **fields)


def verdict(rules: Rules, *votes: Vote) -> Verdict:
    return tally(rules, votes).verdict


class TestApproval:
    def test_needs_the_quorum(self):
        rules = asked("ana", "bo", "cy", quorum=2)

        assert verdict(rules) is PENDING
        assert verdict(rules, yes("ana")) is PENDING
        assert verdict(rules, yes("ana"), yes("cy")) is PASSED

    def test_says_how_many_are_still_needed(self):
        rules = asked("ana", "bo", quorum=2)

        assert tally(rules, []).needed == 2
        assert tally(rules, [yes("bo")]).needed == 1
        assert tally(rules, [yes("bo"), yes("ana")]).needed == 0
        assert tally(rules, [no("bo")]).needed == 0

    def test_needs_each_group_to_its_own_count(self):
        rules = Rules(frozenset(), groups={"sre": 2, "security": 1})

        assert verdict(rules, yes("a", "sre"), yes("b", "sre")) is PENDING
        assert verdict(rules, yes("a", "sre"), yes("c", "security")) is PENDING
        votes = [yes("a", "sre"), yes("b", "sre"), yes("c", "security")]
        assert verdict(rules, *votes) is PASSED

    def test_needs_the_quorum_beside_the_groups(self):
        rules = Rules(frozenset({"ana"}), quorum=3, groups={"sre": 1})

        assert verdict(rules, yes("a", "sre"), yes("ana")) is PENDING
        assert verdict(rules, yes("a", "sre"), yes("ana"), yes("b", "sre")) is PASSED

    def test_counts_one_person_for_several_groups_and_once_for_the_quorum(self):
        rules = Rules(frozenset(), quorum=2, groups={"sre": 1, "security": 1})

        one = yes("a", "sre", "security")
        assert tally(rules, [one]).needed == 1
        assert verdict(rules, one, yes("b", "sre")) is PASSED

    def test_comes_from_any_member_of_a_group_that_is_asked(self):
        rules = asked("team-lead", "group:sre", quorum=2)

        assert verdict(rules, yes("a", "sre"), yes("b", "sre")) is PASSED

    def test_never_comes_by_itself(self):
        for rules in (asked(), verified(), Rules(frozenset(), groups={"sre": 1})):
            assert verdict(rules) is PENDING


class TestRejection:
    def test_of_one_approver_rejects(self):
        rules = asked("ana", "bo", "cy", quorum=1)

        assert verdict(rules, no("cy")) is REJECTED

    def test_after_the_gate_has_passed_changes_nothing(self):
        rules = asked("ana", "bo")

        found = tally(rules, [yes("ana"), no("bo")], "review")

        assert found.verdict is PASSED
        assert found.void[0][1] == "'bo' comes too late: gate 'review' is already passed"

    def test_of_a_stranger_changes_nothing(self):
        assert verdict(asked("ana"), no("mallory")) is PENDING

    def test_comes_at_once_when_the_quorum_is_out_of_reach(self):
        alone = asked("ana", "bo", quorum=2, excluded=frozenset({"bo"}))

        found = tally(alone, [])

        assert found.verdict is REJECTED
        assert found.detail == "a quorum of 2 is out of reach of: ana, bo"
        assert verdict(alone, yes("ana")) is REJECTED

    @pytest.mark.parametrize(
        "rules",
        [
            asked("ana", "group:sre", quorum=50),
            Rules(frozenset({"ana"}), quorum=50, groups={"sre": 1}),
        ],
    )
    def test_waits_where_a_group_may_be_large_enough(self, rules):
        assert verdict(rules) is PENDING


class TestVoid:
    def test_is_the_vote_of_a_stranger(self):
        assert refuse(asked("team-lead"), "review", [], yes("mallory")) == (
            "'mallory' is not an approver of gate 'review'; approvers: team-lead"
        )

    @pytest.mark.parametrize("voter", ["group:sre", "sre", "Ana", " ana", ""])
    def test_is_the_vote_of_a_name_that_only_looks_right(self, voter):
        rules = Rules(frozenset({"ana", "group:sre"}), groups={"sre": 1})

        assert verdict(rules, yes(voter)) is PENDING
        assert refuse(rules, "review", [], yes(voter)) is not None

    def test_is_the_vote_of_a_member_of_another_group(self):
        assert refuse(asked("group:sre"), "review", [], yes("a", "security", "group:sre"))

    def test_is_an_unproven_vote_where_proof_is_demanded(self):
        message = refuse(verified("ana"), "review", [], yes("ana"))

        assert message == "'ana' has not proven who they are, and gate 'review' demands it"

    def test_is_not_a_proof_where_a_claim_would_do(self):
        assert verdict(asked("ana"), proven("ana", "e1")) is PASSED

    def test_is_an_unknown_kind_of_identity_not_taken_for_a_claim(self):
        rules = replace(asked("ana"), identity=frozenset({"anonymous"}))

        assert verdict(rules, yes("ana")) is PENDING

    @pytest.mark.parametrize("reason", ["", "  \n", "...", "…", "-"])
    def test_is_a_vote_without_the_reason_that_is_required(self, reason):
        rules = asked("ana", reason_required=True)

        assert verdict(rules, yes("ana", reason=reason)) is PENDING
        assert verdict(rules, yes("ana", reason=reason), yes("ana", reason="seen")) is PASSED

    def test_is_the_vote_of_an_excluded_name_or_entity(self):
        rules = verified("ana", "bo", "group:sre", excluded=frozenset({"ana", "e2"}))

        assert verdict(rules, proven("ana", "e1")) is PENDING
        assert verdict(rules, proven("bo", "e2")) is PENDING
        assert verdict(rules, proven("other-name", "e2", "sre")) is PENDING
        assert verdict(rules, proven("cy", "e3", "sre")) is PASSED

    def test_is_a_second_vote(self):
        rules = asked("ana", "bo", quorum=2)

        message = refuse(rules, "review", [yes("ana")], no("ana"))

        assert message == "'ana' has already voted at gate 'review'; the first vote counts"

    def test_is_a_second_vote_of_one_entity_under_another_name(self):
        rules = verified("ana", "group:sre", quorum=2)

        assert verdict(rules, proven("ana", "e1"), proven("ana2", "e1", "sre")) is PENDING

    def test_is_a_second_vote_under_one_name_by_another_entity(self):
        mixed = replace(asked("ana", "bo", quorum=2), identity=frozenset({"claimed", "verified"}))

        assert verdict(mixed, yes("ana"), proven("ana", "e1")) is PENDING

    def test_uses_nothing_up(self):
        rules = verified("ana", "bo", quorum=2, reason_required=False)
        forged = [yes("ana"), no("ana"), no("bo"), no("mallory"), proven("eve", "e1")]

        assert verdict(rules, *forged, proven("ana", "e1"), proven("bo", "e2")) is PASSED

    def test_is_kept_with_its_reason_and_in_order(self):
        found = tally(asked("ana", "bo", quorum=2), [no("eve"), yes("ana"), yes("ana")])

        assert [vote.voter for vote in found.counted] == ["ana"]
        assert [(vote.voter, why.split(";")[0]) for vote, why in found.void] == [
            ("eve", "'eve' is not an approver of this gate"),
            ("ana", "'ana' has already voted at this gate"),
        ]


class TestRules:
    @pytest.mark.parametrize(
        "fields",
        [
            {"approvers": frozenset()},
            {"approvers": frozenset({"ana"}), "quorum": 0},
            {"approvers": frozenset({"ana"}), "quorum": -1},
            {"approvers": frozenset({"ana"}), "groups": {"sre": 0}},
            {"approvers": frozenset({"ana"}), "identity": frozenset()},
        ],
    )
    def test_that_nobody_could_meet_or_nobody_need_meet_are_a_programming_error(self, fields):
        with pytest.raises(ValueError, match=r"nobody|at least 1"):
            Rules(**fields)

    def test_a_proof_without_a_person_is_a_programming_error(self):
        with pytest.raises(ValueError, match="belongs to an entity"):
            Vote("ana", APPROVE, proven=True)

    def test_many_approvers_are_named_in_short(self):
        rules = asked(*(f"person-{number:02}" for number in range(40)))

        message = str(refuse(rules, "review", [], yes("mallory")))

        assert message.endswith("person-07, … (40 in all)")

    def test_the_outcome_reads_as_a_sentence(self):
        rules = asked("ana", "bo", quorum=2)

        assert tally(rules, [yes("ana")]).detail == "waiting for 1 more of: ana, bo"
        approved = tally(rules, [yes("ana", reason="looks\nright"), yes("bo")])
        assert approved.detail == "approved by ana (looks right), bo"
        assert tally(rules, [yes("bo"), no("ana")]).detail == "rejected by ana"

    def test_a_full_ballot_is_counted_in_no_time(self):
        rules = Rules(frozenset({"group:sre"}), quorum=APPROVERS_MAX, groups={"security": 1})
        votes = [yes(f"voter-{number}", "sre") for number in range(VOTES_MAX)]
        started = time.process_time()

        assert verdict(rules, *votes) is PENDING
        assert time.process_time() - started < 0.2  # of CPU; measured: some 5 ms
