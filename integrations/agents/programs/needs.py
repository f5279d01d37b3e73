"""Has this machine what a program needs? Asked before it is to run, and before people are asked.

Each refusal says how to get what is missing. Tools are looked for where the agent will look: on the
PATH of its sandbox.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from dsl.templates import RequiredTool, Template
from integrations.agents.programs.catalogue import Programs
from integrations.agents.programs.program import Program
from integrations.errors import DeniedError


def require_runnable(
    programs: Programs, template: str, hidden: Callable[[], Sequence[Path]]
) -> Program:
    """Return the program of ``template``, if this machine can run it.

    ``hidden`` tells what no agent may read, whoever says so.

    Raises:
        NotFoundError, DeniedError: it cannot, with what would help.
    """
    program = programs.find(template)
    _refuse_interpreter(program, programs.path)
    _refuse_tools(programs.template(template).template, programs.path)
    if program.read or program.checkouts:
        _refuse_reading(program, hidden())
    return program


def _refuse_interpreter(program: Program, path: str) -> None:
    if not program.interpreter:
        return
    first = program.interpreter[0]
    if not (first.startswith("/") and os.access(first, os.X_OK)):
        raise DeniedError(
            f"template {program.name!r}: its interpreter {first} is not on the agents' PATH "
            f"({path}): install it there, or add its directory to MANDATE_AGENT_PATH"
        )


def _refuse_tools(template: Template, path: str) -> None:
    missing = [tool for tool in template.requires_tools if not _is_there(tool, path)]
    if missing:
        names = " and ".join(tool.distribution or " or ".join(tool.any_of) for tool in missing)
        ways = "; ".join(dict.fromkeys(tool.install for tool in missing))
        raise DeniedError(
            f"template {template.name!r} needs {names}, not installed for the worker: {ways}"
        )


def _is_there(tool: RequiredTool, path: str) -> bool:
    if tool.distribution is None:
        return any(shutil.which(each, path=path) for each in tool.any_of)
    try:
        importlib.metadata.version(tool.distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _refuse_reading(program: Program, hidden: Sequence[Path]) -> None:
    for path in (*program.read, *program.checkouts):
        if not path.exists():
            raise DeniedError(
                f"template {program.name!r}: sandbox.read names {path}, which is not there"
            )
        if any(path.resolve().is_relative_to(each) for each in hidden):
            raise DeniedError(
                f"template {program.name!r}: sandbox.read names {path}, where the engine keeps its "
                "own: no agent may read that"
            )
