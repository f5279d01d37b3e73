"""What the Web UI and ``temporal workflow list`` show of a run.

1. Search attributes are upserted only where the worker's preflight has seen them registered:
   an unregistered one wedges the run. The decision is pinned in history with the plan.
2. The server terminates a run whose attribute is too large, so the list may be incomplete,
   and says so. ``status`` is complete.
3. Gates that open or close together are published together: a command each would cost an event
   each, and a thousand gates a list of a thousand names a thousand times.
4. ``MandateStatus`` says *running* or *waiting*, and in the end how the run ended, as its last
   command. Only a run that is terminated cannot: its status in the server's own list is right.
5. An agent stage has no ``MandateStatus`` before it waits for a circuit. That it was started with
   attributes says that they are registered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Final

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from activities.contracts.messages import Policy
from dsl.core import Tier
from dsl.limits import GATES_SHOWN_BYTES_MAX
from workflows.runtime.attributes import AGENT, GATES, STATUS, TIER

_RUNNING: Final = "running"
_WAITING: Final = "waiting"


def show_start(policy: Policy) -> None:
    """Say that the run is at work (4)."""
    if policy.shows_ends:
        workflow.upsert_search_attributes([STATUS.value_set(_RUNNING)])


def show_end(policy: Policy, word: str) -> None:
    """Say how the run ends, and that nobody is waited for any more (4)."""
    if policy.shows_ends:
        workflow.upsert_search_attributes([GATES.value_set([]), STATUS.value_set(word)])


def show_circuit(circuit: str) -> None:
    """Say of an agent stage that it waits for ``circuit``, or that it is at work again (5)."""
    if workflow.info().typed_search_attributes.get(AGENT) is not None:
        word = f"waits for circuit {circuit}" if circuit else _RUNNING
        workflow.upsert_search_attributes([STATUS.value_set(word)])


class PublishedGates:
    """Publishes the pending gates of a run, by path and by bare name: either is found."""

    def __init__(self, pending: Mapping[str, object], *, is_registered: bool) -> None:
        """Watch ``pending``, by path; where nothing ``is_registered``, publish nothing (1)."""
        self._pending = pending
        self._is_registered = is_registered
        self._due: asyncio.Task[None] | None = None
        self._shown: tuple[str, ...] = ()

    def changed(self) -> asyncio.Task[None]:
        """Publish when all has run that is ready to run by now (3)."""
        if self._due is None:
            self._due = asyncio.create_task(self._publish())
        return self._due

    async def _publish(self) -> None:
        self._due = None
        paths = tuple(sorted(self._pending))
        if not self._is_registered or paths == self._shown:
            return
        self._shown = paths
        names = gate_names(paths)
        workflow.upsert_search_attributes(
            [GATES.value_set(names), STATUS.value_set(_WAITING if names else _RUNNING)]
        )


def gate_names(paths: Sequence[str]) -> list[str]:
    """Return bare names and paths, as many as fit: names first, then paths (2).

    The last value is ``+12 more`` when twelve gates are listed neither by name nor by path.
    """
    bare = {path.rsplit("/", 1)[-1] for path in paths}
    names = sorted({*paths, *bare})
    if _bytes(names) <= GATES_SHOWN_BYTES_MAX:
        return names
    marker = f"+{len(paths)} more"
    kept: list[str] = []
    for name in [*sorted(bare), *sorted(set(paths) - bare)]:
        if _bytes([*kept, name, marker]) > GATES_SHOWN_BYTES_MAX:
            break
        kept.append(name)
    shown = set(kept)
    left = sum(path not in shown and path.rsplit("/", 1)[-1] not in shown for path in paths)
    return sorted(kept) + ([f"+{left} more"] if left else [])


def _bytes(names: Sequence[str]) -> int:
    return len(json.dumps(names))  # escaped, with spaces: never less than what is sent


def of_agent(agent: str, tier: Tier) -> TypedSearchAttributes:
    """Return the attributes a child workflow is started with."""
    return TypedSearchAttributes(
        [SearchAttributePair(AGENT, agent), SearchAttributePair(TIER, tier.name)]
    )
