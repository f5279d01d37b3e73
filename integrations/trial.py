"""A trial: an agent that may act at T3 at once, for people who try things out.

Trust is earned by runs and by consent, and that takes days. A trial lends it to one agent of one
shipped pipeline, in a stack that is its caller's own. The rules:

1. It is marked wherever it is seen: on the ledger (``trust.trial``), on the score card, by
   ``mandate agents``. Everything else about the agent is as for any other.
2. It happens before workers start, while nobody else has the ledger open.
3. Once: an agent that was lowered or revoked since is not raised by starting again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from dsl.actions import AGENT_PROMOTED, AGENT_REGISTERED, TRUST_TRIAL
from dsl.catalogue import Catalogue
from dsl.core import Tier
from dsl.plan import AgentStep, walk
from integrations.agents.programs.catalogue import Programs
from integrations.ledger.entries import Draft
from integrations.ledger.ledger import Ledger
from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.identity.registry import Registrar
from integrations.vault.identity.tier_changes import TierChanges
from integrations.vault.login.approle import Login

PIPELINE: Final = "production-change"
AGENT: Final = f"{PIPELINE}.change"
WHY: Final = "lent by `mandate up --trial`: nobody has consented"
_REGISTRAR: Final = "mandate-trust"


async def lend(vault_url: str, roles_dir: Path, ledger: Path) -> None:
    """Have ``AGENT`` hold T3 (1) (3).

    Raises:
        IntegrationError: Vault or the ledger does not let us.
    """
    vault = Vault(vault_url)
    registrar, promoter = (Login(vault, roles_dir, name) for name in (_REGISTRAR, naming.PROMOTER))
    try:
        with Ledger(ledger) as opened:  # (2) before workers start
            if await opened.by_key(_key(AGENT_PROMOTED)) is None:  # (3) once
                await _lend(opened, Registrar(vault, registrar), TierChanges(vault, promoter))
    finally:
        await registrar.aclose()
        await promoter.aclose()
        vault.close()


async def _lend(ledger: Ledger, registrar: Registrar, changes: TierChanges) -> None:
    binding = _binding()
    known = await registrar.register(AGENT, initial_tier=Tier.T2, binding=binding)
    seen = {"entity": known.entity_id, "tier": known.tier.name, **binding}
    receipts = await ledger.append(
        [_draft(AGENT_REGISTERED, seen), _draft(TRUST_TRIAL, {"why": WHY})]
    )
    place = receipts[-1].seq
    await changes.promote(AGENT, known.entity_id, Tier.T2, Tier.T3, place)
    raised = {"was": Tier.T2.name, "now": Tier.T3.name, "grant": place, "trial": True}
    await ledger.append([_draft(AGENT_PROMOTED, raised)])


def _binding() -> dict[str, str]:
    """Return what the agent is bound to: as the shipped pipeline names it."""
    plan = Catalogue().load(PIPELINE).plan
    [step] = (s for s in walk(plan.steps) if isinstance(s, AgentStep) and s.agent == AGENT)
    program = Programs().digest(step.template)
    return {"pipeline": PIPELINE, "template": step.template, "program": program}


def _draft(action: str, payload: dict[str, Any]) -> Draft:
    return Draft.of_no_run(_key(action), action, payload, agent=AGENT, tier=Tier.T2)


def _key(action: str) -> str:
    return f"trial/{AGENT}/{action}"
