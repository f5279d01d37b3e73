"""How an agent's process ended, judged: a result, or the one error that says why there is none.

1. Exit 0 and a result is success. Status 75 asks for a retry; 64, 65 and 78 are permanent; any
   other status and a signal may end better next time; a broken contract will not.
2. A quota that was reached outranks how the program put it: what it says then is mostly a riddle.
   Of a full directory that it tidied up before it gave up, its own last words are the only trace.
"""

from __future__ import annotations

import signal
from typing import Any, Final

from integrations.agents.contract import protocol
from integrations.agents.contract.protocol import AgentError
from integrations.agents.contract.transcript import Transcript
from integrations.agents.keeper.process import Process
from integrations.agents.keeper.quota import OUT_OF_ROOM, out_of_room

_PERMANENT: Final = {64: "usage", 65: "data", 78: "configuration"}  # sysexits.h
_TEMPFAIL: Final = 75


def judge(process: Process, transcript: Transcript) -> protocol.Result:
    """Turn how it ended into a result, or into the one error that says why.

    Raises:
        AgentError: it did not deliver.
    """
    code = process.exit_code
    detail: dict[str, Any] = {"stderr": transcript.stderr, "noise": transcript.noise}
    if process.quota is not None:  # (2) outranks how the program put it
        raise AgentError(protocol.QUOTA, process.quota.sentence(), retryable=False, **detail)
    if code and out_of_room(transcript.stderr, own_disk=process.directory is not None):
        raise AgentError(protocol.QUOTA, OUT_OF_ROOM, retryable=False, **detail)
    if code is None:
        raise AgentError(
            protocol.KEEPER, "the keeper vanished with the agent", retryable=True, **detail
        )
    if code < 0:
        name = signal.Signals(-code).name
        raise AgentError(protocol.SIGNAL, f"ended by {name}", retryable=True, **detail)
    if code == _TEMPFAIL:
        raise AgentError(
            protocol.TEMPFAIL, "the agent asks to be tried again", retryable=True, **detail
        )
    if code != 0:
        why = f" ({_PERMANENT[code]})" if code in _PERMANENT else ""
        raise AgentError(
            protocol.EXIT, f"exit status {code}{why}", retryable=code not in _PERMANENT, **detail
        )
    if transcript.result is None:
        raise transcript.no_result()
    return transcript.result
