"""Names of things in Vault. Policies match them by prefix, so they are made here only.

1. Entity and alias of an agent are ``agent-<id>``; its token role is ``gov-agent-<id>``, and
   for T3 and T4 ``gov3-agent-<id>``, which another broker may use. ``gov3-gate-agent-<id>`` mints
   what asks for an approval ahead of time.
2. Vault does not route every name: what is no identity by ``dsl.values.agent_ids`` is refused here.
3. A person is an entity whose name is not an agent's, and any other (``dsl.people``). The key is
   named after the entity's id, which nobody can choose, and so nobody inherits a key with a name.
   A login by name and password is another name, of few characters: that is Vault's rule.
4. No agent's id begins with a digit, so the name of a canary is nobody else's.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from dsl.core import Tier
from dsl.notify.secrets import SECRETS_MOUNT
from dsl.people import quoted, refuse_name
from dsl.values.agent_ids import AGENT_IDENTITY_FORM, is_agent_identity
from integrations.errors import DeniedError

KV_SHARED: Final = "kv-shared"
KV_AGENTS: Final = "kv-agents"
KV_SANDBOX: Final = "kv-sandbox"
KV_BUILD: Final = "kv-build"
KV_PROD: Final = "kv-prod"
KV_GATES: Final = "kv-gates"  # where requests wait for their approval
KV_NOTIFY: Final = SECRETS_MOUNT  # what opens the places where people are told
KV_MOUNTS: Final = (KV_SHARED, KV_AGENTS, KV_SANDBOX, KV_BUILD, KV_PROD, KV_GATES, KV_NOTIFY)
TRANSIT_MOUNT: Final = "gov-transit"
SIGNING_KEYS: Final = ("ledger-head", "artifact-build")
WORKERS_AUTH: Final = "workers"
APPROVER_AUTH: Final = "approver"
APPROVER_GROUPS: Final = ("gov-approvers-prod", "gov-council")
INSTALLER_POLICY: Final = "gov-installer"
APPROVER_POLICY: Final = "gov-approver"
EXECUTOR_POLICY: Final = "gov-t3"
ARCHITECT_POLICY: Final = "gov-t4"
AGENT_PREFIX: Final = "agent-"
CANARY: Final = "agent-0-gate-probe"  # (4) nobody else's name
# (4) nobody else's names
TIER_CANARIES: Final = {tier: f"agent-0-tier-probe-{tier.name.lower()}" for tier in Tier}
CANARY_SECRET: Final = "gate-probe"  # noqa: S105  # a path

PROMOTER: Final = "mandate-promoter"
REVOKER: Final = "mandate-revoker"
REINSTATER: Final = "mandate-reinstater"
SWEEPER: Final = "mandate-sweeper"
NOTIFIER: Final = "mandate-notifier"

# Who there is to Vault, and the one policy of each. A task queue's worker has the identity that is
# named as the queue is; the one of ``mandate-trust`` has four more, each for one kind of act. Who
# tells people, and ``mandate serve``, log in only where the operator keeps secrets there.
IDENTITIES: Final = {
    "mandate": "gov-broker",
    "mandate-t3": "gov-broker-t3",
    "mandate-trust": "gov-registrar",
    "mandate-ledger": "gov-ledger",
    PROMOTER: "gov-promoter",
    REVOKER: "gov-revoker",
    REINSTATER: "gov-reinstater",
    SWEEPER: "gov-sweeper",
    NOTIFIER: "gov-notifier",
}
OF_TRUST: Final = ("mandate-trust", PROMOTER, REVOKER, REINSTATER, SWEEPER)

_AGENTS_ROLES: Final = tuple(f"{each}-{AGENT_PREFIX}" for each in ("gov", "gov3", "gov3-gate"))
LOGIN_NAME_LENGTH_MAX: Final = 128
# What Vault routes as the name of a login with a password.
_LOGIN: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")


def entity_name(agent: str) -> str:
    """Return the name of the agent's entity, which is also its alias (1).

    Raises:
        DeniedError: Vault cannot hold an agent of that name (2).
    """
    if not is_agent_identity(agent):
        raise DeniedError(
            f"agent id {agent!r} cannot be an identity: expected {AGENT_IDENTITY_FORM}"
        )
    return f"{AGENT_PREFIX}{agent}"


def token_role(agent: str, tier: Tier) -> str:
    """Return the token role that mints for the agent at ``tier`` (1).

    Raises:
        DeniedError: Vault cannot hold an agent of that name (2).
    """
    return role_of(entity_name(agent), tier)


def role_of(entity: str, tier: Tier) -> str:
    """Return the token role that mints at ``tier`` for ``entity``, an agent's (1)."""
    return f"{'gov3' if tier >= Tier.T3 else 'gov'}-{entity}"


def gate_role(entity: str) -> str:
    """Return the token role that asks for approvals in the name of ``entity``, an agent's (1)."""
    return f"gov3-gate-{entity}"


def is_agents_role(role: str) -> bool:
    """Tell whether a token role of that name mints for an agent (1)."""
    return role.startswith(_AGENTS_ROLES)


def token_roles(agent: str) -> tuple[str, ...]:
    """Return every token role that may have minted for the agent (1).

    Raises:
        DeniedError: Vault cannot hold an agent of that name (2).
    """
    building, executing = token_role(agent, Tier.T0), token_role(agent, Tier.T3)
    return building, executing, gate_role(entity_name(agent))


def approver_key(entity_id: str) -> str:
    """Return the signing key of a person, by the id of the entity (3)."""
    return f"approver-{entity_id}"


def is_agent(entity: str) -> bool:
    """Tell whether an entity of that name is an agent's (3)."""
    return entity.lower().startswith(AGENT_PREFIX)


def person_name(name: str) -> str:
    """Return ``name`` if a person can have it (3).

    Raises:
        DeniedError: nobody could be asked by it, or it is an agent's.
    """
    refusal = refuse_name(name)
    if refusal is None and is_agent(name):
        refusal = f"one that begins with {AGENT_PREFIX!r} is an agent's"
    if refusal is not None:
        raise DeniedError(f"{quoted(name)} cannot be the name of a person: {refusal}")
    return name


def login_name(name: str) -> str:
    """Return ``name`` if somebody can log in by it with a password (3).

    Raises:
        DeniedError: Vault takes no such login.
    """
    fits = _LOGIN.fullmatch(name) is not None and len(name) <= LOGIN_NAME_LENGTH_MAX
    if not fits or ".." in name or is_agent(name):
        raise DeniedError(
            f"{quoted(name[:LOGIN_NAME_LENGTH_MAX])} cannot be a login with a password: expected "
            f"at most {LOGIN_NAME_LENGTH_MAX} of A-Z a-z 0-9 . _ -, no '..', first and last no '.' "
            f"or '-', and not {AGENT_PREFIX!r} in front. A person's own name may be any: give the "
            "login's, or a token with --token-stdin"
        )
    return name


def by_name(kind: str, name: str) -> str:
    """Return where Vault has the ``entity`` or ``group`` of that name.

    Raises:
        DeniedError: there is no such place (2).
    """
    is_step = any(part in (".", "..") for part in name.split("/"))
    refusal = "a path does not lead back" if is_step else refuse_name(name)
    if refusal is not None:
        raise DeniedError(f"{quoted(name)} cannot be the name of a {kind} in vault: {refusal}")
    return f"/v1/identity/{kind}/name/{quote(name, safe='')}"


def identities_of(queue: str) -> tuple[str, ...]:
    """Return the identities that the worker of a task queue logs in with."""
    if queue not in IDENTITIES:  # it needs none
        return ()
    return OF_TRUST if queue in OF_TRUST else (queue,)


def worker_role(identity: str) -> str:
    """Return the AppRole of one of ``IDENTITIES``."""
    return f"worker-{identity}"


def secret_id_path(identity: str) -> str:
    """Return where secret ids of that AppRole are issued."""
    return f"auth/{WORKERS_AUTH}/role/{worker_role(identity)}/secret-id"
