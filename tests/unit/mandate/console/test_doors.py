"""Doors as the environment sets them up, and what comes of a mistake in the operator's file."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from integrations.vault import naming
from integrations.vault.login.roles import WrappedRole, role_file, write_role
from integrations.web.engine import RunEngine
from integrations.web.hooks import Received
from mandate.console.doors import Doors

NOBODY = cast("RunEngine", None)  # nothing is asked of a run here
CLICK: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U0ANN"},
    "actions": [
        {"action_id": "mandate-approve", "value": '{"w": "r", "g": "g"}', "action_ts": "1"}
    ],
}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "secret").write_text("a secret of thirty-two characters")
    (tmp_path / "notify.yaml").write_text(f"""\
slack: {{ops: {{channel: C0123, token_file: {tmp_path}/secret}}}}
inbound: {{slack: {{destination: ops, signing_secret_file: {tmp_path}/secret}}}}
""")
    return {
        "MANDATE_NOTIFY": str(tmp_path / "notify.yaml"),
        "MANDATE_DOOR_KEY_FILE": str(tmp_path / "secret"),
        "MANDATE_DATA": str(tmp_path),
    }


async def test_what_comes_while_the_operators_file_has_mistakes_may_come_again(
    env: dict[str, str], tmp_path: Path
):
    [hook] = await Doors(env, NOBODY).hooks()
    (tmp_path / "notify.yaml").write_text("people: {slack: {U0ANN: nobody")
    body = urlencode({"payload": json.dumps(CLICK)}).encode()
    answer = await hook.handle(Received({}, body, "d-1"))

    assert answer.status == 503
    assert "try again: the file of MANDATE_NOTIFY has mistakes" in answer.body["error"]


@pytest.mark.parametrize("is_named", [True, False])
async def test_the_role_of_who_tells_people_is_taken_only_where_somebody_is_told(
    env: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture, *, is_named: bool
):
    caplog.set_level(logging.WARNING)
    roles = tmp_path / "roles"
    write_role(role_file(roles, naming.NOTIFIER), WrappedRole("r", "hvs.wrapped"))
    env |= {"VAULT_ADDR": "http://127.0.0.1:1", "MANDATE_VAULT_ROLES": str(roles)}
    if not is_named:
        del env["MANDATE_NOTIFY"]
    doors = Doors(env, NOBODY)
    await doors.hooks()
    async with doors.sockets():
        pass

    assert ("is not taken yet" in caplog.text) == is_named
