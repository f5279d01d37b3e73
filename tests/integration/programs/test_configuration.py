"""A copy of a configuration is laid out below its place and nowhere else."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).resolve().parents[3] / "integrations/agents/templates"
UNPACK = """
import sys
from pathlib import Path
import configuration
if sys.argv[3] == "older":
    configuration.FILTERED = {}
configuration.unpack(Path(sys.argv[1]), Path(sys.argv[2]))
"""
DIRECTORY, FILE, LINK, HARD, PIPE = (
    *(tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE),
)


@pytest.fixture(params=["as it is", "older"])
def unpacked(tmp_path, request):
    """Lay out an archive of such members, also as a Python that has no filter of its own."""

    def unpacked(*members: tuple[str, bytes, str]) -> tuple[int, str]:
        archive = tmp_path / "configuration.tar"
        with tarfile.open(archive, "w") as target:
            for name, kind, text in members:
                member = tarfile.TarInfo(name)
                member.type, member.mode = kind, 0o755
                if kind == FILE:
                    member.size = len(text)
                else:
                    member.linkname = text
                target.addfile(member, io.BytesIO(text.encode()) if kind == FILE else None)
        done = subprocess.run(
            [sys.executable, "-c", UNPACK, archive, tmp_path / "into", request.param],
            env={**os.environ, "PYTHONPATH": str(PROGRAMS)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    return unpacked


def test_files_directories_and_links_within_are_laid_out(unpacked, tmp_path):
    code, said = unpacked(
        ("roles", DIRECTORY, ""),
        ("roles/main.tf", FILE, "here"),
        ("latest", LINK, "roles/main.tf"),
        ("roles/up", LINK, "../latest"),
    )

    assert (code, said) == (0, "")
    assert (tmp_path / "into/roles/up").read_text() == "here"


@pytest.mark.parametrize(
    "members",
    [
        [("/{outside}/a", FILE, "x")],
        [("../outside/a", FILE, "x")],
        [("way", LINK, "../outside"), ("way/a", FILE, "x")],
        [("way", LINK, "/{outside}")],
        [("way", LINK, "."), ("way/../../outside/a", FILE, "x")],
        [("pipe", PIPE, "")],
        [("a", FILE, "x"), ("b", HARD, "../outside/b")],
    ],
    ids=["absolute", "above", "through a link", "a link", "by a detour", "a pipe", "a hard link"],
)
def test_what_leaves_the_tree_is_refused_and_nothing_is_written_there(unpacked, tmp_path, members):
    outside = tmp_path / "outside"
    outside.mkdir()
    place = str(outside)[1:]
    code, said = unpacked(
        *((n.format(outside=place), k, t.format(outside=place)) for n, k, t in members)
    )

    assert code == os.EX_DATAERR
    assert "leaves the tree" in said or "is no regular file" in said or "cannot be copied" in said
    assert list(outside.iterdir()) == []
