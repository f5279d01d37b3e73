"""A writer that is killed at any moment loses nothing it acknowledged."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from integrations.ledger.lookup import entries_after
from integrations.ledger.verify import verify

ROOT = Path(__file__).resolve().parents[3]
ROUNDS = 5


def test_kill_9_loses_no_acknowledged_entry_and_never_half_a_call(tmp_path):
    path = tmp_path / "ledger.db"
    acknowledged: set[int] = set()
    for round_ in range(ROUNDS):
        first = round_ * 100_000
        acknowledged |= appended_until_killed(path, first, tmp_path / f"out-{round_}")
        report = verify(path)
        assert report.problems == ()

    numbers = recorded(path)
    assert len(acknowledged) > ROUNDS
    assert acknowledged <= numbers
    assert {n ^ 1 for n in numbers} == numbers  # calls of two


def appended_until_killed(path: Path, first: int, output: Path) -> set[int]:
    """Run the appender, kill it shortly after its first receipt; return what it printed whole."""
    program = [sys.executable, "-m", "tests.integration.ledger.appender"]
    with output.open("wb") as out:
        process = subprocess.Popen([*program, path, str(first), "8", "0"], cwd=ROOT, stdout=out)
    deadline = time.monotonic() + 30
    while output.stat().st_size == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.3))
    process.send_signal(signal.SIGKILL)
    process.wait()
    whole = output.read_text().rpartition("\n")[0]
    return {int(line) for line in whole.split()}


def recorded(path: Path) -> set[int]:
    """Return the numbers of all entries."""
    return {int(entry.payload["n"]) for entry in entries_after(path, -1)}
