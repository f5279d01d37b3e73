"""``mandate replay``: of runs under way and of files, on the code at hand and on changed code."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from pathlib import Path

from tests.fixtures.engine import Engine, after_look, gate
from tests.integration.stack.probes import eventually

ROOT = Path(__file__).resolve().parents[3]
HISTORIES = ROOT / "tests" / "replay" / "histories"
# Code with another activity where the run recorded one: what a deploy would wedge runs by.
PLANTED = (
    "import sys; from activities.contracts import specs;"
    "object.__setattr__(specs.record, 'name', 'ledger.recorded');"
    "from mandate.cli import app; sys.argv[0] = 'mandate'; app()"
)


def replay(*words: str, code: str = "", temporal: str = "") -> subprocess.CompletedProcess[str]:
    program = ("-c", code) if code else ("-m", "mandate")
    return subprocess.run(
        [sys.executable, *program, "replay", *words],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "TEMPORAL_ADDRESS": temporal},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def test_a_change_that_would_wedge_runs_under_way_is_found_before_it_is_deployed(
    engine: Engine,
) -> None:
    handle = await engine.start(after_look(gate("review")))
    await engine.pending(handle, "review")
    mine = f'WorkflowId = "{handle.id}"'

    async def is_listed() -> bool:
        return [each.id async for each in engine.client.list_workflows(mine)] == [handle.id]

    await eventually(is_listed)
    ours = ("--running", "--query", mine)

    now, planted = await asyncio.gather(
        asyncio.to_thread(replay, *ours, temporal=engine.settings.temporal),
        asyncio.to_thread(replay, *ours, code=PLANTED, temporal=engine.settings.temporal),
    )

    assert (now.returncode, "1 histories replayed, 0 differ" in now.stdout) == (0, True), now
    assert planted.returncode == 1, planted
    assert f"DIFFERS  {handle.id}: replay failed: [TMPRL1100]" in planted.stdout
    await handle.cancel()


def test_files_are_replayed_and_a_changed_argument_is_found(tmp_path: Path) -> None:
    good = sorted(HISTORIES.glob("approved*.json"))
    changed = tmp_path / "approved__review.json"
    history = json.loads((HISTORIES / changed.name).read_text())
    for event in history["events"]:
        scheduled = event.get("activityTaskScheduledEventAttributes")
        if scheduled:
            payload = scheduled["input"]["payloads"][0]
            asked = json.loads(base64.b64decode(payload["data"]))
            asked["authority_of"] = "somebody-else"
            payload["data"] = base64.b64encode(json.dumps(asked).encode()).decode()
            break
    changed.write_text(json.dumps(history))

    broken = tmp_path / "broken.json"
    broken.write_text("{}")

    whole = replay(*map(str, good))
    found = replay(str(broken), str(good[0]), str(changed))
    unread = replay(str(broken), str(good[0]), str(tmp_path / "nothing"))

    assert (whole.returncode, whole.stderr) == (0, ""), whole
    assert f"{len(good)} histories replayed, 0 differ" in whole.stdout
    assert found.returncode == 1  # those behind one that cannot be read are replayed
    assert "2 histories replayed, 1 differ, 1 cannot be read" in found.stdout
    assert (unread.returncode, len(unread.stderr.splitlines())) == (2, 2), unread
    assert "1 histories replayed, 0 differ, 2 cannot be read" in unread.stdout
    assert ', authority_of: was "somebody-else" and is "code-review.review"' in found.stdout


def test_what_is_no_history_is_said_in_a_line(tmp_path: Path) -> None:
    for text in ("", "{}", "[]", '{"events": []}', '{"events": [1]}', '{"events": {}}', "\ud800"):
        file = tmp_path / "x.json"
        file.write_text(text, errors="surrogatepass")
        said = replay(str(file))
        assert (said.returncode, len(said.stderr.splitlines())) == (2, 1), (text, said)
    assert replay().returncode == 2
    assert replay(str(tmp_path / "nothing")).returncode == 2
