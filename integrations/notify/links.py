"""Where a message leads: addresses of the operator, and never of a run."""

from __future__ import annotations

from urllib.parse import quote

from dsl.rules.notify.snapshot import RunSnapshot


def run_in_ui(ui: str, run: RunSnapshot) -> str:
    """Return where Temporal's Web UI shows a run; empty: there is none."""
    if not ui:
        return ""
    words = (run.namespace, "workflows", run.workflow, run.run)
    path = "/".join(quote(word, safe="") for word in words)
    return f"{ui.rstrip('/')}/namespaces/{path}/history"
