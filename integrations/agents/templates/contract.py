"""The agent's side of the contract, for the programs beside this file that name it in ``files``.

Standard library only. A program that is started has read nothing yet: ``asked`` reads the one
request; ``finish`` and ``give_up`` end it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

VERSION = 1  # of the contract
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def asked() -> dict[str, Any]:
    """Return the request; give up where it is of another version of the contract."""
    request: dict[str, Any] = json.loads(sys.stdin.readline())
    if request["v"] != VERSION:
        give_up(f"expected version {VERSION} of the contract, got {request['v']}", os.EX_CONFIG)
    return request


def say(kind: str, **fields: Any) -> None:
    """Write one message."""
    print(json.dumps({"type": kind, **fields}), flush=True)  # noqa: T201 - stdout is the contract


def leave(name: str, media_type: str, text: str | None = None) -> None:
    """Announce the artifact ``name`` in the private directory; with ``text``, write it first."""
    if text is not None:
        Path(name).write_text(text, encoding="utf-8", errors="replace")
    say("artifact", name=name, path=name, media_type=media_type)


def leave_json(name: str, value: Any) -> None:
    """Leave ``value`` as the artifact ``name``."""
    leave(name, "application/json", json.dumps(value, indent=1))


def finish(summary: str, output: dict[str, Any] | None = None, *, status: str = "ok") -> NoReturn:
    """Say the result, and end."""
    say("result", status=status, summary=summary, output=output or {})
    sys.exit(0)


def give_up(message: str, status: int = os.EX_DATAERR) -> NoReturn:
    """End without a result: with an error for people and a status of sysexits.h for the engine."""
    say("error", message=message)
    sys.stderr.write(message + "\n")
    sys.exit(status)


def below(given: dict[str, Any], name: str, default: str | None = None) -> Path:
    """Return the input ``name``, a path that has to lie below the workspace, as relative path."""
    text = str(given.get(name, default))
    path = Path(text)
    if path.is_absolute() or ".." in path.parts or "\0" in text:
        give_up(f"input `{name}` must lie below the workspace, got {text!r}")
    return path


def is_environment(folder: Path) -> bool:
    """Tell whether a folder is an environment of Python, which holds what others have written.

    One that cannot be read is none.
    """
    try:
        return (folder / "pyvenv.cfg").is_file()
    except OSError:
        return False


def workspace(given: dict[str, Any]) -> Path:
    """Return the directory that agents look at."""
    if not isinstance(given.get("workspace"), str):
        give_up("there is no workspace: set MANDATE_WORKSPACE for the worker", os.EX_CONFIG)
    return Path(given["workspace"])


def choice(given: dict[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    """Return the input ``name``, one of a few words; the first is the default."""
    value = given.get(name, allowed[0])
    if value not in allowed:
        give_up(f"input `{name}` must be one of {', '.join(allowed)}, got {value!r}")
    return str(value)


def seconds(given: dict[str, Any], name: str, default: str) -> int:
    """Return the input ``name``, a duration as pipelines write it, in seconds."""
    text = str(given.get(name, default))
    if not re.fullmatch(r"([0-9]{1,6}[smhd])+", text):
        give_up(f"input `{name}`: a duration needs a unit, as in 90s, 30m or 2d; got {text!r}")
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9]+)(.)", text))


def digest(file: Path) -> str:
    """Return the digest of a file, as the engine spells it."""
    with file.open("rb") as data:
        return "sha256:" + hashlib.file_digest(data, "sha256").hexdigest()
