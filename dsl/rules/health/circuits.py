"""Which circuits there are, and behind which of them a phase waits.

A circuit stands before work that begins, and before nothing else. The rules:

1. What ends, lets go or protects is never held back: EXIT and REVOKED, revocations, beats, gates,
   votes, entries on the ledger. Their outages are waited out by their own retries, without a
   limit.
2. A phase waits behind what it cannot do without: the lease it takes, the outputs it puts out, the
   identity that is proven, the secrets that are read.
3. Nothing acts that could not be recorded: EXECUTE waits behind the ledger, though it writes
   nothing there itself. Where somebody else's worker has acted, its answer is only taken in.
4. What a template names as its outside thing is waited for before EXECUTE, the one phase that
   acts.
"""

from __future__ import annotations

from collections.abc import Iterable

from dsl.core import AgentPhase, Tier, is_terminal_phase
from dsl.values.circuit_names import ARTIFACTS, DRAGONFLY, LEDGER, VAULT


def circuits_before(
    phase: AgentPhase,
    *,
    tier: Tier,
    runs_program: bool,
    reads_secrets: bool,
    is_done: bool = False,
    outside: Iterable[str] = (),
) -> tuple[str, ...]:
    """Return the circuits that have to let ``phase`` through, in the order they are asked."""
    if is_terminal_phase(phase):  # (1) never held back
        return ()
    names = [DRAGONFLY, ARTIFACTS]  # (2) what no phase can do without
    is_admitted_anew = runs_program and tier >= Tier.T3
    acts = phase is AgentPhase.EXECUTE and not is_done
    if phase is AgentPhase.BOOTSTRAP or is_admitted_anew or (acts and reads_secrets):
        names.append(VAULT)
    if acts:
        names += [LEDGER, *outside]  # (3) (4) nothing acts unrecorded, or without its outside thing
    return tuple(names)
