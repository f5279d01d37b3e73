"""What a chain cannot show of itself, and a head that somebody noted does."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from integrations.ledger.entries import Content, entry_bytes, leaf_hash
from integrations.ledger.noted import NotedHead
from integrations.ledger.store import SCHEMA
from integrations.ledger.verify import tail, verify
from integrations.ledger.writer import Writer
from tests.integration.ledger.drafts import draft, intruder

COUNT = 10


@pytest.fixture
async def path(tmp_path):
    path = tmp_path / "ledger.db"
    writer = Writer(path)
    await writer.append([draft(n) for n in range(COUNT)])
    writer.close()
    return path


def head_of(path) -> NotedHead:
    found = verify(path)
    return NotedHead(found.entries - 1, found.head)


def write_anew(path, first: int) -> None:
    """Blame somebody else in entry ``first``, and give every later one the hash it needs."""
    with intruder(path) as other:
        for (name,) in other.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall():
            other.execute(f"DROP TRIGGER {name}")
        rows = other.execute("SELECT * FROM ledger WHERE seq >= ? ORDER BY seq", (first,))
        prev = None
        for seq, ts, *columns, stored_prev, _ in rows.fetchall():
            content = Content(*columns)
            if prev is None:
                content, prev = content._replace(agent="somebody-else"), stored_prev
            digest = leaf_hash(entry_bytes(seq, ts, content, prev))
            other.execute(
                "UPDATE ledger SET agent = ?, prev_hash = ?, hash = ? WHERE seq = ?",
                (content.agent, prev, digest, seq),
            )
            prev = digest
        other.executescript(SCHEMA)


def cut_off(path, first: int) -> None:
    with intruder(path) as other:
        other.executescript("DROP TRIGGER ledger_no_delete")
        other.execute("DELETE FROM ledger WHERE seq >= ?", (first,))
        other.executescript(SCHEMA)


async def test_a_ledger_that_goes_on_holds_every_head_it_had(path):
    earlier = head_of(path)
    writer = Writer(path)
    await writer.append([draft(50), draft(51)])
    writer.close()

    for noted in (earlier, head_of(path), NotedHead(0, tail(path, 100)[0].hash)):
        assert verify(path, noted).problems == ()


@pytest.mark.parametrize("first", [3, COUNT - 1])
def test_a_chain_written_anew_verifies_unless_a_head_was_noted(path, first):
    noted = head_of(path)
    write_anew(path, first)

    assert verify(path).problems == ()
    assert verify(path, noted).problems == (
        "entry 9 is not the one whose hash was noted: it was written anew",
    )


@pytest.mark.parametrize("first", [0, 3, COUNT - 1])
def test_an_end_cut_off_verifies_unless_a_head_was_noted(path, first):
    noted = head_of(path)
    cut_off(path, first)

    assert verify(path).problems == ()
    assert verify(path, noted).problems == (
        f"the ledger ends at entry {first - 1}, and entry 9 was noted as its head: "
        "its end was cut off",
    )


@pytest.mark.parametrize(
    "text",
    ["", "9", "9:", "9:abc", "-1:" + "0" * 64, "09:" + "0" * 64, "9:" + "g" * 64, "9" * 5000],
)
def test_what_is_no_head_is_refused_with_its_form(text):
    with pytest.raises(ValueError, match="expected SEQ:HASH"):
        NotedHead.parse(text)


def mandate(path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mandate", "ledger", "verify", "--ledger", str(path), *args],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_prints_the_head_to_note_and_compares_it(path):
    first = mandate(path)
    printed = first.stdout.split("head ")[1].split()[0]
    held = mandate(path, "--head", printed)
    write_anew(path, 3)
    anew = mandate(path, "--head", printed, "--json")
    wrong = mandate(path, "--head", printed[:20])

    assert (first.returncode, NotedHead.parse(printed).seq) == (0, 9)
    assert first.stderr == ""  # what is to be known of the machine is for `mandate doctor`
    assert "not seen by this: an end that was cut off, a chain written anew" in first.stdout
    assert (held.returncode, "holds the noted head 9" in held.stdout) == (0, True)
    assert "not seen by this" not in held.stdout
    assert anew.returncode == 1
    assert json.loads(anew.stdout)["ok"] is False
    assert json.loads(anew.stdout)["compared_with"] == printed
    assert (wrong.returncode, "expected SEQ:HASH" in wrong.stderr.replace("\n", " ")) == (2, True)


def test_an_anchor_that_is_named_has_to_have_something_to_compare_with(path, tmp_path):
    (tmp_path / "not-mounted").mkdir()
    gone, empty = (f"dir:{tmp_path / name}/" for name in ("gone", "not-mounted"))
    missing = mandate(path, "--anchor", gone)
    holds_nothing = mandate(path, "--anchor", empty, "--json")

    assert (missing.returncode, holds_nothing.returncode) == (1, 1)
    assert f"{path}: ok, {COUNT} entries" in missing.stdout  # what was looked at is as it was
    assert "make or mount it" in missing.stdout
    assert f"dir:{tmp_path / 'gone'} was to be compared with, and was not" in missing.stderr
    assert json.loads(holds_nothing.stdout)["ok"] is False
