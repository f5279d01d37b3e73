"""``mandate chaos`` typed: refused before anything is started, and undone by Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from tests.integration.stack.probes import command_lines, eventually
from tests.unit.mandate.programs import ROOT
from tests.unit.mandate.programs import environment as clean

FROZEN = """\
name: frozen
method: [{fault: store-frozen, when: {phase: EXECUTE}, for: 60s}]
"""
FOREIGN = """\
name: foreign
method: [{fault: worker-death, target: "1", when: {phase: EXECUTE}}]
"""


async def started(folder: Path, text: str) -> asyncio.subprocess.Process:
    file = folder / "experiment.yaml"
    file.write_text(text)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mandate", "chaos", "run", str(file)),
        cwd=ROOT,
        env=clean({"TMPDIR": str(folder)}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def ours(folder: Path) -> list[str]:
    return [words for words in command_lines().values() if str(folder / "mandate-chaos-") in words]


def is_frozen(folder: Path) -> bool:
    """Tell whether Dragonfly of that stack stands still."""
    stopped = [
        pid
        for pid, words in command_lines().items()
        if str(folder) in words and "valkey.conf" in words
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    ]
    return bool(stopped)


async def test_what_is_not_ours_is_refused_before_anything_is_started(tmp_path):
    process = await started(tmp_path, FOREIGN)
    out, _ = await process.communicate()

    assert process.returncode == 2
    assert "DSL542" in out.decode()
    assert [each.name for each in tmp_path.iterdir()] == ["experiment.yaml"]


@pytest.mark.timeout(240)
async def test_ctrl_c_in_the_midst_of_a_fault_undoes_it_and_leaves_nothing(tmp_path):
    process = await started(tmp_path, FROZEN)
    try:
        await eventually(lambda: is_frozen(tmp_path), within_s=120)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)  # a second one cuts nothing short
        out, _ = await asyncio.wait_for(process.communicate(), 90)
    finally:
        if process.returncode is None:
            process.kill()

    assert process.returncode == 130, out.decode()
    assert ours(tmp_path) == []
    assert [each.name for each in tmp_path.iterdir()] == ["experiment.yaml"]
