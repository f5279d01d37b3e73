"""What SQL refuses to somebody careless, and what verification shows of somebody careful."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from dsl.values import json_shapes
from integrations.errors import CorruptError, UnavailableError
from integrations.ledger import lookup
from integrations.ledger.entries import Content, entry_bytes, leaf_hash
from integrations.ledger.store import SCHEMA
from integrations.ledger.verify import tail, verify
from integrations.ledger.writer import Writer
from tests.integration.ledger.drafts import draft, intruder, mark

COUNT = 10
INSERT = (
    "INTO ledger (seq, ts, idempotency_key, workflow_id, run_id, agent, tier, action, payload, "
    "prev_hash, hash) SELECT {seq}, {ts}, {key}, workflow_id, run_id, agent, {tier}, action, "
    "{payload}, {prev}, {hash} FROM ledger WHERE seq = 9"
)
NEXT = {
    "seq": "10",
    "ts": "ts",
    "key": "'new'",
    "tier": "tier",
    "payload": "payload",
    "prev": "hash",
    "hash": "zeroblob(32)",
}


def insert(verb="INSERT", **changes):
    return f"{verb} {INSERT.format(**NEXT | changes)}"


@pytest.fixture
async def path(tmp_path):
    path = tmp_path / "ledger.db"
    writer = Writer(path)
    await writer.append([draft(n) for n in range(COUNT - 1)])
    await writer.append([mark(COUNT - 1, "agent-1", 5, revoked=True)])
    writer.close()
    return path


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET payload = '{}' WHERE seq = 3",
        "UPDATE ledger SET hash = zeroblob(32)",
        "DELETE FROM ledger WHERE seq = 9",
        "DELETE FROM ledger",
        insert(seq="9", prev="prev_hash"),
        insert(seq="11"),
        insert(seq="NULL", prev="zeroblob(32)"),
        insert(prev="zeroblob(32)"),
        insert(key="idempotency_key"),
        insert("INSERT OR REPLACE", seq="9", key="idempotency_key", prev="prev_hash"),
        insert("INSERT OR REPLACE", key="idempotency_key"),
        insert("INSERT OR IGNORE", key="'new'", seq="12"),
        "UPDATE OR REPLACE ledger SET seq = 3 WHERE seq = 4",
        insert(tier="'T5'"),
        insert(ts="'yesterday'"),
        insert(payload="'[]'"),
        insert(hash="'text'"),
        insert(key="''"),
    ],
)
def test_sql_refuses_what_is_not_an_append(path, statement):
    before = tail(path, 100)

    with intruder(path) as other, pytest.raises(sqlite3.IntegrityError):
        other.execute(statement)

    assert tail(path, 100) == before


def test_checkpoints_only_grow(path):
    with intruder(path) as other:
        other.execute("INSERT INTO checkpoint VALUES (5, zeroblob(32), 'note')")
        for statement in (
            "INSERT INTO checkpoint VALUES (4, zeroblob(32), 'note')",
            "INSERT OR REPLACE INTO checkpoint VALUES (5, zeroblob(32), 'other')",
            "UPDATE checkpoint SET note = 'other'",
            "DELETE FROM checkpoint",
        ):
            with pytest.raises(sqlite3.IntegrityError):
                other.execute(statement)


def unlocked(path: Path, *statements: str) -> None:
    """Drop the triggers, do the deed, put the triggers back."""
    with intruder(path) as other:
        names = other.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for (name,) in names:
            other.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            other.execute(statement)
        other.executescript(SCHEMA)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE ledger SET payload = '{\"n\":7}' WHERE seq = 3", r"entry 3 .* does not hash"),
        ("UPDATE ledger SET agent = 'b' WHERE seq = 3", r"entry 3 .* does not hash"),
        ("UPDATE ledger SET tier = 'T4' WHERE seq = 3", r"entry 3 .* does not hash"),
        (
            "UPDATE ledger SET ts = '2001-01-01T00:00:00.000000Z' WHERE seq = 0",
            r"entry 0 .* does not hash",
        ),
        ("UPDATE ledger SET hash = zeroblob(32) WHERE seq = 9", r"entry 9 .* does not hash"),
        ("UPDATE ledger SET prev_hash = zeroblob(32) WHERE seq = 3", "entry 3 does not name"),
        ("DELETE FROM ledger WHERE seq = 4", "entry 4 is missing: the next one is 5"),
        ("DELETE FROM ledger WHERE seq = 0", "entry 0 is missing: the next one is 1"),
        ("UPDATE ledger SET seq = 20 WHERE seq = 9", "entry 9 is missing: the next one is 20"),
        (
            "UPDATE ledger SET agent = CAST(x'ff' AS TEXT) WHERE seq = 3",
            r"entry 3 .* does not hash",
        ),
    ],
)
def test_an_edit_behind_the_triggers_is_found(path, statement, words):
    unlocked(path, statement)

    problems = verify(path).problems

    assert any(re.search(words, problem) for problem in problems), problems


@pytest.mark.parametrize("payload", ['{"epoch":5,"epoch":6}', '{"epoch":05}', '{"epoch":5.0}'])
async def test_a_payload_that_reads_two_ways_is_found_even_when_it_hashes(
    tmp_path, monkeypatch, payload
):
    monkeypatch.setattr(json_shapes, "CHECKS_BEFORE_A_SHAPE", 3)  # known, once the last is read
    path = tmp_path / "ledger.db"
    writer = Writer(path)
    await writer.append([mark(n, "agent-1", n, revoked=True) for n in range(COUNT)])
    writer.close()
    entry = tail(path, 1)[0]
    content = Content("w/r/9", "w", "r", "agent-1", "T1", entry.action, payload)
    digest = leaf_hash(entry_bytes(9, entry.ts, content, bytes.fromhex(entry.prev_hash)))
    unlocked(
        path, f"UPDATE ledger SET payload = '{payload}', hash = x'{digest.hex()}' WHERE seq = 9"
    )

    assert verify(path).problems == ("entry 9 (agent.revoked) has a payload that is not canonical",)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DROP TRIGGER ledger_no_update", "trigger ledger_no_update is missing"),
        (
            "DROP TRIGGER ledger_chain; CREATE TRIGGER ledger_chain BEFORE INSERT ON ledger "
            "BEGIN SELECT 1; END",
            "trigger ledger_chain was altered",
        ),
        (
            "CREATE TRIGGER evil AFTER INSERT ON ledger BEGIN SELECT 1; END",
            "trigger evil is not ours",
        ),
        ("CREATE INDEX i ON ledger (agent)", "index i is not ours"),
        ("DROP TABLE checkpoint", "table checkpoint is missing"),
    ],
)
def test_an_altered_schema_is_told_by_verify_and_refused_by_the_writer(path, statement, words):
    with intruder(path) as other:
        other.executescript(statement)

    assert any(words in problem for problem in verify(path).problems)
    with pytest.raises(CorruptError, match=words):
        Writer(path)


def test_statistics_of_the_query_planner_are_no_alteration(path):
    with intruder(path) as other:
        other.execute("ANALYZE")

    assert verify(path).problems == ()
    Writer(path).close()


def test_a_reversed_revocation_keeps_the_writer_from_starting(path):
    unlocked(
        path,
        "UPDATE ledger SET action = 'agent.reinstated', payload = '{\"epoch\":9}' WHERE seq = 9",
    )

    with pytest.raises(CorruptError, match="entry 9 was altered"):
        Writer(path)


@pytest.mark.parametrize(
    "ask",
    [
        lambda path: lookup.latest(path, "agent.revoked", 5),
        lambda path: lookup.by_place(path, 9),
        lambda path: lookup.row_at(path, 9),
    ],
)
def test_an_altered_entry_is_given_to_nobody(path, ask):
    assert ask(path)
    unlocked(path, "UPDATE ledger SET payload = '{\"epoch\":9}' WHERE seq = 9")

    with pytest.raises(CorruptError, match="entry 9 was altered"):
        ask(path)


async def test_nothing_is_appended_after_what_somebody_else_wrote(path):
    writer = Writer(path)
    with intruder(path) as other:
        other.execute(insert())

    for _ in range(2):
        with pytest.raises(UnavailableError, match=r"entry 10 .* does not hash to what was"):
            await writer.append([draft(50)])

    with intruder(path) as other:
        other.execute("BEGIN IMMEDIATE")  # the writer holds nothing after a refusal
        other.execute("ROLLBACK")
    writer.close()


def test_a_flipped_bit_in_an_entry_is_found(path):
    data = bytearray(path.read_bytes())
    place = data.index(b"run.started", data.index(b"w/r/3"))
    data[place] ^= 1
    path.write_bytes(data)

    assert verify(path).problems


def test_a_table_that_is_not_ours_at_all_is_told_and_breaks_nothing(path):
    with intruder(path) as other:
        other.executescript(
            "ALTER TABLE ledger RENAME TO old; CREATE TABLE ledger AS SELECT * FROM old;"
            "INSERT INTO ledger (seq, hash) VALUES ('x', 1), (NULL, NULL), (-3, x'00');"
        )

    problems = verify(path).problems

    assert "table ledger was altered" in problems
    assert "entry -3 has not the form of an entry" in problems
    with pytest.raises(CorruptError, match="has not the form"):
        tail(path, 100)
