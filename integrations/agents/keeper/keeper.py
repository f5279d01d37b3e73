"""The keeper: a small process between worker and agent, which leaves nothing behind.

Started as ``python -I -S keeper.py <descriptor> <descriptor>``; standard library and modules
beside it only. The first descriptor is a socket to the worker: a JSON line comes in (what to start,
within which limits, and until when), and one whenever the deadline moves; at most two go out
(``started`` with the level reached, or ``error``; then ``exit``). Secrets pass by: they go to the
agent's stdin, which the keeper only hands on.

1. The agent starts in a session of its own, inside the sandbox, with an empty environment.
2. When the agent ends, its descendants have ``LINGER_S`` to end too; then they are killed.
3. When the socket closes (the worker asks for it, or died in any way), the agent's process
   group gets SIGTERM, ``GRACE_S`` later every descendant SIGKILL. The worker may grant a longer
   grace by a message, and ends that by closing the socket; one that dies ends it too.
4. Nothing escapes by ``fork`` and ``setsid``: the keeper is init of a PID namespace, or else
   subreaper of whatever loses its parent.
5. The second line, should the keeper itself be killed: its children die with it.
6. No agent starts with the machine's network open: it has a network namespace of its own, or
   Landlock has rules for TCP. This holds for every tier.
7. Nothing outlives the deadline: shortly before it every descendant gets SIGKILL, whatever the
   worker does or does not do. Init and its parent each see to that, so that one of them may stand
   still; where both do, the kernel does. See ``deadline``.
8. What the agent's tree takes is limited; what reaches a limit is killed at once, see ``quota``.
   The second descriptor takes the private directory to the worker where that is a tmpfs.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

if __name__ == "__main__":
    # What holds our packages: the first folder above that is none itself.
    _outside = (up for up in Path(__file__).resolve().parents if not (up / "__init__.py").exists())
    sys.path.insert(0, str(next(_outside)))

from integrations.agents.keeper.channel import Channel
from integrations.agents.keeper.quota import Quota
from integrations.agents.keeper.watch import AgentWatch, Ending
from integrations.agents.processes.deadline import KernelTimer, left_s
from integrations.agents.processes.descendants import Descendants
from integrations.agents.sandbox import landlock, namespaces, seccomp

LINGER_S: Final = 0.5
_DEADLINE: Final = struct.Struct("d")

_PR_SET_PDEATHSIG, _PR_SET_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Run one agent to its end; what the worker must know goes over the socket."""
    channel = Channel(int(sys.argv[1]))
    spec = channel.spec()
    if left_s(spec["deadline"]) <= 0:  # (7) it stood still before it began
        channel.say({"expired": True})
        return
    timer = KernelTimer()
    timer.set(spec["deadline"])
    # (8) what the tree takes is limited
    quota = Quota(spec["quota"], spec["cwd"], cgroup=spec["cgroup"])
    entered = spec["namespaces"] and namespaces.enter(network=bool(spec["tcp"]))
    _hand_over(quota.enter_mounts() if entered else None)
    _die_with_parent(signal.SIGTERM)
    if not entered:
        _libc.prctl(_PR_SET_SUBREAPER, 1, 0, 0, 0)  # (4) nothing escapes by setsid
        _supervise(channel, spec, quota, timer.set, entered=False)
        quota.close()
        return
    renewed, renew = os.pipe()
    init = os.fork()
    if init == 0:
        os.close(renewed)
        _die_with_parent(signal.SIGKILL)  # (5) and with init, the kernel ends all in it
        try:
            _supervise(channel, spec, quota, lambda until: _pass_on(renew, until), entered=True)
        finally:
            os._exit(0)  # whatever happened: the rest of main belongs to the parent
    channel.close()
    os.close(renew)
    _forget_streams()
    signal.signal(signal.SIGTERM, lambda *_: os.kill(init, signal.SIGKILL))
    while passed_on := os.read(renewed, _DEADLINE.size):  # until init, which alone writes, ends
        timer.set(*_DEADLINE.unpack(passed_on))  # (7) nothing outlives the deadline
    os.waitpid(init, 0)
    quota.close()


def _hand_over(directory: int | None) -> None:
    """Send the worker the private directory, where it has a disk of its own (8)."""
    with socket.socket(fileno=int(sys.argv[2])) as worker:
        if directory is not None:
            socket.send_fds(worker, [b"directory"], [directory])


def _pass_on(renew: int, deadline: float) -> None:
    os.write(renew, _DEADLINE.pack(deadline))


def _supervise(
    channel: Channel,
    spec: dict[str, Any],
    quota: Quota,
    move: Callable[[float], None],
    *,
    entered: bool,
) -> None:
    """Start the agent and see to its end; ``move`` is told whenever the deadline moves."""
    wakeup = _signals_as_bytes()
    ready, report = os.pipe()
    agent = os.fork()
    if agent == 0:
        os.close(ready)
        _become_agent(spec, quota, report, entered=entered)
    os.close(report)
    _forget_streams()
    with open(ready, encoding="utf-8") as lines:  # noqa: PTH123 - a descriptor, not a path
        text = lines.read()  # ends when the agent's exec closes it
    unknown = {"error": "it ended before it began", "kind": "start"}
    channel.say(json.loads(text.splitlines()[-1]) if text else unknown)

    children = Descendants(agent)
    watch = AgentWatch(channel, wakeup, quota, spec["deadline"], move)
    end = watch.until_end(children)
    lingering = False
    if end is Ending.STOPPED:
        _signal_group(agent, signal.SIGTERM)  # (3) SIGTERM first
        watch.until_grace_is_over(children)
    elif end is Ending.ITSELF:
        linger_s = min(LINGER_S, left_s(watch.deadline))
        lingering = not children.wait(  # (2) a moment to end too
            linger_s, lambda: children.none_left or quota.exceeded()
        )
    if end is not Ending.EXPIRED:
        quota.ended(children.agent_status)
    left = children.end_all()
    said = {"exit": children.agent_status, "left": left, "lingering": lingering}
    channel.say({**said, "expired": end is Ending.EXPIRED, "quota": quota.reached})


def _become_agent(spec: dict[str, Any], quota: Quota, report: int, *, entered: bool) -> NoReturn:
    """Apply the sandbox and turn into the agent; reports line by line, the last one holds."""
    kind = "sandbox"
    try:
        os.setsid()  # (1) a session of its own
        _die_with_parent(signal.SIGKILL)  # (5) the second line
        for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        counted = quota.enter()  # (8) what the tree takes is limited
        level = f"{_enter_sandbox(spec, entered=entered)},{counted}"
        os.write(report, json.dumps({"started": level}).encode() + b"\n")
        kind = "start"
        os.execve(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606 - no shell wanted
    except BaseException as error:  # noqa: BLE001 - a forked child must not unwind into main
        said = f"{type(error).__name__}: {error}"
        if kind == "start" and isinstance(error, OSError):  # its program, or what runs it
            said = f"{spec['argv'][0]}: {error.strerror}"
        message = {"error": said, "kind": kind}
        os.write(report, json.dumps(message).encode() + b"\n")
    os._exit(os.EX_OSERR)


def _enter_sandbox(spec: dict[str, Any], *, entered: bool) -> str:
    level = [landlock.level()]
    rules = [(path, access) for path, access in spec["rules"]]
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
            rules.append((namespaces.SHARED_MEMORY, landlock.WRITE))
    namespaces.drop_capabilities()
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if landlock.abi():
        landlock.restrict(rules, spec["tcp"])
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
        namespaces.make_read_only([spec["cwd"], *spec["writable"]], spec["hidden"])
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


if __name__ == "__main__":
    main()
