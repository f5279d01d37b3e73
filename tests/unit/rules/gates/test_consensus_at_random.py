"""The consensus rules against a slow and obvious restatement, with ballots at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.rules.gates.consensus import Decision, Rules, Verdict, Vote, refuse, tally

APPROVE, REJECT = Decision.APPROVE, Decision.REJECT
PENDING, PASSED, REJECTED = Verdict.PENDING, Verdict.PASSED, Verdict.REJECTED
NAMES = ["ana", "bo", "cy", "mallory", "group:sre"]
GROUPS = ["sre", "security"]


def verdict(rules: Rules, *votes: Vote) -> Verdict:
    return tally(rules, votes).verdict


def restated(rules: Rules, votes: Sequence[Vote]) -> Verdict:
    """Decide as the rules read, by looking at every vote again and again."""
    approvals: list[Vote] = []
    possible = [
        n for n in rules.approvers if not n.startswith("group:") and n not in rules.excluded
    ]
    unbounded = bool(rules.groups) or any(n.startswith("group:") for n in rules.approvers)
    if not unbounded and len(possible) < rules.quorum:
        return REJECTED
    for vote in votes:
        by_name = vote.voter in rules.approvers and not vote.voter.startswith("group:")
        by_group = any(f"group:{g}" in rules.approvers or g in rules.groups for g in vote.groups)
        known = "claimed" in rules.identity or vote.proven or vote.door in rules.identity
        excluded = vote.voter in rules.excluded or vote.person in rules.excluded
        silent = rules.reason_required and not vote.reason
        again = any(
            other.voter == vote.voter or (vote.person and other.person == vote.person)
            for other in approvals
        )
        if not (by_name or by_group) or not known or excluded or silent or again:
            continue
        if vote.decision is REJECT:
            return REJECTED
        approvals.append(vote)
        members = {g: [v for v in approvals if g in v.groups] for g in rules.groups}
        enough = all(len(members[g]) >= count for g, count in rules.groups.items())
        if enough and len(approvals) >= rules.quorum:
            return PASSED
    return PENDING


def eligible(rules: Rules, vote: Vote) -> bool:
    """Tell whether a vote may count at all, whatever the others say."""
    asked = {*rules.groups, *(n[6:] for n in rules.approvers if n.startswith("group:"))}
    by_name = vote.voter in rules.approvers and not vote.voter.startswith("group:")
    return (
        (by_name or bool(vote.groups & asked))
        and not rules.excluded & {vote.voter, vote.person}
        and (vote.proven or "claimed" in rules.identity or vote.door in rules.identity)
        and (bool(vote.reason) or not rules.reason_required)
    )


# Approvals prevail, and small demands, or hardly any gate would ever pass.
decisions = st.sampled_from([APPROVE] * 5 + [REJECT])
persons = st.sampled_from(["e1", "e2", "e3"])
memberships = st.frozensets(st.sampled_from(GROUPS))
reasons = st.sampled_from(["", "seen", "seen", "seen"])
claims = st.builds(Vote, st.sampled_from(NAMES), decisions, reason=reasons)
proofs = st.builds(
    Vote,
    st.sampled_from(NAMES),
    decisions,
    persons,
    memberships,
    proven=st.just(True),
    reason=reasons,
)
vouched = st.builds(
    Vote,
    st.sampled_from(NAMES),
    decisions,
    persons,
    memberships,
    reason=reasons,
    door=st.sampled_from(["slack", "github"]),
)
ballots = st.lists(claims | proofs | vouched, max_size=12)
rulebooks = st.builds(
    Rules,
    st.frozensets(st.sampled_from(["ana", "bo", "cy", "group:sre"]), min_size=1),
    st.sampled_from([1, 1, 2, 3]),
    st.just({}) | st.dictionaries(st.sampled_from(GROUPS), st.integers(1, 2)),
    st.frozensets(st.sampled_from(["claimed", "verified", "slack", "github"]), min_size=1),
    st.booleans(),
    st.just(frozenset()) | st.frozensets(st.sampled_from(["ana", "e3"])),
)


@given(rulebooks, ballots)
@settings(deadline=None)
def test_every_ballot_is_decided_as_the_restatement_decides_it(rules, votes):
    assert verdict(rules, *votes) is restated(rules, votes)


@given(rulebooks, ballots, st.randoms())
@settings(deadline=None)
def test_no_order_of_votes_finds_an_approval_that_is_not_one(rules, votes, random):
    random.shuffle(votes)

    assert (verdict(rules, *votes) is PASSED) is (restated(rules, votes) is PASSED)


@given(rulebooks, ballots)
@settings(deadline=None)
def test_a_decision_never_changes(rules, votes):
    verdicts = [verdict(rules, *votes[:number]) for number in range(len(votes) + 1)]
    first = next((n for n, found in enumerate(verdicts) if found is not PENDING), len(verdicts))

    assert len(set(verdicts[first:])) <= 1


@given(rulebooks, ballots, ballots)
@settings(deadline=None)
def test_whatever_follows_a_decision_changes_nothing(rules, votes, more):
    found = tally(rules, votes)
    if found.verdict is PENDING:
        return

    after = tally(rules, [*votes, *more])

    assert (after.verdict, after.counted, after.detail) == (
        found.verdict,
        found.counted,
        found.detail,
    )
    assert len(after.void) == len(found.void) + len(more)


@given(rulebooks, st.lists(claims | proofs, max_size=4))
@settings(deadline=None)
def test_in_no_order_do_votes_pass_a_gate_that_too_few_approve(rules, votes):
    yes = [vote for vote in votes if vote.decision is APPROVE and eligible(rules, vote)]
    names = {vote.voter for vote in yes}
    members = {g: {v.voter for v in yes if g in v.groups} for g in rules.groups}
    too_few = len(names) < rules.quorum or any(
        len(members[group]) < count for group, count in rules.groups.items()
    )
    for order in permutations(votes):
        passed = verdict(rules, *order) is PASSED
        assert not (passed and too_few)
        assert passed is (restated(rules, order) is PASSED)


@given(rulebooks, st.lists(claims | proofs, min_size=1, max_size=4))
@settings(deadline=None)
def test_in_every_order_a_rejection_that_counts_comes_before_no_approval(rules, votes):
    for order in permutations(votes):
        found = tally(rules, order)
        if found.verdict is not PASSED:
            continue
        until = next(n for n in range(len(order) + 1) if verdict(rules, *order[:n]) is PASSED)
        heard: list[Vote] = []
        for vote in order[:until]:
            again = any(
                vote.voter == other.voter or (vote.person and vote.person == other.person)
                for other in heard
            )
            if eligible(rules, vote) and not again:
                assert vote.decision is APPROVE
                heard.append(vote)
        assert tuple(heard) == found.counted


@given(rulebooks, ballots)
@settings(deadline=None)
def test_what_is_void_uses_nothing_up(rules, votes):
    found = tally(rules, votes)

    again = tally(rules, found.counted)

    assert (again.verdict, again.counted, again.void) == (found.verdict, found.counted, ())
    assert len(found.counted) + len(found.void) == len(votes)


@given(rulebooks, ballots, st.data())
@settings(deadline=None)
def test_a_second_vote_of_a_person_changes_nothing(rules, votes, data):
    counted = tally(rules, votes).counted
    if not counted:
        return
    voted = data.draw(st.sampled_from(counted))
    again = replace(voted, decision=data.draw(st.sampled_from(Decision)), reason="changed my mind")
    where = data.draw(st.integers(votes.index(voted) + 1, len(votes)))

    with_it = tally(rules, [*votes[:where], again, *votes[where:]])

    assert (with_it.verdict, with_it.counted) == (tally(rules, votes).verdict, counted)


@given(rulebooks, ballots, claims | proofs)
@settings(deadline=None)
def test_a_vote_is_refused_exactly_when_it_would_not_count(rules, votes, vote):
    refused = refuse(rules, "review", votes, vote)

    before, after = tally(rules, votes), tally(rules, [*votes, vote])
    assert (refused is None) is (len(after.counted) > len(before.counted))
    if refused is not None:
        assert repr(vote.voter) in refused


@given(rulebooks, ballots)
@settings(deadline=None)
def test_nothing_passes_without_as_many_names_and_persons_as_asked(rules, votes):
    found = tally(rules, votes)
    if found.verdict is not PASSED:
        return

    voters = {vote.voter for vote in found.counted}
    entities = [vote.person for vote in found.counted if vote.person]
    assert len(voters) == len(found.counted) >= rules.quorum
    assert len(set(entities)) == len(entities)
    assert all(vote.decision is APPROVE for vote in found.counted)
    assert all(v.proven or v.known_by in rules.identity for v in found.counted) or (
        "claimed" in rules.identity
    )


@given(rulebooks, ballots)
@settings(deadline=None)
def test_as_many_more_as_are_needed_and_no_fewer_can_pass_a_pending_gate(rules, votes):
    found = tally(rules, votes)
    if found.verdict is not PENDING or not rules.groups:
        return
    everything = frozenset(rules.groups)
    more = [
        Vote(f"new-{number}", APPROVE, f"n{number}", everything, proven=True, reason="seen")
        for number in range(found.needed)
    ]

    assert verdict(rules, *votes, *more) is PASSED
    assert verdict(rules, *votes, *more[:-1]) is PENDING
