"""A process that has loaded all commands, and forks a child for each that is typed.

Loading is most of what a command costs, and the same each time. A child is a process of its own as
the command is one: directory, variables, arguments and streams are its own, and its exit code. What
loading does is not seen by it: whoever asks about that starts an interpreter.

``python -m tests.unit.mandate.ready`` reads orders from standard input, a line of JSON each, and
answers each with the exit code; a signal is negative, as in ``subprocess``.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

from mandate import __main__ as command_line
from mandate import cli, work


def main() -> None:
    """Answer orders until there is none."""
    assert cli.app is not None
    for module in pkgutil.walk_packages(work.__path__, f"{work.__name__}."):
        import_module(module.name)
    for words in (["gates", "--help"], ["gates", "--bogus"]):  # typer loads what shows them late
        with suppress(SystemExit), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            cli.app(words)
    gc.freeze()  # a child that collects garbage would copy all that is loaded
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            become(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def become(order: dict[str, Any]) -> None:
    """Be the command that was ordered; does not return."""
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    for number, name in enumerate((os.devnull, order["stdout"], order["stderr"])):
        place = os.open(name, os.O_RDWR)
        os.dup2(place, number)
        os.close(place)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout, sys.stderr = (
        os.fdopen(each, "w", encoding="utf-8", closefd=False) for each in (1, 2)
    )
    sys.argv = [str(Path(command_line.__file__)), *order["arguments"]]
    command_line.main()


if __name__ == "__main__":
    main()
