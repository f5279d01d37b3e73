"""Private directories that a killed worker left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from integrations.agents.workdir import sweep, workdir


def _dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_what_a_dead_worker_left_is_removed(tmp_path: Path):
    left = tmp_path / f"mandate-{_dead_pid()}-abc"
    (left / "prior").mkdir(parents=True)
    (left / "prior" / "report.md").write_text("words")

    assert sweep(tmp_path) == 1
    assert not left.exists()


def test_what_somebody_uses_is_left_alone(tmp_path: Path):
    other = tmp_path / f"mandate-{os.getppid()}-abc"
    other.mkdir()
    (tmp_path / "mandate-demo-abc").mkdir()
    (tmp_path / f"mandate-{_dead_pid()}-link").symlink_to(other)
    with workdir(tmp_path) as mine:
        assert sweep(tmp_path) == 0
        assert mine.is_dir()
    assert other.is_dir()
