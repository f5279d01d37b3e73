"""What a delivery that fails late takes with it: itself."""

from __future__ import annotations

from integrations.web.deliveries import Deliveries, Seen

NAMES = (("a digest", 300.0), ("an id", 3_600.0))


def test_what_fails_late_forgets_none_that_came_after_it():
    deliveries = Deliveries(lambda: 0.0)
    first = deliveries.begin(*NAMES)
    deliveries.failed(first)
    second = deliveries.begin(*NAMES)
    deliveries.done(second)
    deliveries.failed(first)  # what it had put off

    assert (first.seen, second.seen) == (Seen.NEW, Seen.NEW)
    assert deliveries.begin(*NAMES).seen is Seen.DONE
    deliveries.failed(second)
    assert deliveries.begin(*NAMES).seen is Seen.NEW
