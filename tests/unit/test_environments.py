"""What environments are made of: a Python that we run on, or nothing is made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def made(folder: Path, *, python: str) -> subprocess.CompletedProcess[str]:
    """Have an environment made by a checkout whose uv tells what it is asked for."""
    for script in ("venv", "uv"):
        (folder / ".ci").mkdir(exist_ok=True)
        (folder / ".ci" / script).write_text((ROOT / ".ci" / script).read_text())
    uv = folder / ".tools/uv/bin/uv"
    uv.parent.mkdir(parents=True)
    uv.write_text('#!/bin/sh\necho "$@"\n')
    uv.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", ".ci/venv", "there"],
        cwd=folder,
        env={**os.environ, "PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_interpreter_that_is_named_is_taken(tmp_path):
    assert made(tmp_path, python=sys.executable).stdout == (
        f"--quiet venv --python {sys.executable} there\n"
    )


def test_of_a_python_that_is_too_old_nothing_is_made(tmp_path):
    old = tmp_path / "python3.10"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    refused = made(tmp_path, python=str(old))

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (f"expected Python 3.11 to 3.13, got {old}: PYTHON=... names one\n")


def test_one_is_found_that_suits(tmp_path):
    found = made(tmp_path, python="").stdout.split()[3]
    version = subprocess.run([found, "-V"], capture_output=True, text=True, check=True).stdout

    assert version.startswith(("Python 3.11.", "Python 3.12.", "Python 3.13."))
