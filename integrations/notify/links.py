"""Where a message leads: addresses of the operator, and never of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from dsl.rules.notify.snapshot import GateSnapshot, RunSnapshot


@dataclass(frozen=True, slots=True)
class SitePages:
    """What the operator serves to people; empty: there is none."""

    ui: str = ""  # Temporal's Web UI
    console: str = ""

    def run(self, run: RunSnapshot) -> str:
        """Return where Temporal's Web UI shows a run; empty: nowhere."""
        if not self.ui:
            return ""
        words = (run.namespace, "workflows", run.workflow, run.run)
        path = "/".join(quote(word, safe="") for word in words)
        return f"{self.ui.rstrip('/')}/namespaces/{path}/history"

    def gate(self, gate: GateSnapshot, run: RunSnapshot) -> str:
        """Return where the console shows a gate and takes votes; empty: nowhere.

        It is good for one time that the gate is open in one run: later it says so, and leads
        nobody to vote on what they were not told of.
        """
        if not self.console:
            return ""
        shown = {"run": run.workflow, "gate": gate.path, "id": run.run, "opening": gate.opening}
        return f"{self.console.rstrip('/')}/gate?{urlencode(shown, quote_via=quote, safe='')}"


NO_PAGES: Final = SitePages()
