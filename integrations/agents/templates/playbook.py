"""ansible-playbook, called on a copy of the configuration, and what its text says.

1. It is a program of the machine, never a module: it has an environment of its own.
2. Who reads its text believes the recap, which comes last, and nothing before it about numbers:
   a task may print what it likes.
3. A diff belongs to the line of the host that follows it. Where a file lies for the moment is no
   part of it.
4. Secrets become environment variables, but for two that become files: ``ANSIBLE_VAULT_PASSWORD``
   and ``ANSIBLE_SSH_KEY``. In texts they are blotted out.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configuration import unpack
from contract import below, give_up, say

COPY = Path("copy")
TOLD_MAX = 1_000
_HEADER = re.compile(r"^(PLAY|TASK|RUNNING HANDLER) \[(.*)\] \*+$")
_STEP = re.compile(r"^(ok|changed|skipping|failed|fatal|unreachable): \[([^\]]+?)(?: -> [^\]]+)?\]")
_RECAP = re.compile(r"^(\S+) +: +((?:[a-z]+=[0-9]+ *)+)$")
_PLACE = ("--- ", "+++ ")
_BLOT = "•••"


@dataclass(frozen=True)
class PlaybookRun:
    """What a run has said."""

    text: str
    changes: list[dict[str, str]]  # play, task, host, diff (a digest)
    recap: dict[str, dict[str, int]]  # by host

    @property
    def changed(self) -> int:
        """Return how many steps changed something, or would have."""
        return sum(counts.get("changed", 0) for counts in self.recap.values())

    @property
    def bad(self) -> list[str]:
        """Return the hosts where it did not work."""
        return [
            host
            for host, counts in self.recap.items()
            if counts.get("failed") or counts.get("unreachable")
        ]


class Playbook:
    """A playbook, for one request."""

    def __init__(self, request: dict[str, Any]) -> None:
        if shutil.which("ansible-playbook") is None:
            give_up(
                "ansible-playbook is not on the agent's PATH: install ansible-core into an "
                "environment of its own and name its bin directory in MANDATE_AGENT_PATH",
                os.EX_CONFIG,
            )
        self.given = request["input"]
        self._secrets: dict[str, str] = request["secrets"]
        if not self.given.get("playbook"):
            give_up("input `playbook` is missing")
        self._files = self._secret_files()
        self.checked: PlaybookRun | None = None  # what was found last, where nothing was run since

    def prepare(self, configuration: Path) -> None:
        """Lay out the copy."""
        unpack(configuration, COPY)
        for name in ("playbook", "inventory", "vars_file", "known_hosts"):
            if self.given.get(name) and not (COPY / below(self.given, name)).exists():
                give_up(f"input `{name}`: there is no {self.given[name]!r} below `root`")

    def run(self, *, check: bool) -> PlaybookRun:
        """Run it; with ``check`` only as if."""
        options = ["--diff", *(["--check"] if check else [])]
        say("progress", message=f"{'checking' if check else 'running'} {self.given['playbook']}")
        done = self._call("ansible-playbook", *self._options(), *options)
        text, errors = self.blot(done.stdout), self.blot(done.stderr)
        sys.stderr.write(errors)
        recap = _recap(text)
        if recap is None:
            give_up(f"ansible-playbook ended without a recap: {self.told(errors + text)}", 1)
        found = PlaybookRun(text, _changes(text), recap)
        self.checked = found if check else None
        return found

    def blot(self, text: str) -> str:
        """Return ``text`` without the secrets (4)."""
        for value in filter(None, self._secrets.values()):
            text = text.replace(value, _BLOT)
        return text

    def told(self, text: str) -> str:
        """Return what was said as one line."""
        return " ".join(self.blot(text).split())[:TOLD_MAX]

    def _options(self) -> list[str]:
        given = self.given
        options = [f"./{below(given, 'playbook')}"]
        if given.get("inventory"):
            options += ["-i", f"./{below(given, 'inventory')}"]
        for name in ("limit", "tags"):
            if given.get(name):
                options.append(f"--{name}={given[name]}")
        if given.get("vars_file"):
            options += ["-e", f"@./{below(given, 'vars_file')}"]
        for name, option in (
            ("ANSIBLE_VAULT_PASSWORD", "--vault-password-file"),
            ("ANSIBLE_SSH_KEY", "--private-key"),
        ):
            if name in self._files:
                options += [option, str(self._files[name])]
        return options

    def _call(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - a program of the machine, no shell
            command,
            cwd=COPY,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        home = Path.cwd()
        # No connection is shared: that takes a socket with a path, which no agent has.
        ssh = ["-o ControlMaster=no", "-o ControlPath=none", "-o BatchMode=yes"]
        if self.given.get("known_hosts"):
            ssh.append(f"-o UserKnownHostsFile={home / COPY / below(self.given, 'known_hosts')}")
        own = {
            "ANSIBLE_HOME": str(home / "ansible"),
            "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
            # Read by a shell: here it is the private directory, on another machine somebody's home.
            "ANSIBLE_REMOTE_TMP": "$HOME/.ansible/tmp",
            "ANSIBLE_RETRY_FILES_ENABLED": "0",
            "ANSIBLE_SSH_ARGS": " ".join(ssh),
            "ANSIBLE_STDOUT_CALLBACK": "default",
            "PYTHONUTF8": "1",
        }
        named = {k: v for k, v in self._secrets.items() if k not in self._files}
        return {**os.environ, **own, **named}

    def _secret_files(self) -> dict[str, Path]:
        files = {}
        for name in ("ANSIBLE_VAULT_PASSWORD", "ANSIBLE_SSH_KEY"):
            if self._secrets.get(name):
                files[name] = Path.cwd() / "tmp" / name.lower()
                descriptor = os.open(files[name], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    file.write(self._secrets[name].rstrip("\n") + "\n")
        return files


def _changes(text: str) -> list[dict[str, str]]:
    """Return the steps that change something, each with the digest of its diff (3)."""
    changes = []
    where = {"PLAY": "", "TASK": ""}
    diff: list[str] = []
    for line in text.splitlines():
        if header := _HEADER.match(line):
            kind = "PLAY" if header[1] == "PLAY" else "TASK"
            where[kind], diff = header[2], []
        elif step := _STEP.match(line):
            if step[1] == "changed":
                digest = hashlib.sha256("\n".join(diff).encode()).hexdigest()
                changes.append(
                    {"play": where["PLAY"], "task": where["TASK"], "host": step[2], "diff": digest}
                )
            diff = []
        elif not line.startswith(_PLACE):
            diff.append(line)
    return changes


def _recap(text: str) -> dict[str, dict[str, int]] | None:
    """Return the counts of the recap (2); None: there is none."""
    _, found, recap = text.rpartition("\nPLAY RECAP ")
    counts = {}
    for line in recap.splitlines()[1:]:
        if host := _RECAP.match(line):
            pairs = (pair.split("=") for pair in host[2].split())
            counts[host[1]] = {name: int(count) for name, count in pairs}
    return counts if found else None
