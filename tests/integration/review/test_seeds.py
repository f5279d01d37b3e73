"""Of forty planted defects nine in ten are found, and hardly anything that was not planted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from dsl.review.anomaly import Anomaly, AnomalySeverity
from dsl.rules.review.severity import at_least
from tests.integration.review.repositories import seen_by
from tests.integration.review.seeds import NOW_S, Seed, clean, planted

RECALL, PRECISION = 0.9, 0.8


@dataclass(frozen=True)
class Found:
    """What was found in the clean copy, and what else in the planted one."""

    before: tuple[Anomaly, ...]
    seeds: list[Seed]
    new: list[Anomaly]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    without, with_seeds = (tmp_path_factory.mktemp("seeds") / name for name in ("clean", "planted"))
    for root in (without, with_seeds):
        root.mkdir()
    clean(without)
    seeds = planted(with_seeds)
    before = seen_by(without, now_s=NOW_S).anomalies
    known = {each.fingerprint for each in before}
    after = seen_by(with_seeds, now_s=NOW_S).anomalies
    return Found(before, seeds, [each for each in after if each.fingerprint not in known])


def is_of(anomaly: Anomaly, seed: Seed) -> bool:
    place = anomaly.place
    same = (anomaly.kind, place.path) == (seed.kind, seed.path)
    return same and seed.first <= place.line <= seed.last


def table(seeds: Iterable[Seed], new: Iterable[Anomaly]) -> dict[str, tuple[float, float]]:
    """Return recall and precision of each kind."""
    seeds, new = list(seeds), list(new)
    hit = Counter(seed.kind for seed in seeds if any(is_of(each, seed) for each in new))
    right = Counter(each.kind for each in new if any(is_of(each, seed) for seed in seeds))
    planted_of, told_of = Counter(s.kind for s in seeds), Counter(each.kind for each in new)
    return {
        kind: (hit[kind] / planted_of[kind], right[kind] / told_of[kind] if told_of[kind] else 1.0)
        for kind in planted_of
    }


def test_the_seeds_are_forty_of_twelve_kinds_or_more(found):
    assert len(found.seeds) == 40
    assert len({seed.kind for seed in found.seeds}) >= 12


def test_of_each_kind_so_many_are_found_and_so_few_besides(found):
    figures = table(found.seeds, found.new)
    for kind, (recall, precision) in sorted(figures.items()):
        print(f"{kind:24} recall {recall:.2f} precision {precision:.2f}")

    for each in found.new:
        if not any(is_of(each, s) for s in found.seeds):
            print("not planted:", each.place.path, each.place.line, each.rule, each.message)

    missed = [s for s in found.seeds if not any(is_of(each, s) for each in found.new)]
    wrong = [each for each in found.new if not any(is_of(each, s) for s in found.seeds)]
    assert 1 - len(missed) / len(found.seeds) >= RECALL, missed
    assert 1 - len(wrong) / len(found.new) >= PRECISION, wrong
    assert {k: f for k, f in figures.items() if f[0] < RECALL or f[1] < PRECISION} == {}


def test_nothing_bad_is_found_where_nothing_was_planted(found):
    assert [each for each in found.before if at_least(each.severity, AnomalySeverity.HIGH)] == []
