"""``mandate demo tools``: what reaches the payment server is what was agreed, whatever breaks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_nothing_is_paid_that_was_not_agreed_and_nothing_twice():
    done = subprocess.run(
        [sys.executable, "-m", "mandate", "demo", "tools"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    said = " ".join(done.stdout.split())

    assert done.returncode == 0, done.stdout + done.stderr
    assert "kill -9 of the worker while it waits" in said
    assert "p-3 9,000 approve denied rejected by team-lead (9,000 was never agreed)" in said
    assert "p-4 300 allow denied its effect 'pay/refund:p-4' was asked for before" in said
    assert "what reached the payment server: p-1 500, p-2 5,000, p-4 300" in said
    assert "chain verified" in said
