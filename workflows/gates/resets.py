"""What a reset of the run undoes at its gates, and what was decided when.

1. A gate that is open is void, and opens anew. So is what was decided in the very task that is
   repeated: votes that ``temporal workflow reset`` applies again come in that task, and approve
   nothing.
2. What was decided in a task before stands: the votes came before the point that people have gone
   back to. Where it is not on the ledger yet, it is put there before anything behind goes on.
3. What is good in one run only (its votes name the run, and are verified again) stands only where
   it was on the ledger by then; nothing else of it would be left to use.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio import workflow

from workflows.gates.opening import Opening
from workflows.runtime.tasks import this_task


class VoidError(Exception):
    """The run was reset while a gate was open: it is opened anew."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(f"opening {opening.number} is void")
        self.opening = opening


class GateResets:
    """Watches over the openings of one run."""

    def __init__(self, outlives: Callable[[str], bool] | None) -> None:
        """Take what tells whether decisions at a gate are good in another run too; None: none."""
        self.decided: list[tuple[str, int]] = []  # at which gate, and in which workflow task
        self._outlives = outlives or (lambda _path: False)
        self._undone: dict[str, Opening] = {}  # open, or decided and not yet on the ledger
        workflow.register_random_seed_callback(self._on_reset)

    def opened(self, opening: Opening) -> None:
        """Be told that a gate opens."""
        self._undone[opening.step.path] = opening

    def closed(self, opening: Opening, *, is_decided: bool) -> None:
        """Be told that it is decided, or that its time ran out."""
        opening.closed_in = this_task()
        if is_decided:
            self.decided_now(opening.step.path)

    def decided_now(self, path: str) -> None:
        """Be told that a gate is decided in the task under way."""
        self.decided.append((path, this_task()))

    def over(self, path: str) -> None:
        """Be told that what was decided at a gate is on the ledger, or that nothing will be."""
        self._undone.pop(path, None)

    def require_whole(self, opening: Opening) -> None:
        """Refuse an opening that a reset has made void.

        Raises:
            VoidError: it has to be opened anew.
        """
        if opening.is_void:
            undone = (opening.step.path, opening.closed_in)
            self.decided[:] = [each for each in self.decided if each != undone]
            raise VoidError(opening)

    def _on_reset(self, _seed: int) -> None:
        """Void what is undone: a new random seed in a running workflow means a reset.

        The SDK hands over signals that are applied again before it tells of the reset, in one
        workflow task: an opening may be decided by then. Which task it is, is not known before the
        workflow goes on.
        """
        for opening in self._undone.values():
            if opening.closed_in and self._outlives(opening.step.path):
                opening.over.get_loop().call_soon(self._void_repeated, opening)
            else:
                opening.void()  # (1); (3) it was not on the ledger by then
        self._undone.clear()

    def _void_repeated(self, opening: Opening) -> None:
        if opening.closed_in == this_task():
            opening.void()  # (1) the task is repeated
