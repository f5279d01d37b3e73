"""Private directories that a killed worker left behind."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

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


def test_workers_that_start_at_once_do_not_stumble_over_each_other(tmp_path: Path):
    left = [tmp_path / f"mandate-{_dead_pid()}-{number}" for number in range(20)]
    for each in left:
        for number in range(50):
            (each / f"{number}" / "deeper").mkdir(parents=True)
    with ThreadPoolExecutor(8) as workers:
        removed = list(workers.map(sweep, [tmp_path] * 8))

    assert sum(removed) == len(left)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_removed_keeps_no_worker_from_starting(tmp_path: Path, monkeypatch: Any):
    left = tmp_path / f"mandate-{_dead_pid()}-abc"
    left.mkdir()

    def busy(path: Path) -> None:
        raise OSError(errno.EBUSY, "busy", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", lambda self, _: busy(self))
        assert sweep(tmp_path) == 0
    assert sweep(tmp_path) == 1
