"""What the servers must be: there, ours to use, and configured so that governance holds.

A check looks and changes nothing; each ends within ``CHECK_TIMEOUT_S``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from integrations.dragonfly.client import connect as connect_dragonfly
from integrations.dragonfly.preflight import preflight
from integrations.errors import DeniedError, IntegrationError, NotFoundError
from integrations.ledger.lock import trouble_of_writer
from integrations.ledger.verify import verify as verify_ledger
from mandate.doctor.finding import Finding, bad, good
from mandate.stack.environment import ledger_of
from mandate.stack.servers import temporal
from mandate.unanswered import why_of, words_of

CHECK_TIMEOUT_S = 10.0
_START = "run `mandate up`, or let {} name a running server"


async def temporal_server(env: Mapping[str, str]) -> Finding:
    """Check that the namespace is reachable and knows our search attributes."""
    # The slowest import there is: only for whoever asks for the check.
    from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest  # noqa: PLC0415
    from temporalio.client import Client  # noqa: PLC0415
    from temporalio.envconfig import ClientConfig  # noqa: PLC0415
    from temporalio.service import RPCError  # noqa: PLC0415

    settings = ClientConfig.load_client_connect_config(override_env_vars=env)
    address = settings.get("target_host") or ""
    if not address:
        return bad("temporal", "no address", _START.format("TEMPORAL_ADDRESS"))
    namespace = settings.get("namespace") or temporal.NAMESPACE
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            client = await Client.connect(**settings)
            answer = await client.operator_service.list_search_attributes(
                ListSearchAttributesRequest(namespace=namespace)
            )
    except RPCError as error:
        return bad(
            "temporal", f"{address}: {words_of(error)}", f"create the namespace {namespace!r}"
        )
    except (RuntimeError, TimeoutError, ValueError) as error:
        why = f" ({why_of(error)})" if isinstance(error, RuntimeError) else ""
        return bad("temporal", f"{address} does not answer{why}", _START.format("TEMPORAL_ADDRESS"))
    missing = sorted(set(temporal.SEARCH_ATTRIBUTES) - set(answer.custom_attributes))
    if missing:
        first = missing[0]
        return bad(
            "temporal",
            f"{address}: search attributes missing: {', '.join(missing)}",
            f"temporal operator search-attribute create --name {first} "
            f"--type {temporal.SEARCH_ATTRIBUTES[first]}, and so on",
        )
    return good("temporal", f"{address}, namespace {namespace}, search attributes registered")


async def dragonfly_server(env: Mapping[str, str]) -> Finding:
    """Check that the server asks for a password and never evicts."""
    url = env.get("MANDATE_DRAGONFLY_URL", "")
    if not url:
        return bad("dragonfly", "no address", _START.format("MANDATE_DRAGONFLY_URL"))
    password_file = env.get("MANDATE_DRAGONFLY_PASSWORD_FILE")
    try:
        client = connect_dragonfly(url, Path(password_file) if password_file else None)
    except (ValueError, DeniedError) as error:
        return bad("dragonfly", str(error), "correct the variable, or run `mandate up`")
    try:
        facts = await preflight(client)
    except DeniedError as error:
        message, _, fix = str(error).partition(": ")
        return bad("dragonfly", f"{url}: {message}", fix)
    except IntegrationError as error:
        return bad("dragonfly", f"{url}: {error}", _START.format("MANDATE_DRAGONFLY_URL"))
    finally:
        await client.aclose()
    return good("dragonfly", f"{url}, {facts.name} {facts.version}")


def ledger_file(env: Mapping[str, str]) -> Finding:
    """Check the writer and the whole chain; a ledger that was never written is no fault."""
    path = ledger_of(env)
    trouble = trouble_of_writer(path)
    if trouble is not None:
        return bad("ledger", f"{path}: {trouble}", "see The ledger in docs/operations.md")
    try:
        found = verify_ledger(path)
    except NotFoundError:
        return good("ledger", f"{path} does not exist yet")
    except IntegrationError as error:
        return bad("ledger", f"{path}: {error}", "do not write to it; see `mandate ledger verify`")
    if found.problems:
        return bad(
            "ledger",
            f"{path}: {len(found.problems)} problem(s), first: {found.problems[0]}",
            "stop the writer, keep the file as evidence, see `mandate ledger verify`",
        )
    return good("ledger", f"{path}, {found.entries} entries, head {found.head[:12]}")
