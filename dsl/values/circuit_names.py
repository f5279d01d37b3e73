"""Names of circuits: what a circuit breaker stands before. They are wire names."""

from __future__ import annotations

from typing import Final

from dsl.limits import NAME_LENGTH_MAX

VAULT: Final = "vault"
DRAGONFLY: Final = "dragonfly"
LEDGER: Final = "ledger"
ARTIFACTS: Final = "artifacts"
OWN_CIRCUITS: Final = (ARTIFACTS, DRAGONFLY, LEDGER, VAULT)
CIRCUIT_PATTERN: Final = rf"^[a-z][a-z0-9-]{{0,{NAME_LENGTH_MAX - 1}}}$"
