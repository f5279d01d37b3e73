"""Asking the programs of shipped templates as the engine does, each as a process of its own.

The sandbox is left out: it has tests of its own, and `test_on_the_engine.py` has both.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

TEMPLATES = Path(__file__).resolve().parents[3] / "integrations" / "agents" / "templates"
TIMEOUT_S = 60


@dataclass(frozen=True)
class Answer:
    """What a program said, and what it left."""

    status: int  # of the process
    messages: list[dict[str, Any]]
    stderr: str
    directory: Path
    prior: dict[str, Any] = field(repr=False)

    @property
    def result(self) -> dict[str, Any]:
        (found,) = [each for each in self.messages if each["type"] == "result"]
        assert self.messages[-1] is found
        return found

    @property
    def output(self) -> dict[str, Any]:
        assert self.result["status"] == "ok", self.result
        output: dict[str, Any] = self.result["output"]
        return output

    @property
    def error(self) -> str:
        """The sentence that it gave up with."""
        assert self.status, self.messages
        (found,) = [each["message"] for each in self.messages if each["type"] == "error"]
        return str(found)

    @property
    def artifacts(self) -> dict[str, Path]:
        return {
            each["name"]: self.directory / each["path"]
            for each in self.messages
            if each["type"] == "artifact"
        }

    def read(self, name: str) -> str:
        return self.artifacts[name].read_text()


Ask = Callable[..., Answer]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """What agents look at."""
    path = tmp_path / "workspace"
    path.mkdir()
    return path


@pytest.fixture
def ask(tmp_path: Path, workspace: Path) -> Ask:
    """Ask a program to do a phase; ``given`` are answers of earlier stages, ``own`` of this one."""
    count = itertools.count()

    def ask(
        program: str,
        phase: str,
        *,
        given: dict[str, Answer] | None = None,
        own: Answer | None = None,
        secrets: dict[str, str] | None = None,
        attempt: int = 1,
        environment: dict[str, str] | None = None,
        tools: Sequence[dict[str, Any]] = (),
        hears: Sequence[dict[str, Any]] = (),
        **inputs: Any,
    ) -> Answer:
        directory = tmp_path / f"attempt-{next(count)}"
        (directory / "tmp").mkdir(parents=True)
        prior = {}
        answers = {f"{stage}/": answer for stage, answer in (given or {}).items()}
        for base, answer in (*answers.items(), *([("", own)] if own else [])):
            for name, file in answer.artifacts.items():
                target = directory / ("given" if base else "prior") / f"{base}{name}"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
                prior[base + name] = {"path": str(target.relative_to(directory))}
        request = {
            "v": 1,
            "run": "run",
            "stage": "stage",
            "phase": phase,
            "attempt": attempt,
            "deadline": time.time() + TIMEOUT_S,
            "workdir": str(directory),
            "tier": 1,
            "input": {"workspace": str(workspace), **inputs},
            "prior": prior,
            "secrets": secrets or {},
            "tools": [*tools],
        }
        done = subprocess.run(
            [sys.executable, "-E", "-s", "-B", str(TEMPLATES / f"{program}.py")],
            input="".join(json.dumps(each) + "\n" for each in (request, *hears)),
            cwd=directory,
            env={
                "HOME": str(directory),
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "TMPDIR": str(directory / "tmp"),
                "LANG": "C.UTF-8",
                **(environment or {}),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
            start_new_session=True,  # as an agent is
        )
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        return Answer(done.returncode, messages, done.stderr, directory, prior)

    return ask


TOOLS = Path(__file__).resolve().parents[3] / ".tools"  # made by `make tools`, each its own


def _search_path() -> str:
    folders = [str(TOOLS / name / "bin") for name in ("ansible", "semgrep")]
    return ":".join([*folders, "/usr/local/bin", "/usr/bin", "/bin"])


def path_of(tool: str) -> dict[str, Any]:
    """The environment in which an agent finds ``tool``."""
    found = shutil.which(tool, path=_search_path())
    folder = str(Path(found).parent) if found else "/nowhere"
    return {"environment": {"PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin"}}


def needs(*tools: str) -> pytest.MarkDecorator:
    """Skip, by name, where none of ``tools`` is installed."""
    found = any(shutil.which(tool, path=_search_path()) for tool in tools)
    return pytest.mark.skipif(not found, reason=f"{' or '.join(tools)} is not installed")
