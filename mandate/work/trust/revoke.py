"""``mandate revoke``: stop an agent everywhere, by the word of whoever is logged in.

Prints the receipt, one line for each thing that was to be brought about, and what has to be
rotated. Exit code 0 only when every line is confirmed. What is not, goes on: running this again
starts another beside it, which does no harm.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.people.door import enter, temporal
from mandate.people.errors import no_agent, refuse_agent, refuse_reason
from mandate.people.login.session import login_at
from mandate.people.revoking import Ended, order_of, order_or_unproven, start, told, watch
from mandate.people.standing import likely_at
from mandate.stack import environment
from mandate.terminal import say, say_json

_EMPTY: Final = {"epoch": 0, "lines": [], "complete": False, "rotate": [], "by": ""}


def run(
    agent: str,
    reason: str,
    *,
    wait_s: float,
    as_json: bool,
    only_print: bool,
    data_dir: Path | None,
) -> int:
    """Revoke, or print the input that does; return the exit code."""
    if only_print:
        return enter("revoke", _print(agent, reason, data_dir))
    return enter("revoke", _run(agent, reason, wait_s, as_json=as_json, data_dir=data_dir))


async def _print(agent: str, reason: str, data_dir: Path | None) -> int:
    _refuse(agent, reason)
    say_json(await order_of(environment.present(data_dir), agent, reason))
    return 0


async def _run(
    agent: str, reason: str, wait_s: float, *, as_json: bool, data_dir: Path | None
) -> int:
    _refuse(agent, reason)
    env = environment.present(data_dir)
    login_at(env)  # nobody logged in: say so before anything else
    client = await temporal(env)
    handle = await start(client, await order_or_unproven(env, agent, reason))
    ended = await watch(handle, wait_s)
    if as_json:
        say_json(_as_json(agent, handle.id, ended))
    elif ended.is_unknown:
        raise no_agent(agent, likely_at(agent, env))
    else:
        say(*told(ended))
    if ended.is_complete:
        return 0
    return EXIT_USAGE if ended.is_unknown else EXIT_FAILED


def _as_json(agent: str, workflow: str, ended: Ended) -> dict[str, Any]:
    refused = {"refused": ended.refusal} if ended.refusal else {}
    return {"agent": agent, "workflow": workflow, **_EMPTY, **ended.receipt, **refused}


def _refuse(agent: str, reason: str) -> None:
    refuse_agent(agent)
    refuse_reason(reason)
