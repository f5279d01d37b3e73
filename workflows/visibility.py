"""What the Web UI and ``temporal workflow list`` show of a run.

Search attributes are upserted only where the worker's preflight has seen them registered: an
unregistered one wedges the run. The decision is pinned in history with the plan.
"""

from __future__ import annotations

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from dsl.core import Tier

GATES = SearchAttributeKey.for_keyword_list("MandateGates")
AGENT = SearchAttributeKey.for_keyword("MandateAgent")
TIER = SearchAttributeKey.for_keyword("MandateTier")
STATUS = SearchAttributeKey.for_keyword("MandateStatus")
ALL = (GATES, AGENT, TIER, STATUS)


def show_gates(paths: Sequence[str]) -> None:
    """Publish the pending gates, by path and by bare name: the inbox finds either."""
    names = sorted({*paths, *(path.rsplit("/", 1)[-1] for path in paths)})
    workflow.upsert_search_attributes(
        [GATES.value_set(names), STATUS.value_set("waiting" if names else "running")]
    )


def of_agent(agent: str, tier: Tier) -> TypedSearchAttributes:
    """Return the attributes a child workflow is started with."""
    return TypedSearchAttributes(
        [SearchAttributePair(AGENT, agent), SearchAttributePair(TIER, tier.name)]
    )
