"""The settings of circuit breakers: completed by what is shipped, refused with their places."""

from __future__ import annotations

import pytest

from dsl.errors import DslError
from dsl.health.breakers import BreakerBook, load_breakers, parse_breakers
from dsl.rules.health.breaker_settings import BreakerSettings


def test_what_a_file_does_not_say_is_as_shipped():
    book = parse_breakers(
        "circuits:\n  vault: {permits: 2, wait: 20s}\n  dragonfly: {window_calls: 20}\n", "b.yaml"
    )

    assert book.of("vault") == BreakerSettings(permits=2, wait_ms=20_000)
    assert book.of("dragonfly").window_calls == 20
    assert book.of("dragonfly").window_ms == 0
    assert book.of("dragonfly").slow_after_ms == BreakerBook().of("dragonfly").slow_after_ms
    assert book.of("github-api") == BreakerSettings()
    assert load_breakers(None).of("vault") == BreakerSettings()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("circuits:\n  vault: {permits: 101}\n", "b.yaml:2:20: "),
        ("circuits:\n  vault: {permits: 101}\n", "permits: expected 1 to 100, got 101"),
        ("circuits:\n  vault: {permits: 0}\n", "permits: expected 1 to 100, got 0"),
        ("circuits:\n  vault: {window: 0s}\n", "expected either a window in time or one of calls"),
        ("circuits:\n  vault: {window: -1m}\n", "'-1m' is not a duration"),
        ("circuits:\n  vault: {window_calls: -3}\n", "window_calls: expected 1 to 1000, got -3"),
        ("circuits:\n  vault: {window: 1m, window_calls: 5}\n", "and not both"),
        ("circuits:\n  vault: {wait: 10m}\n", "wait_max: expected 10m to 1d, got 5m"),
        ("circuits:\n  vault: {permit: 3}\n", "permit"),
        ("circuits:\n  Vault: {}\n", "Vault"),
        ("- vault\n", "expected circuits"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_range(text, says):
    with pytest.raises(DslError) as caught:
        parse_breakers(text, "b.yaml")
    assert says in str(caught.value)


def test_a_file_that_is_not_there_is_said_to_be(tmp_path):
    with pytest.raises(DslError, match="cannot be read"):
        load_breakers(tmp_path / "none.yaml")
