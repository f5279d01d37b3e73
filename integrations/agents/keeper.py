"""The keeper: a small process between worker and agent, which leaves nothing behind.

Started as ``python -I -S keeper.py <descriptor>``; standard library and modules beside it
only. The descriptor is a socket to the worker: one JSON line comes in (what to
start, and within which limits), at most two go out (``started`` with the level reached, or
``error``; then ``exit``). Secrets pass by: they go to the agent's stdin, which the keeper
only hands on.

1. The agent starts in a session of its own, inside the sandbox, with an empty environment.
2. When the agent ends, its descendants have ``LINGER_S`` to end too; then they are killed.
3. When the socket closes (the worker asks for it, or died in any way), the agent's process
   group gets SIGTERM, ``GRACE_S`` later every descendant SIGKILL.
4. Nothing escapes by ``fork`` and ``setsid``: the keeper is init of a PID namespace, or else
   subreaper of whatever loses its parent.
5. The second line, should the keeper itself be killed: its children die with it.
6. No agent starts with the machine's network open: it has a network namespace of its own, or
   Landlock has rules for TCP. This holds for every tier.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

if __name__ == "__main__":
    # What holds our packages: the first folder above that is none itself.
    _outside = (up for up in Path(__file__).resolve().parents if not (up / "__init__.py").exists())
    sys.path.insert(0, str(next(_outside)))

from integrations.agents import landlock, namespaces, seccomp
from integrations.agents.descendants import Descendants

GRACE_S: Final = 0.5
LINGER_S: Final = 0.5
_SPEC_BYTES_MAX: Final = 16 << 20

_PR_SET_PDEATHSIG, _PR_SET_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Run one agent to its end; what the worker must know goes over the socket."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    spec = _read_spec(channel)
    entered = spec["namespaces"] and namespaces.enter(network=bool(spec["tcp"]))
    _die_with_parent(signal.SIGTERM)
    if not entered:
        _libc.prctl(_PR_SET_SUBREAPER, 1, 0, 0, 0)  # (4)
        _supervise(channel, spec, entered=False)
        return
    init = os.fork()
    if init == 0:
        _die_with_parent(signal.SIGKILL)  # (5) and with init, the kernel ends all in it
        try:
            _supervise(channel, spec, entered=True)
        finally:
            os._exit(0)  # whatever happened: the rest of main belongs to the parent
    channel.close()
    _forget_streams()
    signal.signal(signal.SIGTERM, lambda *_: os.kill(init, signal.SIGKILL))
    os.waitpid(init, 0)


def _read_spec(channel: socket.socket) -> dict[str, Any]:
    data = bytearray()
    while not data.endswith(b"\n"):
        chunk = channel.recv(1 << 16)
        if not chunk or len(data) > _SPEC_BYTES_MAX:
            raise SystemExit("the worker left before it said what to start")
        data += chunk
    spec: dict[str, Any] = json.loads(data)
    return spec


def _supervise(channel: socket.socket, spec: dict[str, Any], *, entered: bool) -> None:
    wakeup = _signals_as_bytes()
    ready, report = os.pipe()
    agent = os.fork()
    if agent == 0:
        os.close(ready)
        _become_agent(spec, report, entered=entered)
    os.close(report)
    _forget_streams()
    with open(ready, encoding="utf-8") as lines:  # noqa: PTH123 - a descriptor, not a path
        text = lines.read()  # ends when the agent's exec closes it
    unknown = {"error": "it ended before it began", "kind": "start"}
    _say(channel, json.loads(text.splitlines()[-1]) if text else unknown)

    children = Descendants(agent)
    if not _wait(channel, wakeup, children):
        _signal_group(agent, signal.SIGTERM)  # (3)
        children.wait(GRACE_S, lambda: children.agent_status is not None)
    else:
        children.wait(LINGER_S, lambda: children.none_left)  # (2)
    left = children.end_all()
    _say(channel, {"exit": children.agent_status, "left": left})


def _wait(channel: socket.socket, wakeup: int, children: Descendants) -> bool:
    """Wait until the agent ends (True), or is to be stopped (False)."""
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    poll.register(wakeup, select.POLLIN)
    while True:
        ready = [descriptor for descriptor, _ in poll.poll()]
        signals = os.read(wakeup, 1 << 10) if wakeup in ready else b""
        children.reap()
        if children.agent_status is not None:
            return True
        if signal.SIGTERM in signals or channel.fileno() in ready:
            return False


def _become_agent(spec: dict[str, Any], report: int, *, entered: bool) -> NoReturn:
    """Apply the sandbox and turn into the agent; reports line by line, the last one holds."""
    kind = "sandbox"
    try:
        os.setsid()  # (1)
        _die_with_parent(signal.SIGKILL)  # (5)
        for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        level = _enter_sandbox(spec, entered=entered)
        os.write(report, json.dumps({"started": level}).encode() + b"\n")
        kind = "start"
        os.execve(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606 - no shell wanted
    except BaseException as error:  # noqa: BLE001 - a forked child must not unwind into main
        message = {"error": f"{type(error).__name__}: {error}", "kind": kind}
        os.write(report, json.dumps(message).encode() + b"\n")
    os._exit(os.EX_OSERR)


def _enter_sandbox(spec: dict[str, Any], *, entered: bool) -> str:
    level = [landlock.level()]
    if spec["required"] and not landlock.abi():
        raise OSError("this kernel has no Landlock, which the agent's tier demands")
    if not closes_network(spec["tcp"], entered=entered):
        raise OSError(
            "the machine's network cannot be closed to the agent: use Linux 6.7 or newer "
            "(Landlock ABI 4), or allow namespaces and declare no sandbox.tcp"
        )
    os.chdir(spec["cwd"])
    for name, value in spec["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if entered:
        level.append("namespaces")
        if _is_read_only(spec):
            level.append("read-only")
    namespaces.drop_capabilities()
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if landlock.abi():
        landlock.restrict(spec["rules"], spec["tcp"])
    if seccomp.is_known():
        seccomp.restrict()
        level.append("seccomp")
    return ",".join(level)


def closes_network(tcp: Sequence[int], *, entered: bool) -> bool:
    """Tell whether an agent reaches only the ``tcp`` ports, given its namespaces (6)."""
    own = entered and not tcp  # see main: only who declares no port leaves the network
    return own or landlock.limits_tcp()


def _is_read_only(spec: dict[str, Any]) -> bool:
    try:
        namespaces.make_read_only(spec["cwd"], spec["hidden"])
    except OSError:  # some containers allow namespaces but no mounts: a wall less, and said so
        return False
    return True


def _signals_as_bytes() -> int:
    """Let SIGCHLD and SIGTERM arrive as bytes to be polled for."""
    receive, send = os.pipe()
    os.set_blocking(send, False)
    signal.set_wakeup_fd(send, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return receive


def _forget_streams() -> None:
    """Let go of the agent's streams: they must end when the agent's side ends."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _die_with_parent(number: int) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def _say(channel: socket.socket, message: dict[str, Any]) -> None:
    try:
        channel.sendall(json.dumps(message).encode() + b"\n")
    except OSError:  # the worker is gone; nobody is left to tell
        return


if __name__ == "__main__":
    main()
