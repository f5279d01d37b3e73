"""Which workflow ids are the engine's own, and which workflow may have each.

Temporal gives an id to whoever asks first, of any type and on any queue. So an id says nothing of
what runs under it, and whoever holds one must not hold a brake. The rules:

1. Reserved is what begins, before its first ``/``, with a word of ``OWNERS``; and the id of what a
   schedule starts, to which the server appends ``-`` and the time. Each belongs to one type.
2. A revocation is called by its agent. Where that id is taken, by whatever, it hangs its own below,
   ending in a token that nobody could have known before.
3. An agent's id holds no ``/``: whose revocation an id is can be told in one way only.

The names of workflows and queues stand here because a command needs them, and loads no contract
for it: that takes longer than many a command does.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

QUEUE: Final = "mandate"
PIPELINE: Final = "Pipeline"
AGENT: Final = "Agent"
PROMOTION: Final = "Promotion"
REINSTATEMENT: Final = "Reinstatement"
REBINDING: Final = "Rebinding"
REVOCATION: Final = "Revocation"
REGISTRATION: Final = "Registration"
CIRCUIT: Final = "Circuit"
REVIEW_AGAIN: Final = "ReviewAgain"
REVIEW_OUTCOME: Final = "ReviewOutcome"
LEDGER_ANCHOR: Final = "LedgerAnchor"
ATTESTATION: Final = "Attestation"
NOTIFICATION: Final = "Notification"
SWEEP: Final = "Sweep"
SWEEP_ID: Final = "sweep"
RECONCILE: Final = "Reconcile"
RECONCILE_ID: Final = "reconcile"
_SCHEDULED: Final = (SWEEP_ID, RECONCILE_ID)  # the server appends the time
OWNERS: Final = MappingProxyType(
    {
        "promotion": PROMOTION,
        "reinstatement": REINSTATEMENT,
        "rebinding": REBINDING,
        "revocation": REVOCATION,
        "registration": REGISTRATION,
        "circuit": CIRCUIT,
        "review-outcome": REVIEW_OUTCOME,
        "ledger-anchor": LEDGER_ANCHOR,
        "attestation": ATTESTATION,
        "notification": NOTIFICATION,
        SWEEP_ID: SWEEP,
        RECONCILE_ID: RECONCILE,
    }
)

RUN_IN_ID_MAX: Final = 200  # characters; the server takes 1,000 bytes in all

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def promotion_id(agent: str) -> str:
    """Return the workflow id of a promotion: one at a time."""
    return f"promotion/{agent}"


def reinstatement_id(agent: str) -> str:
    """Return the workflow id of a reinstatement: one at a time."""
    return f"reinstatement/{agent}"


def rebinding_id(agent: str) -> str:
    """Return the workflow id of a rebinding: one at a time."""
    return f"rebinding/{agent}"


def circuit_folder(circuit: str) -> str:
    """Return what the workflow ids of all orders about a circuit begin with, before a slash."""
    return f"circuit/{circuit}"


def circuit_id(circuit: str, token: str) -> str:
    """Return the workflow id of an order about a circuit: as many as there are orders."""
    return f"{circuit_folder(circuit)}/{token}"


def review_outcome_id(suggestion: str, token: str) -> str:
    """Return the workflow id of what is told of a suggestion: as many as there are tellings."""
    return f"review-outcome/{suggestion}/{token}"


def ledger_anchor_id(origin: str) -> str:
    """Return the workflow id of what keeps the notes of the ledger called so."""
    return f"ledger-anchor/{origin}"


def attestation_id(workflow: str, token: str) -> str:
    """Return the workflow id of what puts the evidence of a run together: one for each request.

    The token alone makes it one of a kind, so a long id of the run is cut.
    """
    return f"attestation/{workflow[:RUN_IN_ID_MAX]}/{token}"


def notification_id(workflow: str, token: str) -> str:
    """Return the workflow id of what tells people of a run: one for each start of it.

    The token alone makes it one of a kind, so a long id of the run is cut.
    """
    return f"notification/{workflow[:RUN_IN_ID_MAX]}/{token}"


def revocation_id(agent: str, token: str = "") -> str:
    """Return the workflow id of a revocation; with a ``token`` the one beside what is taken (2)."""
    return f"revocation/{agent}/{token}" if token else f"revocation/{agent}"


def is_revocation_of(agent: str, workflow_id: str) -> bool:
    """Tell whether a revocation of ``agent``, a valid id, may be called so (2) (3)."""
    name = revocation_id(agent)
    if workflow_id == name:
        return True
    return workflow_id.startswith(f"{name}/") and bool(
        _TOKEN.fullmatch(workflow_id.removeprefix(f"{name}/"))
    )


def owner_of(workflow_id: str) -> str | None:
    """Return the type of workflow that an id is reserved for; None: for none (1)."""
    word = workflow_id.partition("/")[0]
    scheduled = (each for each in _SCHEDULED if word.startswith(f"{each}-"))
    return OWNERS.get(next(scheduled, word))


def refuse_reserved(workflow_id: str, workflow_type: str) -> str | None:
    """Say why a workflow of that type may not be called so; None when it may (1)."""
    owner = owner_of(workflow_id)
    if owner is None or owner == workflow_type:
        return None
    words = " ".join(f"{word}/" for word in OWNERS if word not in _SCHEDULED)
    return (
        f"its id is reserved for {owner}: start it under one that does not begin with "
        f"{words} or {' '.join(_SCHEDULED)}"
    )
