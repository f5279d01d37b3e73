"""Trust tiers, as Vault holds them: the two halves of the double lock.

1. What an agent may do *now* is metadata of its entity: one zone per tier. Policies name the
   zone by template, so a zone that is missing is a path that does not exist, and a change
   counts at once for tokens already held.
2. What a *phase* may do is the list of policies its token is minted with. ``gov-broker*.hcl``
   holds the same lists, so a broker that is taken over can ask for nothing else.
3. T4 changes governance and holds no zone: architects do not read what they govern.
4. Secrets are read by EXECUTE, artefacts signed by PACKAGE; all other phases observe.
5. EXIT and REVOKED get no credential.
"""

from __future__ import annotations

from typing import Final

from dsl.core import AgentPhase, Tier

INITIAL_TIER_MAX: Final = Tier.T2  # T3 and T4 are earned
TIER_KEY: Final = "tier"

_ZONES: Final = {Tier.T1: "sandbox", Tier.T2: "build", Tier.T3: "prod"}
_OBSERVER: Final = "gov-t0"
_BUILDER: Final = "gov-t2"
_ARCHITECT: Final = "gov-t4"


def zone_metadata(tier: Tier) -> dict[str, str]:
    """Return the metadata of an entity that holds ``tier``."""
    # (3) architects do not read what they govern
    held = {} if tier is Tier.T4 else {t: zone for t, zone in _ZONES.items() if t <= tier}
    # (1) one zone per tier
    return {TIER_KEY: tier.name, **{t.name.lower(): zone for t, zone in held.items()}}


def policies_for(phase: AgentPhase, tier: Tier) -> tuple[str, ...]:
    """Return the policies a token for ``phase`` is minted with (2).

    Raises:
        ValueError: the phase gets no credential.
    """
    match phase:
        case AgentPhase.EXIT | AgentPhase.REVOKED:
            raise ValueError(f"phase {phase} gets no credential")  # (5) EXIT and REVOKED get none
        case AgentPhase.EXECUTE if tier is Tier.T4:
            return (_OBSERVER, _ARCHITECT)
        case AgentPhase.EXECUTE:
            # (4) secrets are read by EXECUTE
            return tuple(f"gov-{t.name.lower()}" for t in Tier if t <= tier)
        case AgentPhase.PACKAGE if tier in (Tier.T2, Tier.T3):
            return (_OBSERVER, _BUILDER)  # (4) artefacts are signed by PACKAGE
        case _:
            return (_OBSERVER,)
