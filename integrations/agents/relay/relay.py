"""Starts an agent and passes on what it says, and beside it the calls of its MCP clients.

Standard library only; runs in the agent's own sandbox, and has no right that the agent has not:
what it passes on is judged outside, like anything an agent says. The rules:

1. The agent is told in its request how a tool server is started that any MCP client can use:
   ``tools_server``, a command and its arguments. It finds this process by two pipes with names in
   the private directory; there is no socket, and no network.
2. Of what comes by these pipes only calls of tools are passed on. What answers them goes back
   there, and everything else to the agent.
3. It ends as the agent does: with its status, or by its signal.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

FOLDER = ".tools"  # in the private directory
ASKS, TOLD, LISTED = "asks", "told", "tools.json"
OURS = b'"id":"mcp-'  # ids of calls that came by the pipe begin so
_RELAYED = "mcp-"

_saying = threading.Lock()


def main() -> int:
    """Run the agent of our arguments to its end; return its status."""
    signal.signal(signal.SIGTERM, lambda *_: None)  # the agent has got it as well: (3) it decides
    line = sys.stdin.buffer.readline()
    folder = Path.cwd() / FOLDER
    folder.mkdir(mode=0o700)
    asks, told = (_pipe(folder / name) for name in (ASKS, TOLD))
    agent = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
    if agent.stdin is None or agent.stdout is None:
        raise ValueError("expected two pipes")
    answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for work in (
        lambda to=agent.stdin: _hear(to, answers, _introduced(line, folder)),
        lambda: _pass_calls(asks),
        lambda: _pass_answers(told, answers),
    ):
        threading.Thread(target=work, daemon=True).start()
    for said in agent.stdout:
        _say(said)
    return agent.wait()


def _pipe(path: Path) -> int:
    os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR)  # both ends: it never comes to an end


def _introduced(line: bytes, folder: Path) -> bytes:
    """Return the request with the way to a tool server (1)."""
    request = json.loads(line)
    (folder / LISTED).write_text(json.dumps(request.get("tools", [])))
    server = Path(__file__).with_name("tool_server.py")
    request["tools_server"] = {
        "command": sys.executable,
        "args": ["-E", "-s", "-B", str(server), str(folder)],
    }
    return json.dumps(request, separators=(",", ":")).encode() + b"\n"


def _hear(agent: IO[bytes], answers: queue.SimpleQueue[bytes], first: bytes) -> None:
    """Hand the agent its request and what comes after, but for answers to calls by the pipe (2)."""
    try:
        agent.write(first)
        agent.flush()
        for line in sys.stdin.buffer:
            if _is_ours(line):
                answers.put(line)
                continue
            agent.write(line)
            agent.flush()
        agent.close()
    except BrokenPipeError:  # it need not listen; answers by the pipe go on
        for line in sys.stdin.buffer:
            if _is_ours(line):
                answers.put(line)


def _is_ours(line: bytes) -> bool:
    if b"tool_result" not in line or OURS not in line:
        return False
    said = json.loads(line)
    return said.get("type") == "tool_result" and str(said.get("id")).startswith(_RELAYED)


def _pass_calls(asks: int) -> None:
    with open(asks, "rb", closefd=False) as lines:
        for line in lines:
            try:
                said = json.loads(line)
            except ValueError:
                continue
            is_call = isinstance(said, dict) and said.get("type") == "tool_call"
            if is_call and str(said.get("id")).startswith(_RELAYED):  # (2) nothing but calls
                _say(line)


def _pass_answers(told: int, answers: queue.SimpleQueue[bytes]) -> None:
    with open(told, "wb", buffering=0, closefd=False) as pipe:
        while True:
            pipe.write(answers.get())


def _say(line: bytes) -> None:
    with _saying:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    status = main()
    if status < 0:  # (3) by its signal
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)  # threads wait for pipes that nobody closes
