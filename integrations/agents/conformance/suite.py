"""The cases a program is put to, side by side, each in a private directory of its own.

1. *An ordinary request*, once for each phase it takes part in: everything it says is judged.
2. *A later release*: another try, told more than there is today, in a long line. It has to come to
   the same.
3. *Another version*: it must be refused.
4. *Without its inputs*, where it has any: a result, or a refusal for good.
5. *SIGTERM*, while it works: at its first line, where it has said one before its result; it may
   take as long to start as the machine lets it. One that is done before is not looked at.
6. *A clarified plan*: it was stopped for what it had erred, and is asked anew.
7. *Parked*, if it asks: its question ends it, and it is asked anew with the answer.

A question is answered on stdin, as the program expects, or with its first choice; one that has
ended for it is asked anew. What follows from a case that went wrong already is not told again: 2 to
7 are put to a program that has answered an ordinary request.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dsl.core import AgentPhase, Tier
from dsl.limits import QUESTIONS_MAX
from dsl.rules.gates.questions import Question
from integrations.agents.conformance import rules
from integrations.agents.conformance.findings import Finding
from integrations.agents.conformance.session import Heard, Reply, ask
from integrations.agents.contract.protocol import Request
from integrations.agents.programs.program import Program
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.agents.workdir import workdir
from integrations.redaction import Redactor

TIMEOUT_S: Final = 10.0
AT_ONCE: Final = 3
STOP_AFTER_S: Final = 0.3  # at work, where it says nothing before its result
SECRET: Final = "CHECK_SECRET"  # noqa: S105 - the name under which one is told
_CLARIFIED: Final = "a clarified plan"
_CLARIFICATION: Final = {
    "number": 1,
    "plan": "sha256:" + "0" * 64,
    "reasons": ["the check says that it has erred too much"],
    "constraints": ["do less"],
    "scope": [],
}
_PADDING: Final = "\u00e4" * (128 << 10)  # two bytes each


@dataclass(frozen=True, slots=True)
class Checked:
    """One case, how the program took it, and what was wrong with that."""

    case: str
    taken: str
    findings: tuple[Finding, ...]


class Suite:
    """Puts one program to every case."""

    def __init__(
        self,
        program: Program,
        *,
        phases: Sequence[AgentPhase] = (AgentPhase.EXECUTE,),
        inputs: Mapping[str, Any],
        sandbox: SandboxSpec,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._program = program
        self._phases = phases
        self._inputs = dict(inputs)
        self._sandbox = sandbox
        self._timeout_s = timeout_s
        self._secret = secrets.token_hex(16)
        self._redact = Redactor([self._secret])
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> list[Checked]:
        """Return how it took every case."""
        # (1) each phase it takes part in
        heard = await asyncio.gather(*(self._put(phase) for phase in self._phases))
        checked = [
            Checked(
                phase.value,
                _taken(each),
                tuple(rules.judge(phase.value, each, self._redact, self._timeout_s)),
            )
            for phase, each in zip(self._phases, heard, strict=True)
        ]
        if any(each.exit_code is None or each.hung_up for each in heard):
            return checked
        return checked + await self._further(self._phases[-1], heard[-1])

    async def _further(self, phase: AgentPhase, known: Heard) -> list[Checked]:
        asks = bool(known.answered or known.asked)
        later, another, stopped, clarified, *without = await asyncio.gather(
            # (2) a later release
            self._put(phase, attempt=2, more={"later": {"\u00fcbermorgen": _PADDING}}),
            self._put(phase, more={"v": 2}),  # (3) another version
            self._put(phase, stop_after_s=self._at_work_s(known)),  # (5) while it works
            self._put(phase, more={"clarification": _CLARIFICATION}),  # (6) asked anew
            *([self._put(phase, inputs={})] if self._inputs else []),  # (4) without its inputs
        )
        cases = [
            ("a later release", later, rules.took_more("a later release", later, known)),
            ("another version", another, rules.refused_version("another version", another)),
            ("SIGTERM", stopped, rules.took_sigterm("SIGTERM", stopped)),
            (_CLARIFIED, clarified, rules.took_clarification(_CLARIFIED, clarified, known)),
        ]
        for each in without:
            case = "without its inputs"
            cases.append((case, each, rules.refused_inputs(case, each)))
        if asks:
            parked = await self._put(phase, parks=True)  # (7) its question ends it
            found = rules.judge("parked", parked, self._redact, self._timeout_s)
            cases.append(("parked", parked, found))
        return [Checked(case, _taken(each), tuple(found)) for case, each, found in cases]

    def _at_work_s(self, known: Heard) -> float:
        """Return how long to wait for its first line before it is stopped (5)."""
        kinds = [each["type"] for each in known.messages()]
        return STOP_AFTER_S if kinds[:1] in ([], ["result"]) else self._timeout_s

    async def _put(
        self,
        phase: AgentPhase,
        *,
        attempt: int = 1,
        inputs: Mapping[str, Any] | None = None,
        more: Mapping[str, Any] | None = None,
        stop_after_s: float | None = None,
        parks: bool = False,
    ) -> Heard:
        answers: dict[str, str] = {}
        reply = None if parks else _reply
        while True:
            heard = await self._once(
                phase, attempt, inputs, more, answers, stop_after_s=stop_after_s, reply=reply
            )
            heard.told = frozenset(answers)
            asked = heard.asked
            if not heard.asks or asked is None or len(answers) == QUESTIONS_MAX:
                return heard
            if heard.again or asked.id in answers:  # judged with what it has said
                return heard
            answers[asked.id] = _reply(asked)

    async def _once(
        self,
        phase: AgentPhase,
        attempt: int,
        inputs: Mapping[str, Any] | None,
        more: Mapping[str, Any] | None,
        answers: Mapping[str, str],
        *,
        stop_after_s: float | None,
        reply: Reply | None,
    ) -> Heard:
        given = self._inputs if inputs is None else dict(inputs)
        async with self._slots:
            with workdir() as directory:
                request = Request(
                    run="check",
                    stage="check",
                    phase=phase,
                    attempt=attempt,
                    deadline=time.time() + self._timeout_s,
                    workdir=directory,
                    tier=Tier.T0,
                    input={**given, "workspace": str(self._sandbox.workspace or Path.cwd())},
                    secrets={SECRET: self._secret},
                    fence=attempt,
                    answers=answers,
                )
                return await ask(
                    self._program,
                    request.line(**(more or {})),
                    directory,
                    sandbox=self._sandbox,
                    timeout_s=self._timeout_s,
                    redact=self._redact,
                    stop_after_s=stop_after_s,
                    reply=reply,
                )


def _reply(asked: Question) -> str:
    return asked.default or (asked.choices[0] if asked.choices else "yes")


def _taken(heard: Heard) -> str:
    if heard.unstarted:
        return "not started"
    if heard.out_of_time:
        return "not ended in time"
    said = ", ".join(
        f"result {each.get('status')}" for each in heard.messages() if each["type"] == "result"
    )
    ended = f"exit {heard.exit_code}"
    if heard.exit_code is not None and heard.exit_code < 0:
        ended = f"signal {-heard.exit_code}"
    return f"{said or 'no result'}, {ended}, {heard.seconds:.2f} s"
