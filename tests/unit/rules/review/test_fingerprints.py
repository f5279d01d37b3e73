from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dsl.limits import EVIDENCE_LENGTH_MAX, MESSAGE_LENGTH_MAX
from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import MEANINGS, AnomalyKind, Realm, realm_of
from dsl.review.sighting import Sighting
from dsl.rules.review.fingerprints import named
from dsl.rules.review.severity import at_least, rank

SEEN = Sighting(
    kind=AnomalyKind.SECURITY,
    severity=AnomalySeverity.HIGH,
    confidence=0.9,
    path="app/run.py",
    line=12,
    message="a shell is started with what somebody gave",
    tool="bandit",
    rule="B602",
    symbol="run",
    mark="subprocess.run(given, shell=True)",
)


def prints(*seen: Sighting) -> list[str]:
    return [each.fingerprint for each in named(seen)]


def test_a_moved_line_is_no_new_anomaly():
    assert prints(SEEN) == prints(replace(SEEN, line=900))


def test_a_message_with_other_counts_is_no_new_anomaly():
    assert prints(SEEN) == prints(replace(SEEN, message="another", evidence="17 > 10"))


def test_a_formatted_line_is_no_new_anomaly():
    assert prints(SEEN) == prints(replace(SEEN, mark="  subprocess.run(given,   shell=True)\n"))


def test_each_part_of_the_identity_tells_apart():
    others = [
        replace(SEEN, kind=AnomalyKind.DEFECT),
        replace(SEEN, path="app/walk.py"),
        replace(SEEN, rule="B603"),
        replace(SEEN, symbol="walk"),
        replace(SEEN, mark="subprocess.run(other, shell=True)"),
    ]
    assert len(set(prints(SEEN, *others))) == 6


def test_of_several_alike_the_last_goes_where_one_goes():
    three = [replace(SEEN, line=line) for line in (3, 8, 20)]

    before, after = set(prints(*three)), set(prints(*three[1:]))

    assert len(before) == 3
    assert after < before


def test_what_two_tools_see_on_a_line_is_one_anomaly():
    one = replace(SEEN, kind=AnomalyKind.DEAD_CODE, tool="vulture", rule="unused", confidence=0.6)
    other = replace(one, tool="ruff", rule="F401", confidence=0.95, mark="import os", symbol="")

    assert [each.tool for each in named([one, other])] == ["ruff"]


def test_two_rules_on_a_line_of_security_are_two():
    assert len(named([SEEN, replace(SEEN, rule="B607")])) == 2


@given(st.lists(st.sampled_from([1, 2, 3, 9]), max_size=6), st.randoms())
def test_the_order_in_which_tools_answer_means_nothing(lines, random):
    seen = [replace(SEEN, line=line, mark=str(line % 2)) for line in lines]
    shuffled = random.sample(seen, len(seen))

    assert named(seen) == named(shuffled)


def test_too_much_text_is_cut_and_what_is_no_text_replaced():
    (anomaly,) = named([replace(SEEN, message="m" * 9_999, evidence="\udcff" * 9_999)])

    assert len(anomaly.message) == MESSAGE_LENGTH_MAX
    assert len(anomaly.evidence) == EVIDENCE_LENGTH_MAX
    anomaly.model_dump_json()


def test_severities_have_an_order():
    assert sorted(AnomalySeverity, key=rank) == ["low", "medium", "high", "critical"]
    assert at_least(AnomalySeverity.CRITICAL, AnomalySeverity.HIGH)
    assert not at_least(AnomalySeverity.MEDIUM, AnomalySeverity.HIGH)


def test_every_kind_says_what_it_means_and_of_what_it_is():
    assert set(MEANINGS) == set(AnomalyKind)
    assert {realm_of(kind) for kind in AnomalyKind} == set(Realm)
