"""Directories that outlast the attempt, and locks with a name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from integrations.agents.sandbox.spec import SandboxSpec
from integrations.errors import DeniedError


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / "ws" / name for name in ("state", "beside", ".mandate")}
    for path in found.values():
        path.mkdir(parents=True)
    return found


async def test_an_agent_writes_where_it_was_let_and_nowhere_beside(run, places, namespaces):
    outcome = await run(
        "shared",
        {"places": [str(places["state"]), str(places["beside"])]},
        sandbox=SandboxSpec(
            workspace=places["state"].parent, write=(places["state"],), namespaces=namespaces
        ),
    )

    assert outcome.result.output[str(places["state"])] == "written"
    assert outcome.result.output[str(places["beside"])] != "written"
    assert (places["state"] / "left").read_text() == "x"
    assert not (places["beside"] / "left").exists()


async def test_locks_with_a_name_are_the_agents_own(run, namespaces):
    outcome = await run("shared", {}, sandbox=SandboxSpec(namespaces=namespaces))

    if "read-only" in outcome.level:
        assert outcome.result.output == {"lock": "taken", "seen": ["left"]}
    else:  # without mounts they would be the machine's
        assert outcome.result.output["lock"] == "Permission denied"
    assert "left" not in {each.name for each in os.scandir("/dev/shm")}


@pytest.mark.parametrize("write", [".mandate", ".", "nowhere"])
async def test_what_is_hidden_or_missing_is_never_writable(run, places, write):
    root = places["state"].parent
    with pytest.raises(DeniedError, match=r"is hidden from agents|no directory to write into"):
        await run(
            "shared",
            {},
            sandbox=SandboxSpec(
                workspace=root, write=(root / write,), denied=(places[".mandate"],)
            ),
        )
