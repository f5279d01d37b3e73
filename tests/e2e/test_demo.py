"""``mandate demo``: the whole of it, as a newcomer without a terminal would see it."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from mandate.stack.servers.binaries import temporal

ROOT = Path(__file__).resolve().parents[2]


def demo(tmp_path: Path, *words: str) -> list[str]:
    (tmp_path / "app.py").write_text("import subprocess\n\nsubprocess.call('ls', shell=True)\n")
    return [sys.executable, "-m", "mandate", "demo", "--workspace", str(tmp_path), *words]


def test_the_demo_shows_gate_findings_approver_and_ledger_and_ends_well(tmp_path: Path):
    done = subprocess.run(
        demo(tmp_path),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    said = done.stdout

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{temporal()} workflow signal --address 127.0.0.1:" in said
    assert "Signal workflow succeeded" in said
    assert "findings; the" in said
    assert "app.py:3  bandit B602" in said
    assert said.index("findings; the") < said.index("This line answers the gate")
    assert "approve at sign-off by team-lead, at their word" in said
    assert "chain verified" in said
    assert "http" not in said  # it would lead to a stack that is gone
    assert "mandate demo --keep" in said


def test_a_demo_that_is_kept_stays_up_until_ctrl_c_and_its_link_leads_there(tmp_path: Path):
    with subprocess.Popen(
        demo(tmp_path, "--keep"),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("it stays up"):
                break
        else:
            pytest.fail(said)
        (link,) = (
            line.split()[-1] for line in said.splitlines() if "the run in the Web UI" in line
        )
        with urllib.request.urlopen(link) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        said += process.stdout.read()
        code = process.wait(60)

    assert code == 0, said
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(link)
