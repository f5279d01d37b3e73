"""What somebody who serves requests may ask of runs. Whoever composes the server says how.

An adapter knows no Temporal; see ``mandate.console.engine`` for what stands behind this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run in the server's words."""

    run: str  # workflow id
    run_id: str
    type: str
    status: str  # as people read it: running, completed, rejected, failed, cancelled, terminated
    started: datetime | None = None
    ended: datetime | None = None
    told: str = ""  # whether it is at work or waits, as it has told the server's list
    gates: tuple[str, ...] = ()  # that wait, as far as the list tells

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended."""
        return self.status == "running"


class RunEngine(Protocol):
    """Reaches runs. What fails is an ``IntegrationError``: see ``integrations.errors``."""

    async def list(
        self,
        *,
        running: bool = False,
        limit: int = 200,
        before: datetime | None = None,
        prefix: str = "",
    ) -> Sequence[KnownRun]:
        """Return the newest runs of ours; those that are under way, began before, are called so."""

    async def describe(self, run: str) -> KnownRun:
        """Return the newest run of that workflow id.

        Raises:
            NotFoundError: there is none of ours.
        """

    async def query(self, run: str, name: str, *arguments: Any) -> Any:
        """Ask the newest run of that id: ``status``, ``gates``, ``plan``.

        Raises:
            NotFoundError: there is none of ours.
            UnavailableError: it does not answer, as without a worker.
        """

    async def update(self, run: str, name: str, argument: Any, *, update_id: str) -> Any:
        """Tell the run that is under way something, once for one ``update_id``; return its answer.

        Raises:
            NotFoundError: none of that id is under way.
            DeniedError: it refuses what it is told, and says why.
            UnavailableError: there was no answer; sent again, it is the same update.
        """

    async def answered(self, run: str, *, update_id: str) -> Any:
        """Return what the newest run of that id has answered to that update, also once it is over.

        Raises:
            NotFoundError: it knows of none.
            DeniedError: it has failed, and why.
            UnavailableError: there is no answer yet.
        """

    async def cancel(self, run: str) -> None:
        """Ask the run that is under way to end.

        Raises:
            NotFoundError: none of that id is.
        """

    async def start(
        self,
        pipeline: str,
        inputs: Mapping[str, Any],
        *,
        run: str,
    ) -> KnownRun:
        """Start a pipeline of the catalogue under that workflow id.

        Raises:
            ConflictError: there is a run of that id already.
            NotFoundError: the catalogue has no such pipeline.
            DeniedError: it does not take these inputs.
        """
