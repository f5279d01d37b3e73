"""``mandate doctor``: one line per check, with the fix where it fails."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

from dsl.shown.surfaces import Terminal
from mandate._entry import EXIT_FAILED
from mandate.doctor import looks, machine, servers, vault
from mandate.doctor.finding import Finding
from mandate.stack import environment
from mandate.terminal import say, say_json


def run(data_dir: Path | None, *, as_json: bool = False) -> int:
    """Print the report; return 1 when a check failed."""
    findings = asyncio.run(examine(environment.present(data_dir)))
    for finding in findings:
        if as_json:
            say_json(asdict(finding))
        else:
            say(*finding.lines())
    failed = list(dict.fromkeys(finding.name for finding in findings if not finding.ok))
    fix = Terminal.of("to be fixed: {}", Terminal.listed(failed))
    if not as_json:
        say(fix if failed else Terminal("all is well"))
    return EXIT_FAILED if failed else 0


async def examine(env: dict[str, str]) -> list[Finding]:
    """Make all checks, those of servers at once."""
    temporal, of_vault, dragonfly, seen = await asyncio.gather(
        servers.temporal_server(env),
        vault.vault_server(env),
        servers.dragonfly_server(env),
        looks.seen_once(env),
    )
    on_machine = [
        machine.python(),
        machine.sqlite(),
        machine.packages(),
        machine.sandbox(),
        *machine.programs(),
    ]
    of_servers = [temporal, *of_vault, dragonfly]
    are_well = all(each.ok for each in of_servers)
    seen_here = seen.lines(are_servers_well=are_well)
    return [*on_machine, *of_servers, servers.ledger_file(env), *seen_here]
