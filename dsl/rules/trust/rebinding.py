"""Rebinding: an agent stays who it is though its pipeline, template or program has changed.

An identity is bound to what it was first seen as, so that nobody puts another program under a name
that was trusted. When the program is released anew, somebody who may vouch for plans says so, with
proof, and this is what becomes of the trust that the old program has earned:

1. The tier is one less, and T2 at most: what changes production or governance is looked at by two
   people again, with this program. It is not less than a new agent of the installation is given,
   unless the agent held less already.
2. The row of compliant runs begins anew, so the way up is paved by runs of the new program only.
   Violations, demotions and burnt budget stay on the record: an agent sheds nothing by changing.
3. A revoked agent is not rebound: it comes back first, or not at all.
4. Rebinding to what it is bound to already changes nothing, and is refused: no tier is lost by
   mistake.
"""

from __future__ import annotations

from typing import Final

from dsl.core import Tier
from dsl.rules.trust.admission import Binding, unregistered
from dsl.values.canonical import digest_of

KEPT_MAX: Final = Tier.T2


def tier_after(held: Tier, initial: Tier) -> Tier:
    """Return the tier that survives (1); ``initial`` is what a new agent is given."""
    return min(held, max(min(Tier(max(held - 1, Tier.T0)), KEPT_MAX), initial))


def binding_digest(binding: Binding) -> str:
    """Return what stands for ``binding`` in a grant."""
    return digest_of(
        {
            "pipeline": binding.pipeline,
            "template": binding.template,
            "program": binding.program or "",
        }
    )


def refuse(agent: str, bound: Binding | None, asked: Binding, *, revoked: bool) -> str | None:
    """Say why ``agent`` cannot be bound to ``asked``; None when it can."""
    if bound is None:
        return f"{unregistered(agent)}: it is bound when it first runs"
    if revoked:  # (3) it comes back first
        return f"agent {agent!r} is revoked: reinstate it first"
    if not asked.program:
        return f"agent {agent!r} would be bound to no program: its template has none"
    if binding_digest(bound) == binding_digest(asked):  # (4) nothing is lost by mistake
        return f"agent {agent!r} is bound to exactly this already: there is nothing to do"
    return None
