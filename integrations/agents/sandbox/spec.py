"""What an agent may touch, as a list the keeper applies before the agent's first instruction.

1. Readable: the interpreter, the system's programs and libraries, a few files of ``/etc``, the
   agent's own program, the map of its own memory, the workspace, and what the operator or the
   agent's template adds.
   Writable: the private directory, and what both operator and pipeline name. Nothing else.
2. ``denied`` wins over every readable path, above or below it. Rules can only allow, so where
   a denied path lies inside a readable one its siblings are granted one by one, down the
   chain; what appears beside them later is not readable.
3. Programs must be able to list the directories of that chain, and Landlock lists whole trees
   or nothing: where no mount namespace is to be had, the *names* below a denied path can be
   read; never the contents.
4. The environment starts empty. No secret is in it.
5. Who declares no TCP port gets no network. Who does, resolves names over TCP (UDP is closed):
   that takes port 53 besides.
6. What its tree may take together is limited, see ``quota``; a limit that is not given has a
   default in ``dsl.limits``.
7. A checkout that a program is installed from holds its owner's credentials as well
   (``.git/config``, ``.env``): nothing at its top whose name begins with a dot is readable. What
   is new there later is not either.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dsl.limits import (
    AGENT_DISK_MB,
    AGENT_FILES,
    AGENT_GRACE_MS,
    AGENT_MEMORY_MB,
    AGENT_PROCESSES,
)
from integrations.agents.sandbox import landlock
from integrations.errors import DeniedError

RULES_MAX: Final = 10_000
OPEN_FILES_MAX: Final = 256
_MIB: Final = 1 << 20

_PATH: Final = ("/usr/local/bin", "/usr/bin", "/bin")
_BINARIES: Final = ("bin", ".bin")  # what is called from there mostly lies beside it
_PROGRAMS: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_SETTINGS: Final = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/passwd",
    "/etc/group",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/dev/urandom",
    "/dev/random",
)
_DEVICES: Final = ("/dev/null", "/dev/zero")
# Where a thread finds the bounds of its stack: JavaScriptCore (Bun) ends at once without it.
_OWN_STACK: Final = "/proc/self/maps"


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """What one agent may touch besides its private directory."""

    workspace: Path | None = None  # looked at, never written
    read: tuple[Path, ...] = ()  # likewise; programs in it may be executed
    checkouts: tuple[Path, ...] = ()  # likewise, but for what is hidden at their top (7)
    path: tuple[Path, ...] = ()  # where tools are found, besides the system's own places
    write: tuple[Path, ...] = ()  # directories that outlast the attempt
    denied: tuple[Path, ...] = ()  # the data directory, whatever else it lies in
    tcp: tuple[int, ...] = ()  # ports it may connect to
    memory_mb: int = AGENT_MEMORY_MB  # of the whole tree, like what follows (6)
    disk_mb: int = AGENT_DISK_MB
    files: int = AGENT_FILES
    processes: int = AGENT_PROCESSES  # and threads
    cpu_s: int | None = None
    grace_s: float = AGENT_GRACE_MS / 1000  # from SIGTERM to SIGKILL, unless it is in a hurry
    required: bool = True  # without Landlock, refuse to start
    namespaces: bool = True  # where the kernel allows them
    cgroup: bool = True  # likewise


def path_of(directories: Sequence[Path]) -> str:
    """Return the PATH of agents: the operator's ``directories`` come first."""
    return ":".join((*map(str, directories), *_PATH))


def launch(argv: list[str], program: Path, workdir: Path, spec: SandboxSpec) -> dict[str, Any]:
    """Return what the keeper needs to know; plain JSON, no secrets.

    Raises:
        DeniedError: the lists cannot be made.
    """
    denied = tuple(path.resolve() for path in spec.denied)
    rules = [(str(workdir), landlock.WRITE), (str(program), landlock.RUN)]
    rules += [(path, landlock.DEVICE) for path in _DEVICES]
    rules.append((_OWN_STACK, landlock.READ))
    writable = [str(path) for path in _writable(spec, denied)]
    rules += [(path, landlock.WRITE) for path in writable]
    for root, access in _readable(spec):
        for path, granted in _without(root, denied, access):
            rules.append((str(path), granted))
            if len(rules) > RULES_MAX:
                raise DeniedError(
                    f"more than {RULES_MAX} entries beside a denied path in {root}; "
                    "move the data directory out of the workspace"
                )
    return {
        "argv": argv,
        "env": _environment(workdir, spec),
        "cwd": str(workdir),
        "rules": rules,
        "tcp": spec.tcp,
        "writable": writable,
        "hidden": [str(path) for path in denied],
        "limits": _limits(spec),
        "quota": {
            "memory_mb": spec.memory_mb,
            "disk_mb": spec.disk_mb,
            "files": spec.files,
            "processes": spec.processes,
        },
        "required": spec.required,
        "namespaces": spec.namespaces,
        "cgroup": spec.cgroup,
    }


def _readable(spec: SandboxSpec) -> Iterator[tuple[Path, int]]:
    """Yield what may be read, links followed, and how."""
    for path in (*map(Path, (sys.prefix, sys.base_prefix, *_PROGRAMS)), *spec.read):
        yield path.resolve(), landlock.RUN
    for text in _SETTINGS:
        yield Path(text).resolve(), landlock.READ
    for path in spec.path:
        yield (path.parent if path.name in _BINARIES else path).resolve(), landlock.RUN
    for path in spec.checkouts:
        yield from _but_hidden(path.resolve())
    if spec.workspace is not None:
        workspace = spec.workspace.resolve()
        if workspace == Path(workspace.anchor):
            raise DeniedError("the workspace cannot be the root of the file system")
        yield workspace, landlock.READ


def _writable(spec: SandboxSpec, denied: tuple[Path, ...]) -> Iterator[Path]:
    for path in spec.write:
        resolved = path.resolve()
        if not resolved.is_dir():
            raise DeniedError(f"{path} is no directory to write into: make it, or name another")
        if any(resolved.is_relative_to(each) or each.is_relative_to(resolved) for each in denied):
            raise DeniedError(f"{path} holds what is hidden from agents, or lies in it")
        yield resolved


def _but_hidden(checkout: Path) -> Iterator[tuple[Path, int]]:
    """Grant a checkout but for what its name hides, such as ``.git`` and ``.env`` (7)."""
    if not checkout.is_dir():
        return
    yield checkout, landlock.LIST  # (3) names on the way, never contents
    for child in sorted(checkout.iterdir()):
        # A rule on a symbolic link would grant what it points to, wherever that is.
        if not child.name.startswith(".") and not child.is_symlink():
            yield child, landlock.RUN


def _without(root: Path, denied: tuple[Path, ...], access: int) -> Iterator[tuple[Path, int]]:
    """Grant ``root`` but for what is denied (2)."""
    if any(root.is_relative_to(path) for path in denied):
        return
    if not any(path.is_relative_to(root) for path in denied):
        yield root, access
        return
    yield root, landlock.LIST  # (3) names on the way, never contents
    for child in sorted(root.iterdir()):
        # A rule on a symbolic link would grant what it points to, wherever that is.
        if not child.is_symlink():
            yield from _without(child, denied, access)


def _environment(workdir: Path, spec: SandboxSpec) -> dict[str, str]:
    environment = {
        "HOME": str(workdir),
        "LANG": "C.UTF-8",
        "PATH": path_of(spec.path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(workdir / "tmp"),
    }
    if spec.tcp:
        environment["RES_OPTIONS"] = "use-vc"  # (5) UDP is closed
    return environment


def _limits(spec: SandboxSpec) -> dict[str, int]:
    limits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": spec.disk_mb * _MIB,  # also holes, which take no room
        "RLIMIT_NOFILE": OPEN_FILES_MAX,
    }
    # No RLIMIT_AS: runtimes reserve far more addresses than they ever use.
    if spec.cpu_s is not None:
        limits["RLIMIT_CPU"] = spec.cpu_s
    return limits
