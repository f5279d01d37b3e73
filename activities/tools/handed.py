"""The secrets of a tool server, for the one call that it is handed them for.

1. They are read with a credential of the agent that calls, minted now for its tier, which dies
   with the call: a server gets nothing for an agent that the agent's own tier does not open.
2. They go from Vault to the server. No workflow, history, ledger or agent sees one, and a stage
   that declares one of them as its own is refused (``activities.phases.secrets``).
3. Without them nothing is called.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from activities.contracts.tool_specs import CallRequest
from activities.runtime.endings import run_of
from dsl.core import AgentPhase
from dsl.tools.servers import ToolServer
from integrations.errors import DeniedError
from integrations.tools.session import START_S
from integrations.vault.credentials.issuer import CredentialIssuer
from integrations.vault.credentials.paths import SecretRef

BEYOND_CALL_S: Final = 30  # the credential outlives the server, whose end it waits for


@asynccontextmanager
async def handed_to(
    server: ToolServer, request: CallRequest, issuer: CredentialIssuer | None
) -> AsyncIterator[dict[str, str]]:
    """Yield the secrets of ``server`` by name; what is minted for them lives as long as this.

    Raises:
        DeniedError: one of them may not be read by this agent.
        NotFoundError: there is no such secret.
        RevokedError: the agent is disabled.
        UnavailableError: Vault does not answer.
    """
    if not server.secrets:
        yield {}
        return
    if issuer is None:  # (3) nothing is called
        raise DeniedError(f"tool server {server.name!r} is handed secrets, and nobody mints here")
    places = {name: SecretRef.parse(ref) for name, ref in sorted(server.secrets.items())}
    timeout_s = server.timeout_of(request.occurrence.call.tool) / 1000
    async with issuer.credential(  # (1) of the agent that calls
        request.agent,
        request.entity,
        phase=AgentPhase.EXECUTE,
        tier=request.tier,
        ttl_s=int(timeout_s + START_S) + BEYOND_CALL_S,
        meta=run_of(AgentPhase.EXECUTE),  # by which a sweep finds what was left
    ) as credential:
        yield {name: await credential.read_secret(ref) for name, ref in places.items()}
