"""What people are shown of the outputs that a gate approves: their heads.

1. Heads are read by an activity when the gate opens, beside the wait: a store that is away keeps
   nobody from voting.
2. A head belongs to a digest. What one gate has had read, no other of the run asks for again, and a
   run has at most ``HEADS_OF_RUN_MAX`` of them in its history.
3. They are shown and decide nothing. A vote is bound to digests, and ``mandate approve`` reads the
   bytes itself where it can.
4. Whether anything of an output is put into history at all is the operator's to say; it is pinned
   with the plan.
"""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts.head_specs import HeadsRequest, read_heads
from dsl.core import AgentOutput
from dsl.limits import HEADS_MAX, HEADS_OF_RUN_MAX, OUTPUTS_DESCRIBED_MAX
from dsl.shown.heads import HEADED_RANK_MAX, Head, rank
from dsl.shown.surfaces import Markdown
from workflows.gates.opening import Matter, Opening
from workflows.runtime import failures


class Heads:
    """The heads that one run has had read."""

    def __init__(self, *, is_allowed: bool) -> None:
        self._is_allowed = is_allowed  # (4) for the operator to say
        self._known: dict[str, Head] = {}
        self._asked: set[str] = set()

    async def read(self, opening: Opening) -> None:
        """Have the heads read that are not known yet (1)."""
        digests = self._wanted(opening.matter)
        if not digests:
            return
        self._asked |= set(digests)
        path = opening.step.path
        try:
            answer = await read_heads(
                HeadsRequest(digests=digests),
                activity_id=f"{path}/read#{opening.number}",
                summary=Markdown.of("read the heads of {} output(s)", len(digests)),
            )
        except ActivityError as error:
            workflow.logger.warning("heads for %s are not read: %s", path, failures.cause_of(error))
        else:
            self._known |= {each: answer.heads[each] for each in digests if each in answer.heads}
        finally:
            self._asked -= {each for each in digests if each not in self._known}

    def described(self, matter: Matter) -> list[dict[str, Any]]:
        """Return what is approved by kind and size, the most telling first, with heads."""
        return [
            {
                "stage": path,
                "name": each.name,
                "phase": each.phase.value,
                "media_type": each.media_type,
                "size": each.size,
                "digest": each.digest,
                **self._head(each),
            }
            for path, each in matter.outputs[:OUTPUTS_DESCRIBED_MAX]
        ]

    def shown(self, matter: Matter) -> list[tuple[str, AgentOutput, Head | None]]:
        """Return the outputs of which a head is shown, the most telling first."""
        return [
            (path, each, self._known.get(each.digest))
            for path, each in matter.outputs[:HEADS_MAX]
            if rank(each.phase, each.name) <= HEADED_RANK_MAX
        ]

    def _head(self, output: AgentOutput) -> dict[str, Any]:
        head = self._known.get(output.digest)
        return {} if head is None else {"head": head.model_dump(mode="json")}

    def _wanted(self, matter: Matter) -> tuple[str, ...]:
        if not self._is_allowed:
            return ()
        room = HEADS_OF_RUN_MAX - len(self._asked)  # (2) so many of them in one history
        wanted = dict.fromkeys(output.digest for _, output, _ in self.shown(matter))
        return tuple(digest for digest in wanted if digest not in self._asked)[:room]
