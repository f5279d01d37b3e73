"""Each kind of trouble, made on real servers, disks and processes, and found by a look at it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from typing import Any

import pytest

from activities.runtime.engine_health import TemporalHealth
from dsl.core import RedisKeys, Tier
from dsl.limits import BREAKERS_MAX, LEASE_TTL_MS, LEDGER_RESERVE_BYTES
from dsl.rules.health.beats import BEAT_MS, MISSED_MS, TOLD_MS
from dsl.rules.health.breaker import CircuitOrder
from dsl.rules.health.breaker_settings import BreakerSettings
from dsl.rules.health.vitality import Grade
from dsl.rules.run.reserved import circuit_id
from integrations.agents.processes.roster import Roster
from integrations.dragonfly.circuits import Circuits
from integrations.dragonfly.client import now_ms
from integrations.dragonfly.holding import Holding
from integrations.dragonfly.leases import Leases
from integrations.dragonfly.revocations import Revocations
from integrations.errors import UnavailableError
from integrations.health import beats as beats_module
from integrations.health.beats import Beats
from integrations.health.probes.agents import agents_probe, processes_probe
from integrations.health.probes.circuits import circuits_probe
from integrations.health.probes.disks import artifacts_probe, ledger_probe, room_at
from integrations.health.probes.disputes import disputes_probe
from integrations.health.probes.stores import clock_probe, dragonfly_probe, vault_probe
from integrations.ledger.entries import NONE, Draft
from integrations.ledger.ledger import Ledger
from integrations.ledger.lookup import disputes
from integrations.vault.client import Vault
from tests.fixtures.dragonfly.holders import new_name, seeded, take
from tests.fixtures.servers.openbao import OpenBao

ALL_OF_IT = 1 << 62
AHEAD_S = 60
LISTED = """
import sys, time
from pathlib import Path
from integrations.agents.processes.roster import Roster
import subprocess
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
with Roster(Path(sys.argv[1])).listed("an-agent", "instance") as start:
    start(child.pid)
    print(child.pid, flush=True)
    time.sleep(600)
"""


def figures(found):
    return {(each.metric, each.label): each.value for each in found.figures}


# Clocks


@pytest.mark.parametrize(
    ("ahead", "words"), [(AHEAD_S, "60 s behind"), (-AHEAD_S, "60 s ahead"), (0, "agree")]
)
async def test_a_clock_that_is_off_is_found(vault, dragonfly, ahead, words):
    found = await clock_probe(vault, dragonfly, lambda: time.time() + ahead).look()

    assert found.grade is (Grade.POOR if ahead else Grade.GOOD)
    assert words in found.detail
    skews = figures(found)
    for name in ("vault", "dragonfly"):
        assert abs(skews["mandate_clock_skew_seconds", name] + ahead) < 3


async def test_clocks_of_servers_that_are_away_are_not_known(private_valkey):
    server = private_valkey()
    client, vault = server.client(), Vault("http://127.0.0.1:1")
    found = await clock_probe(vault, client).look()
    server.stop()
    with pytest.raises(UnavailableError):
        await clock_probe(vault, client).look()
    await client.aclose()
    vault.close()

    assert (found.grade, "vault" in found.detail) == (Grade.GOOD, False)


async def test_a_vault_that_is_sealed_is_gone(tmp_path):
    server = OpenBao(tmp_path, on_disk=True, stays_sealed=True)
    server.start()
    vault = Vault(server.url)
    assert (await vault_probe(vault).look()).grade is Grade.GOOD
    server.as_root("PUT", "sys/seal")
    with pytest.raises(UnavailableError, match="sealed"):
        await vault_probe(vault).look()
    vault.close()
    server.stop()


async def test_a_dragonfly_that_is_not_there_is_gone(private_valkey):
    server = private_valkey()
    client = server.client()
    assert (await dragonfly_probe(client).look()).grade is Grade.GOOD
    server.stop()
    with pytest.raises(UnavailableError):
        await dragonfly_probe(client).look()
    await client.aclose()


# Disks


async def test_a_disk_that_fills_is_found_before_it_is_full(tmp_path):
    well = await artifacts_probe(tmp_path, low_bytes=0).look()
    low = await artifacts_probe(tmp_path, low_bytes=ALL_OF_IT).look()
    status = os.statvfs(tmp_path)

    assert (well.grade, low.grade) == (Grade.GOOD, Grade.POOR)
    free = figures(low)["mandate_disk_free_bytes", "artifacts"]
    assert abs(free - status.f_bavail * status.f_frsize) < 1 << 30
    assert low.fix.startswith("free the disk")


def test_what_a_nearly_full_disk_holds_up_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("integrations.health.probes.disks.LEDGER_RESERVE_BYTES", ALL_OF_IT)
    assert LEDGER_RESERVE_BYTES < ALL_OF_IT
    assert "no run and no agent starts" in room_at("ledger", tmp_path).detail


async def test_a_disk_that_is_not_there_is_gone(tmp_path):
    with pytest.raises(UnavailableError):
        await artifacts_probe(tmp_path / "mnt", must_exist=True).look()
    assert (await artifacts_probe(tmp_path / "mnt" / "new").look()).grade is Grade.GOOD


async def test_who_only_reads_may_have_the_disks_read_only(tmp_path, monkeypatch):
    monkeypatch.setattr("integrations.health.probes.disks.os.access", lambda *_: False)
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        reads = [
            ledger_probe(path, low_bytes=0),
            artifacts_probe(tmp_path, low_bytes=0, must_write=False),
        ]
        writes = [ledger_probe(path, lag_s=lambda: ledger.lag_s), artifacts_probe(tmp_path)]
        assert [(await each.look()).grade for each in reads] == [Grade.GOOD] * 2
        for each in writes:
            with pytest.raises(UnavailableError, match="cannot be written"):
                await each.look()


async def test_a_ledger_that_was_moved_under_its_writer_is_gone(tmp_path):
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        probe = ledger_probe(path, lag_s=lambda: ledger.lag_s)
        well = await probe.look()
        path.rename(tmp_path / "moved.db")
        gone = await probe.look()
        (tmp_path / "moved.db").rename(path)

    assert (well.grade, figures(well)["mandate_ledger_lag_seconds", ""]) == (Grade.GOOD, 0)
    assert gone.grade is Grade.GONE
    assert "another file" in gone.detail


async def test_who_does_not_write_the_ledger_looks_for_its_writer(tmp_path):
    path = tmp_path / "ledger.db"
    probe = ledger_probe(path, low_bytes=0)
    elsewhere = (await probe.look(), await disputes_probe(path).look())
    with Ledger(path):
        written = await probe.look()
    unwritten = await probe.look()

    assert [each.grade for each in elsewhere] == [None, None]
    assert all("on this machine" in each.detail for each in elsewhere)
    assert (written.grade, unwritten.grade) == (Grade.GOOD, Grade.POOR)
    assert "no writer of it runs" in unwritten.detail


async def test_disputes_are_read_when_there_is_another(tmp_path, monkeypatch):
    path, moved = tmp_path / "ledger.db", tmp_path / "moved.db"
    reads = []

    def counted(*given):
        reads.append(given)
        return disputes(*given)

    def dispute(number):
        about = {"workflow": f"run-{number}", "run": "r", "why": "it differs"}
        return Draft.of_no_run(f"disputed/{number}", "run.disputed", about)

    monkeypatch.setattr("integrations.health.probes.disputes.disputes", counted)
    probe = disputes_probe(path)
    with Ledger(path) as ledger:
        await ledger.append([dispute(1)])
        first, again = await probe.look(), await probe.look()
        assert len(reads) == 1
        await ledger.append([dispute(2)])
        second = await probe.look()
    path.rename(moved)
    gone = await probe.look()
    with Ledger(path) as ledger:
        await ledger.append([dispute(3)])
    other = await probe.look()

    assert len(reads) == 3
    assert [each.grade for each in (first, again, second, other)] == [Grade.POOR] * 4
    assert first == again
    assert "run-2" in second.detail
    assert (gone.grade, "run-3" in other.detail) == (None, True)
    assert figures(second)["mandate_disputed_runs_new", ""] == 2
    assert figures(other)["mandate_disputed_runs_new", ""] == 1


async def test_an_entry_that_waits_too_long_is_found(tmp_path):
    found = await ledger_probe(tmp_path / "ledger.db", low_bytes=0, lag_s=lambda: 99.0).look()

    assert (found.grade, "99 s" in found.detail) == (Grade.POOR, True)


# Agents, by their beats


@pytest.fixture
async def store(private_valkey):
    client = private_valkey().client()
    yield client
    await client.aclose()


async def test_an_agent_is_counted_while_a_process_lives_by_its_lease_and_not_longer(store):
    agent = await seeded(store)
    lease = await take(store, agent, ttl_ms=LEASE_TTL_MS)
    between = await Beats(store).read(5)
    async with Holding(Leases(store), lease, release=False):
        at_work = await Beats(store).read(5)
    after = await Beats(store).read(5)
    again = await Leases(store).bind(await take(store, agent, nonce="attempt-2", begun_ms=2))
    assert (await Beats(store).read(5)).alive == 1
    await Leases(store).release(again)

    assert (between.alive, at_work.alive, after.alive) == (0, 1, 0)
    assert (await Beats(store).read(5)).alive == 0


async def test_a_circuit_that_somebody_holds_open_is_a_finding_until_it_is_reset(store, tmp_path):
    """Also one that no worker has called yet, beside more than any of them counts for."""
    circuits, probe = Circuits(store), circuits_probe(store, tmp_path / "ledger.db")
    await store.sadd(RedisKeys.CIRCUITS, *(f"site-{number}" for number in range(BREAKERS_MAX)))
    before = await probe.look()
    for name in ("vault", "zoo"):
        await circuits.obey(name, BreakerSettings(), CircuitOrder.OPEN, 1_000)
    held = await probe.look()
    for name in ("vault", "zoo"):
        await circuits.obey(name, BreakerSettings(), CircuitOrder.RESET, 2_000)

    assert (before.grade, held.grade) == (Grade.GOOD, Grade.POOR)
    whose = (
        "since 1970-01-01T00:00:01+00:00, who ordered it is on the ledger, which is not on this "
        "machine"
    )
    assert held.detail == f"held open: vault {whose}; zoo {whose}; what needs it waits"
    assert "mandate breaker reset NAME --reason WHY" in held.fix
    assert (await probe.look()).grade is Grade.GOOD


async def test_a_circuit_is_held_open_by_somebody_for_a_reason(store, tmp_path):
    order = {"circuit": "vault", "order": "open", "by": "ann", "how": "proven"}
    run = (circuit_id("vault", "1"), "r")
    probe = circuits_probe(store, tmp_path / "ledger.db")
    with Ledger(tmp_path / "ledger.db") as ledger:
        await Circuits(store).obey("vault", BreakerSettings(), CircuitOrder.OPEN, 1_000)
        early = await probe.look()
        reason = "it is moved\n\u202eaway " + "x" * 600
        told: dict[str, dict[str, Any]] = {
            "circuit.ordered": {"reason": reason},
            "circuit.changed": {"given_ms": 1_000},
        }
        drafts = [
            Draft(action, *run, NONE, Tier.T0, action, {**order, **more})
            for action, more in told.items()
        ]
        await ledger.append(drafts)
        found = await probe.look()

    assert "who ordered it is not on the ledger yet" in early.detail
    assert (
        "since 1970-01-01T00:00:01+00:00, ordered by ann (proven), entry 0: it is moved "
        in found.detail
    )
    assert set("\n\u202e").isdisjoint(found.detail)
    assert len(found.detail) < 300


async def silent(store, name, age_ms):
    """Have an agent beat for the last time that long ago."""
    await store.zadd(RedisKeys.BEATS, {name: await now_ms(store) - age_ms})


async def test_an_agent_that_fell_silent_is_found_by_name_and_forgotten_in_time(store):
    name = new_name("agent")
    await silent(store, name, LEASE_TTL_MS + 1_000)
    found = await agents_probe(Beats(store)).look()
    await silent(store, name, TOLD_MS + 1_000)
    later = await agents_probe(Beats(store)).look()

    assert (found.grade, name in found.detail) == (Grade.POOR, True)
    assert figures(found)["mandate_agents", "dead"] == 1
    assert (later.grade, await store.zcard(RedisKeys.BEATS)) == (Grade.GOOD, 0)


async def test_a_late_one_is_suspect_and_no_finding_yet(store):
    await silent(store, new_name("agent"), MISSED_MS + 1)
    found = await agents_probe(Beats(store)).look()

    assert (found.grade, figures(found)["mandate_agents", "suspect"]) == (Grade.GOOD, 1)


async def test_an_agent_is_dead_when_its_lease_has_run_out_to_the_millisecond(store, monkeypatch):
    now = await now_ms(store)

    async def then(_client):
        return now

    monkeypatch.setattr(beats_module, "now_ms", then)
    ages = {
        "alive": (0, 2 * BEAT_MS, MISSED_MS),
        "suspect": (MISSED_MS + 1, LEASE_TTL_MS),
        "dead": (LEASE_TTL_MS + 1, 2 * LEASE_TTL_MS, TOLD_MS - 1),
    }
    for age in (each for some in ages.values() for each in some):
        await store.zadd(RedisKeys.BEATS, {f"{age:09d}": now - age})
    found = await Beats(store).read(5)

    assert (found.alive, found.suspect, found.dead) == tuple(map(len, ages.values()))
    assert [int(each) for each in found.silent] == sorted(ages["dead"], reverse=True)


async def test_a_revoked_agent_is_not_missed_for_ever(store):
    agent = await seeded(store)
    lease = await Leases(store).bind(await take(store, agent))
    await Revocations(store).revoke(agent, 1, "enough")
    await Leases(store).release(lease)

    assert await store.zcard(RedisKeys.BEATS) == 0


class Told(TemporalHealth):
    """What an engine says of runs; the real one is asked in tests/workflow."""

    def __init__(self, over_for_ms):
        self._over_for_ms = over_for_ms
        self.asked = []

    async def over_for_ms(self, workflow, run):
        self.asked.append((workflow, run))
        if self._over_for_ms == "away":
            raise UnavailableError("away")
        return self._over_for_ms


@pytest.mark.parametrize(("over", "orphans"), [(None, 0), (5_000, 0), (60_000, 1), ("away", 0)])
async def test_a_lease_that_is_held_for_a_run_that_is_over_is_found(store, over, orphans):
    agent = await seeded(store)
    lease = await take(store, agent, owner="deploy/eu/7/run-id")
    await Leases(store).bind(lease)
    engine = Told(over)
    found = await agents_probe(Beats(store), engine).look()

    assert engine.asked == [("deploy/eu/7", "run-id")]
    assert figures(found)["mandate_orphaned_leases", ""] == orphans
    assert (agent in found.detail) == bool(orphans)


# Processes


async def test_a_process_whose_worker_is_gone_is_found_by_agent_and_pid(tmp_path):
    worker: Any = subprocess.Popen(  # noqa: ASYNC220  # it is there at once
        [sys.executable, "-c", LISTED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    pid = int((await asyncio.to_thread(worker.stdout.readline)).strip())
    try:
        probe = processes_probe(Roster(tmp_path), left_s=0.1)
        before = await probe.look()
        worker.kill()
        worker.wait()
        found = await probe.look()
    finally:
        os.kill(pid, 9)
        worker.stdout.close()
    after = await probe.look()

    assert (before.grade, found.grade, after.grade) == (Grade.GOOD, Grade.POOR, Grade.GOOD)
    assert f"an-agent (pid {pid})" in found.detail
    assert figures(found)["mandate_orphaned_processes", ""] == 1
