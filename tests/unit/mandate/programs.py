"""Running our own entry points as a person does: in a process of their own."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.fixtures.commands import typed

ROOT = Path(__file__).resolve().parents[3]
_OURS = ("TEMPORAL_", "VAULT_", "BAO_", "MANDATE_")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a process gets: this one's variables without any that name a server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **(extra or {})}


def mandate(
    *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``mandate`` with ``arguments`` to its end; see ``tests.fixtures.commands.ready``."""
    words = [*map(str, arguments)]
    with (
        open(os.devnull) as nothing,  # noqa: PTH123
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        tempfile.TemporaryFile("w+", encoding="utf-8") as err,
    ):
        streams = tuple(each.fileno() for each in (nothing, out, err))
        order = typed.Order(words, str(cwd), environment(env), streams)
        code = typed.run(ready_at(ROOT), order)
        said = [(each.seek(0), each.read())[1] for each in (out, err)]
    return subprocess.CompletedProcess(["mandate", *words], code, *said)


def as_typed(checkout: Path = ROOT) -> tuple[str, ...]:
    """Return how to start ``mandate`` of a checkout, all of which is loaded already."""
    return (sys.executable, "-I", "-S", typed.__file__, ready_at(checkout))


@cache
def ready_at(checkout: Path) -> str:
    """Return where the process listens that runs the commands of a checkout, started once."""
    folder = tempfile.TemporaryDirectory()
    place = str(Path(folder.name) / "ready")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fixtures.commands.ready", place],
        cwd=checkout,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )

    def end() -> None:
        with process, folder:
            process.kill()

    atexit.register(end)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return place
