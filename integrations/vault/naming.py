"""Names of things in Vault. Policies match them by prefix, so they are made here only.

1. Entity and alias of an agent are ``agent-<id>``; its token role is ``gov-agent-<id>``, and
   for T3 and T4 ``gov3-agent-<id>``, which another broker may use.
2. Vault does not route every id the language allows: one that ends in ``.`` or ``-``, or holds
   ``..``, is refused here; there it is an "internal error" or an unknown path.
"""

from __future__ import annotations

import re
from typing import Final

from dsl.core import Tier
from integrations.errors import DeniedError

KV_SHARED: Final = "kv-shared"
KV_AGENTS: Final = "kv-agents"
KV_SANDBOX: Final = "kv-sandbox"
KV_BUILD: Final = "kv-build"
KV_PROD: Final = "kv-prod"
KV_MOUNTS: Final = (KV_SHARED, KV_AGENTS, KV_SANDBOX, KV_BUILD, KV_PROD)
TRANSIT_MOUNT: Final = "gov-transit"
SIGNING_KEYS: Final = ("ledger-head", "artifact-build")
WORKERS_AUTH: Final = "workers"
APPROVER_AUTH: Final = "approver"
APPROVER_GROUPS: Final = ("gov-approvers-prod", "gov-council")
INSTALLER_POLICY: Final = "gov-installer"

# What the worker of a task queue may do. One identity per queue, one policy per identity.
QUEUE_POLICIES: Final = {
    "mandate": "gov-broker",
    "mandate-t3": "gov-broker-t3",
    "mandate-trust": "gov-registrar",
    "mandate-ledger": "gov-ledger",
}

AGENT_NAME_LENGTH_MAX: Final = 160  # an agent id of the language, and the prefix of inline plans
_AGENT: Final = re.compile(r"[a-z](?:[a-z0-9._-]*[a-z0-9_])?")


def entity_name(agent: str) -> str:
    """Return the name of the agent's entity, which is also its alias (1).

    Raises:
        DeniedError: Vault cannot hold an agent of that name (2).
    """
    if _AGENT.fullmatch(agent) is None or ".." in agent or len(agent) > AGENT_NAME_LENGTH_MAX:
        raise DeniedError(
            f"agent id {agent!r} cannot be an identity: expected at most "
            f"{AGENT_NAME_LENGTH_MAX} of a-z 0-9 . _ -, first a letter, last no '.' or '-', "
            "and no '..'"
        )
    return f"agent-{agent}"


def token_role(agent: str, tier: Tier) -> str:
    """Return the token role that mints for the agent at ``tier`` (1).

    Raises:
        DeniedError: Vault cannot hold an agent of that name (2).
    """
    return f"{'gov3' if tier >= Tier.T3 else 'gov'}-{entity_name(agent)}"


def worker_role(queue: str) -> str:
    """Return the AppRole of the workers of a task queue."""
    return f"worker-{queue}"
