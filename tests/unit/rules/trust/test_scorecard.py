"""What a sequence of entries says about one agent."""

from __future__ import annotations

import pytest

from dsl.core import Tier
from dsl.rules.trust import scorecard
from dsl.rules.trust.scorecard import Card, advance, objection
from dsl.values.canonical import canonical
from integrations.ledger.entries import canonical_payload
from tests.fixtures.trust.facts import AGENT, REGISTERED, Story, card_of


def test_an_agent_nobody_registered_has_an_empty_card():
    assert (Card(AGENT).registered, Card(AGENT).tier, Card(AGENT).entries) == ("", Tier.T0, 0)


def test_what_was_registered_first_stays():
    story = Story()
    first = story.card
    story.tell("agent.registered", **{**REGISTERED, "tier": "T3", "pipeline": "another"})

    assert (story.card.tier, story.card.pipeline) == (Tier.T1, "deploy")
    assert (story.card.since, story.card.registered) == (first.since, first.registered)


def test_a_tier_that_is_not_told_is_the_one_of_the_entry():
    story = Story(registered=False)
    story.tell("agent.registered", column=Tier.T2)

    assert story.card.tier is Tier.T2


def test_runs_are_under_way_until_they_end():
    story = Story()
    first, second = story.begin(), story.begin()
    assert [each.run for each in story.card.current] == [first, second]

    story.end(first)
    assert [(each.run, each.stage) for each in story.card.current] == [(second, "look")]
    assert (story.card.ended, story.card.compliant, story.card.in_a_row) == (1, 1, 1)


def test_a_workflow_id_has_one_run_at_a_time():
    story = Story()
    story.tell("agent.intended", run="old", workflow="w", path="look")
    story.tell("agent.intended", run="new", workflow="w", path="look")

    assert [each.run for each in story.card.current] == ["new"]


def test_an_end_without_a_beginning_counts_against_the_agent_only():
    story = Story()
    story.runs(3)
    story.end("unknown")
    assert (story.card.ended, story.card.compliant, story.card.in_a_row) == (3, 3, 3)

    story.end("unknown", "failed")
    assert story.card.in_a_row == 0


@pytest.mark.parametrize(
    ("end", "in_a_row"),
    [
        ({"status": "completed"}, 4),
        ({"status": "completed", "attempts": 3, "errors": 2}, 4),
        ({"status": "cancelled"}, 3),
        ({"status": "failed"}, 0),
        ({"status": "failed", "errors": 1}, 0),
        ({"status": "failed", "errors": 0}, 3),
        ({"status": "failed", "attempts": 0}, 3),
        ({"status": "revoked", "errors": 0}, 0),
        ({"status": "whatever"}, 0),
        ({"status": None}, 0),
    ],
    ids=str,
)
def test_what_ends_a_row_of_compliant_runs_and_what_does_not(end, in_a_row):
    story = Story()
    story.runs(3)
    story.tell("agent.ended", run=story.begin(), **{"attempts": 1, **end})

    assert story.card.in_a_row == in_a_row
    assert story.card.ended == 4


def test_a_run_with_a_violation_is_not_compliant_even_when_it_completes():
    story = Story()
    story.runs(2)
    run = story.begin()
    story.violate(run)
    assert story.card.current[0].violated
    assert story.card.in_a_row == 0

    story.end(run)
    assert (story.card.ended, story.card.compliant, story.card.in_a_row) == (3, 2, 0)


def test_a_violation_is_kept_with_all_there_is_to_know():
    story = Story()
    story.violate(story.begin(), "token-seen", "revoke")
    [breach] = story.card.breaches

    assert (breach.kind, breach.consequence, breach.run) == ("token-seen", "revoke", "r1")
    assert (breach.seq, breach.ts) == (story.facts[-1].seq, story.facts[-1].ts)


def test_only_runs_that_began_at_the_tier_are_in_its_row():
    story = Story()
    story.runs(3)
    early = story.begin()
    story.tell("agent.promoted", was="T1", now="T2", grant=5)
    assert (story.card.tier, story.card.in_a_row) == (Tier.T2, 0)
    assert story.card.since == story.facts[-1].ts

    story.end(early)
    assert (story.card.compliant, story.card.in_a_row) == (4, 0)
    story.runs(1)
    assert (story.card.compliant, story.card.in_a_row) == (5, 1)


def test_a_promotion_told_twice_is_one():
    story = Story()
    story.tell("agent.promoted", was="T1", now="T2", grant=5)
    since = story.card.since
    story.runs(2)
    story.tell("agent.promoted", was="T1", now="T2", grant=5)

    assert (story.card.since, story.card.in_a_row) == (since, 2)


def test_a_tier_that_was_lent_is_marked_until_it_changes():
    story = Story()
    story.tell("agent.promoted", was="T1", now="T3", grant=5, trial=True)
    lent = story.card
    story.tell("agent.demoted", was="T3", now="T2", because="wrong-output")

    assert (lent.trial, lent.as_json()["trial"], story.card.trial) == (True, True, False)


def test_a_demotion_lowers_and_is_remembered():
    story = Story()
    story.runs(2)
    story.tell("agent.demoted", was="T1", now="T0", because="denied-path")

    assert (story.card.tier, story.card.in_a_row, story.card.demotions) == (Tier.T0, 0, 1)
    assert story.card.demoted == story.card.since == story.facts[-1].ts


def test_a_rebinding_begins_anew_and_sheds_nothing():
    story = Story()
    story.runs(3)
    story.tell("agent.violated", run=story.begin(), kind="wrong-output", consequence="demote")
    story.runs(2)
    story.tell("agent.rebound", was="T1", now="T1", grant=5, program="sha256:9", template="other")
    story.runs(1)

    assert (story.card.program, story.card.template) == ("sha256:9", "other")
    assert (story.card.in_a_row, story.card.compliant, story.card.violations) == (1, 6, 1)
    assert (story.card.demotions, story.card.tier) == (0, Tier.T1)


@pytest.mark.parametrize("action", ["agent.promoted", "agent.demoted", "agent.rebound"])
@pytest.mark.parametrize("payload", [{}, {"now": 1}, {"now": "T5"}, {"now": None}], ids=str)
def test_a_change_of_tier_that_names_none_is_refused(action, payload):
    assert "'now' must be a tier" in (objection(action, payload) or "")
    with pytest.raises(ValueError, match="'now' must be a tier"):
        advance(Card(AGENT), Story().tell(action, **payload))


def test_the_highest_epoch_rules_and_a_revocation_wins_a_tie():
    story = Story()
    story.runs(2)
    story.tell("agent.revoked", epoch=7)
    assert (story.card.revoked, story.card.epoch, story.card.in_a_row) == (True, 7, 0)

    story.tell("agent.revoked", epoch=7)
    story.tell("agent.reinstated", epoch=7, now="T0")
    story.tell("agent.reinstated", epoch=3, now="T0")
    assert (story.card.revoked, story.card.revocations) == (True, 1)

    story.tell("agent.revoked", epoch=7_000)  # said again: it was stopped at 7 all the same
    assert (story.card.revocations, story.card.epoch, story.card.stopped) == (1, 7_000, 7)

    story.tell("agent.reinstated", epoch=8_000, now="T0")
    assert (story.card.revoked, story.card.epoch, story.card.tier) == (False, 8_000, Tier.T0)


def test_whoever_comes_back_begins_anew_also_at_the_same_tier():
    story = Story(registered=False)
    story.tell("agent.registered", **{**REGISTERED, "tier": "T0"})
    story.tell("agent.revoked", epoch=7)
    story.tell("agent.reinstated", epoch=8, now="T0")

    assert story.card.since == story.facts[-1].ts


def test_burnt_budget_is_failed_tries_per_try_of_the_last_runs_rounded_up():
    story = Story()
    assert story.card.burn == 0
    story.runs(scorecard.BUDGET_RUNS, attempts=3, errors=3, status="failed")
    assert story.card.burn == 100

    story.runs(scorecard.BUDGET_RUNS - 1)
    story.end(story.begin(), attempts=2, errors=1)
    assert story.card.burn == 5  # 1 of 21

    story.runs(scorecard.BUDGET_RUNS)
    assert story.card.burn == 0


@pytest.mark.parametrize(
    ("end", "tried"),
    [
        ({"attempts": 3, "status": "completed"}, (3, 2)),
        ({"attempts": 3, "status": "failed"}, (3, 3)),
        ({"attempts": 3, "status": "failed", "errors": 1}, (3, 1)),
        ({"attempts": 0, "status": "failed"}, (0, 0)),
        ({"attempts": 2, "status": "failed", "errors": 9}, (2, 2)),
        ({"attempts": -1, "status": "completed", "errors": True}, (0, 0)),
        ({"status": "completed"}, (0, 0)),
    ],
    ids=str,
)
def test_what_an_end_does_not_say_of_its_tries_is_derived(end, tried):
    story = Story()
    story.tell("agent.ended", run=story.begin(), **end)
    [found] = story.card.recent

    assert (found.tries, found.errors) == tried


def test_runs_that_used_up_all_tries_are_counted_in_a_row():
    story = Story()
    story.runs(2, "failed", exhausted=True)
    story.runs(1, "cancelled")
    assert story.card.exhausted == 2

    story.runs(1)
    assert story.card.exhausted == 0


def test_secrets_it_may_have_been_handed_are_known_by_reference_once():
    story = Story()
    story.begin(secrets=["kv-build/b#x", "kv-build/a#x"])
    story.begin(secrets=["kv-build/a#x", "kv-prod/c#x"])

    assert story.card.secrets == ("kv-build/a#x", "kv-build/b#x", "kv-prod/c#x")


def test_what_the_run_records_for_its_stage_counts_for_the_stage():
    story = Story()
    run = story.begin()
    of = {"workflow": f"w/{run}", "run": run}
    story.tell("agent.violated", run="parent", kind="x", consequence="warn", of=of)
    story.tell("agent.ended", run="parent", status="completed", attempts=1, of=of)

    assert (story.card.current, story.card.ended, story.card.compliant) == ((), 1, 0)
    assert story.card.breaches[0].run == run


def test_entries_of_instances_of_nobody_and_of_other_kinds_do_not_count():
    story = Story()
    before = story.card
    for fact in (story.tell("lease.granted", fence=1), story.tell("agent.execute", summary="x")):
        assert advance(before, fact) is before

    assert not scorecard.counts("-", "agent.ended")
    assert not scorecard.counts("checker~0123456789ab", "agent.ended")


def test_the_evidence_is_the_first_and_the_last_entry_that_counted():
    story = Story()
    story.runs(2)
    story.tell("lease.granted", fence=1)
    card = story.card

    assert (card.first, card.last, card.entries) == (10, 18, 5)


def test_everything_is_bounded_and_what_is_left_out_is_counted():
    story = Story()
    for number in range(260):
        run = story.begin(secrets=[f"kv-build/{number}#x", "k" * 600])
        story.violate(run, f"kind-{number}" + "x" * 200)
    card = story.card

    assert len(card.current) == scorecard.CURRENT_MAX
    assert len(card.breaches) == scorecard.VIOLATIONS_KEPT_MAX
    assert len(card.kinds) == scorecard.KINDS_MAX + 1
    assert (card.violations, card.kinds["other"]) == (260, 220)
    assert (len(card.secrets), card.secrets_left_out) == (200, 60 + 260)
    assert max(len(kind) for kind in card.kinds) == scorecard.WORD_LENGTH_MAX
    assert len(canonical(card.as_json())) < 60_000


def test_a_card_is_told_without_floats():
    story = Story()
    story.runs(3)
    story.violate(story.begin(secrets=["kv-build/b#x"]))
    story.tell("agent.demoted", was="T1", now="T0")

    assert canonical_payload(story.card.as_json())


def test_the_clock_of_the_ledger_is_read_in_milliseconds():
    assert scorecard.milliseconds("1970-01-01T00:00:01.234567Z") == 1_234
    assert scorecard.milliseconds("2026-01-01T00:00:00.000000Z") == 1_767_225_600_000


def test_a_card_depends_on_its_entries_only():
    story = Story()
    story.runs(5)
    story.violate(story.begin())

    assert card_of(story.facts) == card_of(list(story.facts))
