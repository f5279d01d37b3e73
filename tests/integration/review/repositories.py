"""Repositories as tests make them: files, and a history where one is needed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from integrations.review.watcher import OBSERVERS, WatcherReport, watch

GIT = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def written(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below ``root``; return it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def git(root: Path, *words: str, at: str = "2026-01-01T00:00:00Z") -> str:
    """Run git in a repository, at a time of our choice."""
    env = {**os.environ, **GIT, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    done = subprocess.run(
        ["git", *words], cwd=root, env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def committed(root: Path, *, at: str = "2026-01-01T00:00:00Z") -> str:
    """Commit all that is there; return the commit."""
    if not (root / ".git").exists():
        git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A", at=at)
    git(root, "commit", "-q", "-m", "a commit", "--no-verify", at=at)
    return git(root, "rev-parse", "HEAD")


def seen_by(
    root: Path, *names: str, since: str | None = None, now_s: float | None = None
) -> WatcherReport:
    """Review a repository, by some of the observers or all."""
    observers = [each for each in OBSERVERS if not names or each.name in names]
    return watch(root, since=since, now_s=now_s, observers=observers)
