"""Facts that an activity of the ledger's worker records about the run that asks.

1. Workflow and run are taken from the activity's own context, never from a request.
2. A key leaves the attempt out: what is recorded once in a run is recorded once.
3. What anybody may have sent stands on the ledger in a form that does no harm where it is read.
"""

from __future__ import annotations

import re
from typing import Any, Final

from temporalio import activity

from dsl.core import Tier
from dsl.limits import REASON_LENGTH_MAX
from integrations.errors import DeniedError
from integrations.ledger.entries import Draft, entry_key
from integrations.redaction import redact_tokens

SHOWN_MAX: Final = 80  # characters
_HARMLESS: Final = re.compile(r"[^A-Za-z0-9 ._~:-]")


def run_key(*what: str) -> str:
    """Return the key of a fact that there is once in the asking run (2)."""
    info = activity.info()
    return entry_key(info.namespace, info.workflow_id or "", info.workflow_run_id or "", *what)


def drafted(
    key: str, action: str, agent: str, payload: dict[str, Any], tier: Tier = Tier.T0
) -> Draft:
    """Return an entry of the asking run (1)."""
    info = activity.info()
    return Draft(
        key=key,
        workflow_id=info.workflow_id or "-",
        run_id=info.workflow_run_id or "-",
        agent=agent,
        tier=tier,
        action=action,
        payload=payload,
    )


def require_workflow(workflow_type: str, workflow_id: str) -> None:
    """Refuse a question that another workflow asks than the one for it.

    Raises:
        DeniedError: it is not that workflow.
    """
    info = activity.info()
    if (info.workflow_type, info.workflow_id) != (workflow_type, workflow_id):
        raise DeniedError(
            f"only workflow {workflow_id!r} of type {workflow_type} may ask this, and this one is "
            f"{info.workflow_id!r} of type {info.workflow_type}"
        )


def harmless(text: str) -> str:
    """Return what can be shown of a text that anybody may have sent (3)."""
    short = _HARMLESS.sub("?", redact_tokens(text[: 2 * SHOWN_MAX]))
    return short if len(short) <= SHOWN_MAX else f"{short[:SHOWN_MAX]}..."


def told(text: str) -> str:
    """Return a reason as it may stand on the ledger (3)."""
    return redact_tokens(text[:REASON_LENGTH_MAX]).encode(errors="replace").decode()
