"""Terraform or OpenTofu, called on a copy of the configuration.

1. What it says is read as JSON, line by line; progress is passed on while it works.
2. Secrets become environment variables, ``TF_VAR_<NAME>`` with its name in small letters.
3. State is kept by the backend that the configuration names, or else in the file ``state``; without
   either it would be lost with the private directory, so nothing begins.
4. Told to end, it is the tool that ends: it finishes no further resource, writes its state and lets
   go of the lock, for which the template asks for a grace. Nothing else is begun then.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from configuration import unpack
from contract import below, give_up, say, seconds, workspace

COPY = Path("copy")
CHANGES = 2  # status of a plan that has some
TOLD_MAX = 1_000  # characters of what the tool says, in a sentence
_BEGUN = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
_QUIET = {
    "CHECKPOINT_DISABLE": "1",
    "TF_CLI_CONFIG_FILE": "/dev/null",
    "TF_IN_AUTOMATION": "1",
    "TF_INPUT": "0",
}
_STEPS = ("apply_start", "apply_complete", "apply_errored", "refresh_start")


class ToolAnswer(NamedTuple):
    """What a command has said."""

    status: int
    events: list[dict[str, Any]]
    errors: list[dict[str, str]]


class TerraformTool:
    """The tool, for one request."""

    def __init__(self, request: dict[str, Any]) -> None:
        found = shutil.which("tofu") or shutil.which("terraform")
        if found is None:
            give_up(
                "neither tofu nor terraform is on the agent's PATH: install OpenTofu or Terraform "
                "beside the worker",
                os.EX_CONFIG,
            )
        self.path = found
        self.given = request["input"]
        self.secrets: dict[str, str] = request["secrets"]
        self.workspace = workspace(self.given)
        self._is_running = self._is_told_to_end = False
        signal.signal(signal.SIGTERM, self._told_to_end)
        self.folder = COPY / below(self.given, "path", ".")

    def prepare(self, configuration: Path) -> None:
        """Lay out the copy and initialise it."""
        unpack(configuration, COPY)
        if not self.folder.is_dir():
            give_up(f"input `path`: {str(self.given['path'])!r} is no directory")
        if self.given.get("state"):  # (3) else it would be lost
            local = {"path": str(self._state())}
            override = {"terraform": {"backend": {"local": local}}}
            file = self.folder / "mandate_override.tf.json"
            file.write_text(json.dumps(override), encoding="utf-8")
        options = ["-input=false", "-no-color"]
        if (self.folder / ".terraform.lock.hcl").exists():
            options.append("-lockfile=readonly")
        if self.given.get("providers"):
            options.append(f"-plugin-dir={self.workspace / below(self.given, 'providers')}")
        done = self.run("init", *options)
        if done.returncode:
            give_up(f"init failed: {told(done.stderr)}", 1)
        if not (self.folder / ".terraform/terraform.tfstate").exists():
            give_up(
                "the configuration names no backend, so its state would be lost: name one, or set "
                "input `state` to a file in a directory of config.sandbox.write"
            )

    def plan(self, file: Path) -> bool:
        """Plan into ``file``; return whether anything would change."""
        options = ["-input=false", "-detailed-exitcode", f"-out={file.absolute()}"]
        if self.given.get("destroy"):
            options.append("-destroy")
        if self.given.get("var_file"):
            options.append(f"-var-file={(COPY / below(self.given, 'var_file')).absolute()}")
        said = self.follow("plan", *options, *self._lock())
        if said.status not in (0, CHANGES):
            self.fail("plan", said.errors)
        return said.status == CHANGES

    def apply(self, file: Path) -> ToolAnswer:
        """Apply ``file``."""
        return self.follow("apply", "-input=false", *self._lock(), str(file.absolute()))

    def show(self, file: Path) -> tuple[str, dict[str, Any]]:
        """Return a plan as text for people, without sensitive values, and as JSON, with them."""
        text = self.run("show", "-no-color", str(file.absolute()))
        data = self.run("show", "-json", str(file.absolute()))
        if text.returncode or data.returncode:
            give_up(f"the plan cannot be shown: {told(text.stderr + data.stderr)}", 1)
        shown: dict[str, Any] = json.loads(data.stdout)
        return text.stdout, shown

    def fail(self, what: str, errors: list[dict[str, str]]) -> NoReturn:
        """End: it did not work. A state that is locked may be free later."""
        for error in errors:
            if "acquiring the state lock" in error["summary"]:
                give_up(f"the state is locked ({_holder(error['detail'])})", os.EX_TEMPFAIL)
        text = "; ".join(f"{each['summary']}: {each.get('detail', '')}" for each in errors)
        give_up(f"{what} failed: {told(text)}", 1)

    def follow(self, command: str, *options: str) -> ToolAnswer:
        """Run a command that speaks JSON (1)."""
        events: list[dict[str, Any]] = []
        self._is_running = True
        with subprocess.Popen(  # noqa: S603 - a program of the machine, no shell
            self._command(command, "-json", *options),
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                try:
                    event = json.loads(line)
                except ValueError:
                    sys.stderr.write(line)
                    continue
                events.append(event)
                if event.get("type") in _STEPS:
                    say("progress", message=event["@message"][:TOLD_MAX])
        self._is_running = False
        if command != "apply":  # what that has done is to be told
            self._obey()
        errors = [each["diagnostic"] for each in events if each.get("@level") == "error"]
        return ToolAnswer(process.returncode, events, errors)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        self._is_running = True
        done = subprocess.run(  # noqa: S603 - as above
            self._command(*arguments),
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        self._is_running = False
        self._obey()
        return done

    def _told_to_end(self, *_: object) -> None:
        """Let a tool that runs end by itself (4): its process group was told as well."""
        self._is_told_to_end = True
        if not self._is_running:
            self._obey()

    def _obey(self) -> None:
        if self._is_told_to_end:
            give_up("it was told to end", os.EX_TEMPFAIL)

    def _state(self) -> Path:
        return self.workspace / below(self.given, "state")

    def _lock(self) -> list[str]:
        """Say how to lock: a file that this stage may only read is locked by nobody."""
        if self.given.get("state"):
            try:
                tempfile.TemporaryFile(dir=self._state().parent).close()
            except OSError:
                return ["-lock=false"]
        return [f"-lock-timeout={seconds(self.given, 'lock_timeout', '30s')}s"]

    def _command(self, *arguments: str) -> list[str]:
        return [self.path, f"-chdir={self.folder}", *arguments]

    def _environment(self) -> dict[str, str]:
        named = {
            f"TF_VAR_{name[7:].lower()}" if name.startswith("TF_VAR_") else name: value
            for name, value in self.secrets.items()  # (2) as environment variables
        }
        return {**os.environ, **_QUIET, **named}


def _holder(detail: str) -> str:
    """Return who holds a lock; backends that do not know tell of the one that was asked for."""
    held = dict(re.findall(r"^ *(Error message|ID|Who|Created): *(.+?) *$", detail, re.MULTILINE))
    if held.get("Created", "") >= _BEGUN:
        return told(held.get("Error message", "nobody says by whom"))
    return f"by {held.get('Who')} since {held.get('Created')}, lock {held.get('ID')}"


def told(text: str) -> str:
    """Return what the tool said as one line, without its frames."""
    return " ".join(re.sub("[\u2502\u2575\u2577]", " ", text).split())[:TOLD_MAX]
