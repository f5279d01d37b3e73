"""Changes of health on a real ledger: each once, also when it is away, and across restarts."""

from __future__ import annotations

import pytest

from activities.health import on_record
from activities.health.on_record import HealthRecord
from dsl.rules.health.vitality import Grade, Pulse, Vitality
from integrations.errors import UnavailableError
from integrations.health.monitor import Vital
from integrations.ledger.ledger import Ledger
from integrations.ledger.verify import TAIL_MAX, tail, verify
from tests.integration.stack.probes import eventually

SECRET = "hvs.CAESIJ1234567890abcdefghijklmnopqrstuvwxyz"


def seen(state, since, grade=Grade.GOOD, detail="as it is"):
    return Vital("vault", can_die=True, pulse=Pulse(state, since), grade=grade, detail=detail)


ALIVE, DEAD = seen(Vitality.ALIVE, 1), seen(Vitality.DEAD, 2, Grade.GONE, "no answer")
BACK = seen(Vitality.ALIVE, 3)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(on_record, "AGAIN_S", 0.01)
    monkeypatch.setattr(on_record, "EVERY_S", 0.0)


def told(path):
    return [
        (entry.payload["what"], entry.payload["was"], entry.payload["now"])
        for entry in tail(path, TAIL_MAX)
        if entry.action == "health.changed"
    ]


async def until_told(path, count):
    await eventually(lambda: len(told(path)) == count)


async def test_death_and_return_are_recorded_once_and_a_healthy_start_is_not(tmp_path):
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        record = HealthRecord(ledger)
        async with record.kept():
            for vital, entries in ((ALIVE, 0), (DEAD, 1), (DEAD, 1), (BACK, 2), (BACK, 2)):
                record.heard(vital)
                await until_told(path, entries)
            record.heard(seen(Vitality.DEAD, 4, Grade.GONE))
            await until_told(path, 3)

    assert told(path) == [
        ("vault", "alive", "dead"),
        ("vault", "dead", "alive"),
        ("vault", "alive", "dead"),
    ]
    assert not verify(path).problems


async def test_who_starts_again_goes_on_from_what_is_recorded(tmp_path):
    path = tmp_path / "ledger.db"
    for vital, entries in ((DEAD, 1), (seen(Vitality.DEAD, 9, Grade.GONE), 1), (BACK, 2)):
        with Ledger(path) as ledger:
            record = HealthRecord(ledger)
            async with record.kept():
                record.heard(vital)
                await until_told(path, entries)
            await record._record("vault", record._told["vault"])
            assert len(told(path)) == entries


async def test_what_the_ledger_could_not_take_is_recorded_when_it_is_back(tmp_path):
    path, away = tmp_path / "ledger.db", tmp_path / "away"
    with Ledger(path) as ledger:
        record = HealthRecord(ledger)
        async with record.kept():
            record.heard(DEAD)
            await until_told(path, 1)
            away.mkdir()
            for each in (path, tmp_path / "ledger.db-wal"):
                each.rename(away / each.name)
            record.heard(BACK)
            await eventually(lambda: record._told["vault"].draft is not None)
            await eventually(lambda: ledger.lag_s > 0)
            for each in away.iterdir():
                each.rename(tmp_path / each.name)
            # Nobody else appends: the record itself has the writer find its file again.
            await until_told(path, 2)
            assert ledger.lag_s == 0


async def test_what_looks_like_a_token_does_not_get_there(tmp_path):
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        record = HealthRecord(ledger)
        async with record.kept():
            record.heard(seen(Vitality.DEAD, 1, Grade.GONE, f"refused {SECRET}"))
            await until_told(path, 1)

    assert SECRET not in str(tail(path, TAIL_MAX)[-1].payload)


class Away(Ledger):
    """A ledger that cannot be read at first."""

    is_away = True

    async def latest(self, action, most):
        if self.is_away:
            raise UnavailableError("not now")
        return await super().latest(action, most)


async def test_a_return_is_recorded_also_where_the_death_could_not_be_read_at_first(tmp_path):
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        record = HealthRecord(ledger)
        async with record.kept():
            record.heard(DEAD)
            await until_told(path, 1)
    with Away(path) as ledger:
        record = HealthRecord(ledger)
        async with record.kept():
            record.heard(BACK)
            ledger.is_away = False
            await until_told(path, 2)

    assert told(path)[-1] == ("vault", "dead", "alive")
