"""What it costs to know whose vote it is: one signature, and one read of the person."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Final

from activities.contracts.specs import QUEUE_LEDGER
from integrations.vault.client import Vault
from integrations.vault.login.approle import Login
from integrations.vault.people.person import Person, log_in
from integrations.vault.signing.voters import Voters

ROUNDS: Final = 200
MESSAGE: Final = b'{"about":"as long as a vote at a gate is"}' * 20


async def proof_ms(env: Mapping[str, str], data_dir: Path) -> dict[str, float]:
    """Return medians in ms, asked as the ledger's worker, one after the other."""
    vault = Vault(env["VAULT_ADDR"])
    try:
        passwords = json.loads((data_dir / "people.json").read_text())
        ann = await log_in(vault, "ann", passwords["ann"])
        signature = await Person(vault, ann.token).sign(MESSAGE)
        async with aclosing(Login(vault, Path(env["MANDATE_VAULT_ROLES"]), QUEUE_LEDGER)) as login:
            voters = Voters(vault, login)
            return {
                "verify_ms": await _median(lambda: voters.verify(ann.entity, MESSAGE, signature)),
                "read_ms": await _median(lambda: voters.read(ann.entity, ["sre"])),
            }
    finally:
        vault.close()


async def _median(ask: Callable[[], Awaitable[object]]) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        assert await ask()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)
