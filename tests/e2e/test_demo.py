"""``mandate demo``: the whole of it, as a newcomer without a terminal would see it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_shows_gate_report_and_ledger_and_ends_well(tmp_path: Path):
    (tmp_path / "app.py").write_text("import subprocess\n\nsubprocess.call('ls', shell=True)\n")
    demo = subprocess.run(
        [sys.executable, "-m", "mandate", "demo", "--workspace", str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    said = demo.stdout

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "temporal workflow signal --address 127.0.0.1:" in said
    assert "Signal workflow succeeded" in said
    assert "# Code review" in said
    assert "shell=True" in said or "B602" in said
    assert "/namespaces/default/workflows/code-review-demo/" in said
    assert "chain verified" in said
