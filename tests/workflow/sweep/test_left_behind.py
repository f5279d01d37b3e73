"""A credential that a dead worker has left behind: ended by the next sweep, told by health."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from integrations.vault.client import Vault
from tests.fixtures.engine import Engine
from tests.fixtures.hostile.leaks import Leaks
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.servers.variables import variables_of
from tests.integration.stack.probes import eventually
from tests.integration.vault.holders import is_alive
from tests.unit.mandate.programs import mandate
from tests.workflow.sweep.test_sweep import ended_run, sweep


async def test_health_tells_of_what_was_left_behind(
    engine: Engine, openbao: OpenBao, vault: Vault, tmp_path: Path
) -> None:
    over = await ended_run(engine)
    accessor, token = await Leaks(vault, openbao.roles_dir).token(run=over.id, phase="EXECUTE")
    swept = await sweep(engine)
    env = variables_of(engine.settings, engine.client.namespace)
    env["MANDATE_LEDGER"] = str(engine.settings.ledger)

    async def is_told() -> bool:  # lists of runs are told of an end a moment later
        said = await asyncio.to_thread(mandate, "health", "--json", cwd=tmp_path, env=env)
        rows = {row["what"]: row for row in map(json.loads, said.stdout.splitlines())}
        return f"{len(swept['revoked'])} left behind and ended" in rows["credentials"]["detail"]

    assert accessor in swept["revoked"]
    assert not await is_alive(vault, token)
    await eventually(is_told, within_s=60)
