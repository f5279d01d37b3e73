"""Hidden arguments are kept aside, and other calls cost nothing for that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from activities.phases.tools.sealing import SEALS, Sealing
from dsl.rules.tools.calls import CallRefusedError
from dsl.tools.folders import ServerFile, ToolFolders
from dsl.tools.servers import KnownServer
from integrations.artifacts.spent import SpentCalls
from integrations.artifacts.store import Artifacts

TOOLS: dict[str, Any] = {"refund": {"redact": {"arguments": ["card"]}}, "status": {}}


@pytest.fixture
def sealing(tmp_path: Path) -> Sealing:
    server = {"name": "pay", "tier": "T1", "command": ["/bin/pay"], "tools": TOOLS}
    (tmp_path / "pay.yaml").write_text(json.dumps(server))
    store, keys = Artifacts(tmp_path / "kept"), SpentCalls(tmp_path / "kept", SEALS)
    return Sealing(ToolFolders([tmp_path]), store, keys, "run/work", frozenset({"pay"}))


async def test_for_a_tool_that_is_declared_to_hide_nothing_no_pins_are_read(
    sealing: Sealing, monkeypatch: pytest.MonkeyPatch
):
    read: list[ServerFile] = []
    genuine = ServerFile.known

    def known(file: ServerFile) -> KnownServer:
        read.append(file)
        return genuine(file)

    monkeypatch.setattr(ServerFile, "known", known)

    assert await sealing.of("pay", "status", {"card": "4111"}) == {"card": "4111"}
    assert read == []
    with pytest.raises(CallRefusedError, match="of 'pay' is pinned"):
        await sealing.of("pay", "refnd", {"card": "4111"})


async def test_the_key_of_a_stage_is_renewed_once_for_all_that_it_seals(
    sealing: Sealing, monkeypatch: pytest.MonkeyPatch
):
    renewed: list[tuple[str, ...]] = []
    monkeypatch.setattr(SpentCalls, "renew", lambda _, stage: renewed.append(stage))
    sealed = [await sealing.of("pay", "refund", {"card": "4111"}) for _ in range(3)]

    assert sealed[0] == sealed[1] == sealed[2] != {"card": "4111"}
    assert renewed == [("run/work",)]
