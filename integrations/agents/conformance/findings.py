"""What can be wrong with a program, by rule, and how each is mended.

The rules are those of the contract (docs/agent-protocol.md); their names are stable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dsl.limits import AGENT_LINE_BYTES_MAX, AGENT_OUTPUT_BYTES_MAX, JSON_DEPTH_MAX

_MIB: Final = 1 << 20

MENDS: Final = {
    "start": "name a program that is there and can be executed, or its interpreter before it",
    "ends": "end by yourself when the work is done; --timeout says how long the check waits",
    "first-line": "read one line of stdin, and do not wait for its end: it may stay open",
    "stdout": "write one message, a JSON object, on each line of stdout, and text for people to "
    "stderr",
    "json": "write JSON that every reader takes for the same: UTF-8, no NaN, no key twice, "
    f"integers within 2**53 - 1, at most {JSON_DEPTH_MAX} levels",
    "message": "send the types and fields of docs/agent-protocol.md; `mandate schema --agents` "
    "prints them",
    "limits": f"stay within {AGENT_LINE_BYTES_MAX // _MIB} MiB a line and "
    f"{AGENT_OUTPUT_BYTES_MAX // _MIB} MiB in all: what is larger is an artifact",
    "one-result": "say exactly one result, as the last message",
    "result": 'status is "ok" or "failed", output an object within 64 KiB',
    "exit-status": "exit with 0 when there is a result; 75 asks for another try, 64, 65 and 78 for "
    "none",
    "artifact": "announce a regular file of the private directory, by its path from there, once, "
    "under a name that is not reserved",
    "secret": "write a secret nowhere: neither to stdout or stderr nor into an artifact",
    "leftovers": "wait for the processes you have started, or end them",
    "version": "exit with 78 when `v` is not the version you know, before anything else",
    "unknown-fields": "ignore fields you do not know, and take a long line: a later release sends "
    "more",
    "inputs": "refuse inputs that are missing with a sentence on stderr and status 65: any other "
    "failure is tried again",
    "sigterm": "let SIGTERM end you: half a second later SIGKILL does",
    "answer": "wait for the answer on stdin, and look into `answers` before you ask: it comes the "
    "one way or the other, and nothing is asked twice",
    "tool-call": "wait for the `tool_result` of each call, give each an id of its own, and bear "
    "that it is denied",
    "clarification": "take `clarification`, an object or null: keep to its constraints and to what "
    "is left of the scope, or refuse for good with status 65",
    "sandbox": "stay within the sandbox and its quotas, or declare what you need",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: against which rule, in which case, and what was seen."""

    rule: str  # one of MENDS
    case: str
    seen: str

    @property
    def mend(self) -> str:
        """What to change."""
        return MENDS[self.rule]
