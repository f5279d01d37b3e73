"""What is known of an agent stage under way, and what its phases are told of it.

Keeps, and decides nothing. What it was asked to do stands in ``request`` and never changes; what
came of it changes through the methods here, and through its ``tries`` and ``records``.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from temporalio import workflow

from activities.contracts import messages, specs
from activities.contracts.resumption import Erred, Heard, Spent
from dsl import actions
from dsl.core import AgentOutput, AgentPhase, StageStatus, Tier, is_terminal_phase
from dsl.limits import CLARIFICATION_LINES_MAX
from dsl.plan import AgentStep
from dsl.rules.health.budget import BudgetReading, read_budget
from dsl.rules.health.clarification import in_brief, under
from dsl.rules.run.checkpoints import phase_points
from dsl.rules.run.reuse import ruled_by
from dsl.shown.surfaces import Markdown
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.lifecycle.page import Ended, Entered, now_of, page
from workflows.lifecycle.tries import Tries
from workflows.runtime import failures
from workflows.runtime.moment import now_ms
from workflows.runtime.phase_told import phase_told
from workflows.runtime.tasks import this_task


class StageState:
    """One agent stage: what it was asked to do, and what came of it so far."""

    def __init__(self, request: messages.AgentRequest) -> None:
        self.request = request
        step, beside = request.step, request.ledger_beside and request.step.tier < Tier.T3
        self.records = LedgerBuffer(step.path, request.agent, step.tier, is_beside=beside)
        self.tries = Tries(request.resumption)
        self._authority = messages.Authority()
        self._seed = False  # only right after the ledger was asked
        self._entered: list[Entered] = []
        self._ended: Ended | None = None
        # Of plans before this one: what this one puts out has other names.
        self._outputs: dict[str, AgentOutput] = {each.name: each for each in request.before}
        self._output: dict[str, Any] = {}
        self._entity = ""
        self._program = ""
        self._fence = 0
        self.waits_for = ""
        self._held_back: Counter[AgentPhase] = Counter()
        self._erred: dict[str, int] = {}
        self._words: dict[str, str] = {}  # of errors, by id
        self._spent_until_ms = 0

    @property
    def step(self) -> AgentStep:
        """The stage, as the plan has it."""
        return self.request.step

    @property
    def entity(self) -> str:
        """The agent's entity in Vault; empty before BOOTSTRAP."""
        return self._entity

    @property
    def queue(self) -> str | None:
        """Where its phases run: those of T3 and T4 at a worker that trusts no workflow."""
        return specs.QUEUE_T3 if self.step.tier >= Tier.T3 else None

    @property
    def phases(self) -> list[AgentPhase]:
        """Every phase that was entered, in order."""
        return [each.phase for each in self._entered]

    @property
    def digests(self) -> dict[str, str]:
        """What was put out so far, by name."""
        return {name: output.digest for name, output in self._outputs.items()}

    def learn(self, authority: messages.Authority) -> None:
        """Keep what the ledger says of the agent now: the next phase may seed the guard with it."""
        self._authority, self._seed = authority, True

    def enter(self, phase: AgentPhase) -> str:
        """Note that ``phase`` begins; return the id of its activity."""
        self._entered.append(Entered(phase, workflow.now(), this_task()))
        self.tries.enter(phase)
        return self.place

    @property
    def place(self) -> str:
        """Return the id of the activity of the phase that was entered last."""
        phase = self._entered[-1].phase
        return f"{self.step.path}/{phase}#{self.phases.count(phase) + self._held_back[phase]}"

    def hold_back(self) -> None:
        """Note that the phase that was entered last has not begun."""
        held = self._entered.pop()
        self._held_back[held.phase] += 1  # its activity had an id all the same

    def wait_for(self, circuit: str) -> None:
        """Note which circuit the stage waits for, in words; empty: for none any more."""
        self.waits_for = circuit

    @property
    def is_delegated(self) -> bool:
        """Tell whether the agent's work is an activity or a workflow of somebody else's."""
        return self.step.runtime is not None

    def is_local(self, phase: AgentPhase) -> bool:
        """Tell whether ours does ``phase`` without a program, in the worker of the workflow."""
        return self.queue is None and (phase not in self.step.phases or self.is_delegated)

    def points(self) -> list[dict[str, Any]]:
        """Return the point before each phase, of its first try: a stage at work goes back to it.

        No approval is void by that: those of gates are the run's, which waits on.
        """
        entered = [each for each in self._entered if not is_terminal_phase(each.phase)]
        times = {(each.phase.value, each.event): each.at for each in reversed(entered)}
        points = phase_points([(each.phase.value, each.event) for each in entered])
        path = self.step.path
        return [
            {
                "before": f"{path}/{phase}",
                "event_id": event,
                "time": times[phase, event].isoformat(timespec="seconds"),
                "repeats": [f"{path}/{each}" for each in repeats],
                "voids": [],
            }
            for phase, (event, repeats) in points.items()
        ]

    def take_seed(self) -> bool:
        """Tell whether the next phase may seed the guard; no other may after it."""
        seed, self._seed = self._seed, False
        return seed

    def phase_request(
        self,
        *,
        seed: bool = False,
        status: str = "running",
        detail: str = "",
        heard: Heard | None = None,
    ) -> messages.PhaseRequest:
        """Return what the phase that was entered last is told."""
        request, phase = self.request, self._entered[-1].phase
        return phase_told(
            request,
            authority=self._authority,
            seed=seed,
            attempt=max(1, self.tries.count),
            entity=self._entity,
            program=self._program,
            prior=tuple(self._outputs.values()),
            status=status,
            detail=detail,
            checkpoint=self.tries.checkpoint,
            answers=self.tries.answers,
            heard=heard,
            begun_ms=now_ms() if self.is_local(phase) else 0,
            ruled_by=self._ruled_by if phase is AgentPhase.PACKAGE else "",
        )

    @property
    def _ruled_by(self) -> str:
        request = self.request
        return ruled_by(request.step, request.run_inputs, request.tools)

    def keep(self, result: messages.PhaseResult) -> None:
        """Keep what the last phase has answered."""
        self.tries.deliver()
        self.err(failures.erred_in(result))
        self._entity = result.entity or self._entity
        self._program = result.program or self._program
        self._output.update(result.output)
        for output in result.outputs:
            self._outputs.pop(output.name, None)  # the last one made stands last
            self._outputs[output.name] = output
        if result.fence > self._fence:
            self._fence = result.fence
            self.records.note("lease.granted", fence=result.fence)
        if result.facts:
            self.records.note(f"agent.{self._entered[-1].phase.lower()}", **result.facts)

    def err(
        self, erred: Erred, phase: AgentPhase | None = None, *, spent_until_ms: int = 0
    ) -> None:
        """Note what the agent has erred in ``phase``, or in the one that was entered last.

        ``spent_until_ms``: when the newest error was made that has spent the budget with it.
        """
        self._words |= erred.words
        self._spent_until_ms = max(self._spent_until_ms, spent_until_ms)
        new = {each: at for each, at in erred.errors.items() if each not in self._erred}
        if new:
            self._erred |= new
            where = (phase or self._entered[-1].phase).value
            self.records.note(actions.AGENT_ERRED, phase=where, errors=new)

    @property
    def erred_unrecorded(self) -> bool:
        """Tell whether something that the agent has erred is not on the ledger yet."""
        return any(each.action == actions.AGENT_ERRED for each in self.records.unrecorded)

    def budget(self) -> BudgetReading | None:
        """Return what is used up of the error budget, as far as phases have told; None: none."""
        if self.step.error_budget is None:
            return None
        times = (self._authority.errors | self._erred).values()
        return read_budget(times, now_ms(), self.step.error_budget, since_ms=self._since_ms)

    @property
    def _since_ms(self) -> int:
        """When errors begin to count for the stage: those until then are of a plan before."""
        return self.request.clarified.errors_until_ms if self.request.clarified else 0

    def spent(self) -> Spent:
        """Return of what the next plan is made, this one having spent the error budget."""
        # Those of one millisecond stand as they were said.
        said = sorted(self._words.items(), key=lambda each: self._erred.get(each[0], 0))
        reasons = tuple(dict.fromkeys(words for _, words in said if words))
        return Spent(
            reasons=reasons[-CLARIFICATION_LINES_MAX:],
            errors_until_ms=max((self._spent_until_ms, *self._erred.values())),
            checkpoint=self.tries.checkpoint,
        )

    def keep_left(self, result: messages.PhaseResult) -> None:
        """Keep what was told at the end of tries that did not deliver."""
        before = next((each for each in reversed(self.phases) if not is_terminal_phase(each)), None)
        self.err(
            failures.erred_in(result), before
        )  # of a phase that was cut short, and answered nothing
        self._outputs |= {output.name: output for output in result.outputs}
        self.tries.end_at(result.last_step)

    def status(self) -> dict[str, Any]:
        """Return where the agent stands."""
        budget, clarified = self.budget(), self.request.clarified
        is_at_work = self._ended is None and not self.waits_for
        now = now_of(self._entered, self.tries.count) if is_at_work else None
        return {
            "agent": self.request.agent,
            "tier": self.step.tier.name,
            "phases": [phase.value for phase in self.phases],
            "attempts": self.tries.count,
            "waits_for": self.waits_for,
            "now": now.as_json() if now else None,
            "outputs": [output.model_dump(mode="json") for output in self._outputs.values()],
            **({"runtime": str(self.step.runtime)} if self.is_delegated else {}),
            **({"clarification": clarified.told()} if clarified else {}),
            **({"error_budget": budget.as_json()} if budget else {}),
            **({"errors_until_ms": self._since_ms} if budget and clarified else {}),
        }

    def end(self, status: StageStatus, detail: str) -> None:
        """Note that the stage is over."""
        self._ended = Ended(status, detail, workflow.now())

    def page(self) -> Markdown:
        """Return what the Web UI shows of the stage."""
        step, agent = self.step, self.request.agent
        return page(
            step.path,
            agent,
            step.tier.name,
            self._entered,
            tries=self.tries.count,
            ended=self._ended,
            runtime=step.runtime,
            waits_for=self.waits_for,
            clarified=self.request.clarified,
        )

    def report(self, status: StageStatus, kind: str, detail: str) -> messages.AgentReport:
        """Return what became of the stage, and what is used up of its error budget."""
        budget = self.budget() if kind != specs.BUDGET_SPENT else None
        clarified = self.request.clarified
        details = (detail, budget.brief() if budget else "", in_brief(clarified))
        detail = "; ".join(each for each in details if each)
        return messages.AgentReport(
            status=status,
            detail=detail,
            reason=kind,
            output=self._output,
            outputs=under(self._outputs.values(), clarified.digest() if clarified else ""),
            attempts=self.tries.count,
            ended_ms=now_ms(),
            ledger=self.records.range,
            unrecorded=self.records.handed_over(),
            unstopped=self.tries.unstopped,
        )
