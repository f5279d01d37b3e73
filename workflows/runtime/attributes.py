"""The search attributes of ours, as keys; what is said with them: `workflows.runtime.visibility`.

By themselves, since who reads a list of runs needs the keys and no contract.
"""

from __future__ import annotations

from typing import Final

from temporalio.common import SearchAttributeKey

GATES = SearchAttributeKey.for_keyword_list("MandateGates")
AGENT = SearchAttributeKey.for_keyword("MandateAgent")
TIER = SearchAttributeKey.for_keyword("MandateTier")
STATUS = SearchAttributeKey.for_keyword("MandateStatus")
ALL = (GATES, AGENT, TIER, STATUS)
# What ``MandateStatus`` says of a run that has not completed, and that the server calls failed.
REJECTED: Final = "rejected"
REVOKED: Final = "revoked"
REFUSED: Final = "refused"
ENDINGS: Final = frozenset({REJECTED, REVOKED, REFUSED})
