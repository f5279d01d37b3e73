"""Asking git about a repository of strangers.

1. The repository's own configuration is never read: what is in it may name programs (fsmonitor,
   filters, textconv, hooks, aliases, a remote's transport). git is given a folder of ours as its
   own, with ``HEAD``, the references and the objects of the repository, and a configuration that
   says nothing.
2. git never looks at the working tree: filters and attributes are for that. What has changed is
   found by hashing files here, as git names them.
3. A repository that cannot be asked is one without history: that is a note, not a failure.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from integrations.review.running import Ran, ToolFailedError, run, said
from integrations.review.snapshot import FILE_BYTES_MAX, Snapshot, hashed_as_git_does, read_within

LIMIT_S: Final = 30.0
POINTER_BYTES_MAX: Final = 4_096
REFS_BYTES_MAX: Final = 32 << 20
_CONFIG: Final = "[core]\n\trepositoryformatversion = {}\n\tbare = true\n"
_SHA256: Final = "[extensions]\n\tobjectformat = sha256\n"
_OBJECT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REF: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./@^~-]{0,199}")
_ENTRY: Final = re.compile(r"\d{6} blob ([0-9a-f]{40,64})\t(.+)", re.DOTALL)


class History:
    """The history of the repository that holds a folder."""

    def __init__(self, own: Path, prefix: str, digits: int) -> None:
        self._own = own
        self._prefix = prefix  # of the folder in its repository; empty, or with a slash at its end
        self._digits = digits  # of the names of objects

    def changed_since(self, ref: str, snapshot: Snapshot) -> frozenset[str]:
        """Return the files that are other than they were at ``ref``, new ones included.

        Raises:
            ToolFailedError: there is no such commit, or git cannot say.
        """
        if _REF.fullmatch(ref) is None or ".." in ref:
            raise ToolFailedError(f"{ref!r} is no name of a commit, a branch or a tag")
        tree = f"{ref}^{{commit}}:{self._prefix.rstrip('/')}"
        ran = self._git("ls-tree", "-r", "-z", "--full-tree", tree)
        if ran.status:
            raise ToolFailedError(f"there is no commit {ref!r} here that holds this folder")
        entries = ran.out.decode("utf-8", "replace").split("\0")
        then = {match[2]: match[1] for match in map(_ENTRY.fullmatch, entries) if match}
        return frozenset(
            path
            for path in (*snapshot.files, *snapshot.others)
            if self._is_other(snapshot, path, then)
        )

    def committed_at(self, path: str) -> Mapping[str, int]:
        """Return when each line of a file of the last commit was written, by its text.

        Raises:
            ToolFailedError: git cannot say.
        """
        # Of the commit, not of the working tree (2).
        ran = self._git("blame", "--line-porcelain", "HEAD", "--", f"{self._prefix}{path}")
        if ran.status:
            raise ToolFailedError(said(ran))
        found: dict[str, int] = {}
        at = 0
        for line in ran.out.decode("utf-8", "replace").split("\n"):
            if line.startswith("\t"):
                text = line.strip()
                found[text] = min(at, found.get(text, at))
            elif line.startswith("author-time "):
                digits = line.partition(" ")[2].strip()
                at = int(digits) if digits.isdigit() else 0
        return found

    def _is_other(self, snapshot: Snapshot, path: str, then: Mapping[str, str]) -> bool:
        before = then.get(path)
        if before is None:
            return True
        data = snapshot.read(path, FILE_BYTES_MAX)
        return data is None or hashed_as_git_does(data, self._digits) != before

    def _git(self, *words: str) -> Ran:
        env = {
            "GIT_DIR": str(self._own),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_ALLOW_PROTOCOL": "none",
        }
        git = shutil.which("git")
        if git is None:
            raise ToolFailedError("git is not installed")
        return run([git, "--no-pager", *words], cwd=self._own, limit_s=LIMIT_S, env=env)


def history_of(root: Path, scratch: Path) -> History:
    """Return the history of the repository around ``root``; ``scratch`` is for git's folder (1).

    Raises:
        ToolFailedError: there is none that can be asked (3).
    """
    root = root.resolve()
    for top in (root, *root.parents):
        if (top / ".git").exists():
            break
    else:
        raise ToolFailedError("it is not in a git repository")
    git = _git_folder(top / ".git")
    shared = _pointed_at(git / "commondir", git) if (git / "commondir").is_file() else git
    if not (shared / "objects").is_dir() or (shared / "reftable").exists():
        raise ToolFailedError("its .git is of a form that is not read here")
    own = scratch / "git"
    digits = _prepare(own, git, shared)
    prefix = root.relative_to(top).as_posix()
    return History(own, "" if prefix == "." else f"{prefix}/", digits)


def _git_folder(path: Path) -> Path:
    if path.is_dir():
        return path
    return _pointed_at(path, path.parent)


def _pointed_at(file: Path, base: Path) -> Path:
    """Return the folder that a file of git points at."""
    try:
        told = read_within(file.parent, file.name, POINTER_BYTES_MAX)
        if told is None:
            raise ToolFailedError("its .git is no file that can be read")
        said_of_it = told.decode().strip()
        folder = (base / said_of_it.removeprefix("gitdir:").strip()).resolve()
    except (OSError, ValueError):
        raise ToolFailedError("its .git cannot be read") from None
    if not folder.is_dir():
        raise ToolFailedError("its .git points at no folder")
    return folder


def _prepare(own: Path, git: Path, shared: Path) -> int:
    """Make git's folder (1); return how many digits the names of objects have."""
    own.mkdir(parents=True)
    (own / "objects").symlink_to(shared / "objects")
    (own / "refs").mkdir()
    for name in ("heads", "tags", "remotes"):
        if (shared / "refs" / name).is_dir():
            (own / "refs" / name).symlink_to(shared / "refs" / name)
    try:
        for name, folder in (("HEAD", git), ("packed-refs", shared)):
            if (folder / name).is_file():
                # Bounded, and not through a link.
                data = read_within(folder, name, REFS_BYTES_MAX)
                if data is None:
                    raise ToolFailedError(f"{name} of its .git is a link, or too large")
                (own / name).write_bytes(data)
        is_long = _has_long_names(own, shared / "refs")
    except OSError as error:
        raise ToolFailedError(f"its .git cannot be read: {error.strerror}") from None
    config = _CONFIG.format(1 if is_long else 0) + (_SHA256 if is_long else "")
    (own / "config").write_text(config)
    return 64 if is_long else 40


def _has_long_names(own: Path, refs: Path) -> bool:
    """Tell by any reference at hand whether objects are named by SHA-256."""
    head = (own / "HEAD").read_text(encoding="utf-8", errors="replace").strip()
    candidates = [head]
    if head.startswith("ref: refs/") and ".." not in head and refs.is_dir():
        ref = read_within(refs, head.removeprefix("ref: refs/"), POINTER_BYTES_MAX)
        candidates.append((ref or b"").decode("utf-8", "replace").strip())
    if (own / "packed-refs").is_file():
        with (own / "packed-refs").open(encoding="utf-8", errors="replace") as packed:
            candidates += [line.partition(" ")[0] for line in packed]
    names = [each for each in candidates if _OBJECT.fullmatch(each)]
    return bool(names) and len(names[0]) == 64  # noqa: PLR2004 - digits of SHA-256
