"""An agent of an experiment: makes half of the objective, or looks whether both halves are of one.

Who looks tells the register, by the tools that its stage has, and tries again what was not done.

It is ordered to misbehave by a file of the folder ``orders`` in the workspace, named after run and
stage. Who takes it removes it: so an order is obeyed once, and whoever gave it sees that it was.
Where the order to live by another clock names libfaketime, it begins again under that, and all of
its process is in another year; elsewhere only what it says is. Standard library only.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

STEP_S = 0.05
FLOOD_LINES = 20_000
ERRORS = 12
YEAR_S = 365 * 24 * 3_600
CLOCK = {"FAKETIME": "+365d", "FAKETIME_DISABLE_SHM": "1"}
BEGAN = "CHAOS_BEGAN"
HALF = "half.json"
TRIES = 3  # of a call
ASKED_BEFORE = "was asked for before"  # by an earlier life of this run


def main() -> None:
    """Answer one request."""
    request: dict[str, Any] = json.loads(sys.stdin.readline())
    skew = work(request)
    if request["stage"] == "diagnostic":
        diagnose(request)
        for tool in ("note", "publish"):
            tell_register(request, tool)
    else:
        leave(HALF, {"objective": request["input"]["objective"], "half": request["stage"]})
    began = float(os.environ.get(BEGAN, "inf"))  # by the clock before, where there was another
    is_skewed = skew > 0 or time.time() - began > YEAR_S / 2
    output = {"objective": request["input"]["objective"], "skewed": is_skewed}
    say("result", status="ok", summary="its part of the objective is done", output=output)


def diagnose(request: dict[str, Any]) -> None:
    """Look whether both halves are there, and of the version that everybody works for."""
    wanted = request["input"]["objective"]
    found = {
        name.partition("/")[0]: json.loads(Path(each["path"]).read_text())["objective"]
        for name, each in request["prior"].items()
        if name.endswith(f"/{HALF}")
    }
    agrees = len(found) > 1 and set(found.values()) == {wanted}
    leave("diagnosis.json", {"objective": wanted, "found": found, "agrees": agrees})
    if not agrees:
        say("error", message=f"expected two halves of objective {wanted}, got {found}")
        sys.exit(os.EX_DATAERR)


def tell_register(request: dict[str, Any], tool: str) -> None:
    """Have a tool called until that is done; what an earlier life of the run has done is."""
    run = request["run"].removesuffix(f"/{request['stage']}")
    arguments = {"run": run, "objective": request["input"]["objective"]}
    answer = {"status": "", "text": "nothing"}
    for number in range(TRIES):
        name = f"{tool}-{number}"
        say(
            "tool_call", id=name, server="register", tool=tool, arguments=arguments, why="it agrees"
        )
        answer = json.loads(sys.stdin.readline())
        if answer["status"] == "ok" or ASKED_BEFORE in answer["text"]:
            return
    say("error", message=f"expected {tool} to be done, got {answer['status']}: {answer['text']}")
    sys.exit(os.EX_DATAERR)


def work(request: dict[str, Any]) -> float:
    """Work in steps, and obey what is ordered meanwhile; return by how much the clock is wrong."""
    skew = 0.0
    steps = int(request["input"]["steps"])
    for step in range(steps):
        skew += obey(request)
        say("progress", message=f"step {step + 1} of {steps}", at=time.time() + skew)
        time.sleep(STEP_S)
    return skew + obey(request)


def obey(request: dict[str, Any]) -> float:
    """Do what is ordered, if anything is; return by how much the clock is wrong from now on."""
    what, _, library = taken(request).partition(" ")
    if what == "flood":
        for line in range(FLOOD_LINES):
            sys.stdout.write(f"nobody reads line {line}\n")
    if what == "err":
        for error in range(ERRORS):
            say("error", message=f"error {error + 1} that was ordered")
            time.sleep(STEP_S)
    if what == "skew" and library:
        begin_again(request, library)
    return float(YEAR_S) if what == "skew" else 0.0


def begin_again(request: dict[str, Any], library: str) -> None:
    """Take the place of this program, as the same one with another clock."""
    told = os.memfd_create("request")  # a pipe that nobody reads yet takes 64 KiB
    with open(told, "wb", closefd=False) as file:
        file.write(f"{json.dumps(request)}\n".encode())
    os.lseek(told, 0, os.SEEK_SET)
    os.dup2(told, sys.stdin.fileno())
    clock = {**os.environ, **CLOCK, "LD_PRELOAD": library, BEGAN: str(time.time())}
    os.execve(sys.executable, sys.orig_argv, clock)  # noqa: S606 - the program that it is


def taken(request: dict[str, Any]) -> str:
    """Take the order that there is for it, and return it."""
    name = request["run"].replace("/", "~")
    order = Path(request["input"]["workspace"], "orders", name)
    try:
        what = order.read_text()
        order.unlink()
    except OSError:  # nothing is ordered
        return ""
    return what


def leave(name: str, value: Any) -> None:
    """Leave ``value`` as the artifact ``name``."""
    Path(name).write_text(json.dumps(value, sort_keys=True))
    say("artifact", name=name, path=name, media_type="application/json")


def say(kind: str, **fields: Any) -> None:
    """Write one message of the contract."""
    print(json.dumps({"type": kind, **fields}), flush=True)  # noqa: T201 - stdout is the contract


if __name__ == "__main__":
    main()
