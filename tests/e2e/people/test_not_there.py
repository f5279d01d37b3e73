"""What is named and is not there: exit code 2 and one sentence, by whatever command.

The commands are found, so one that is new is asked as well: whoever adds an argument says in
``NOBODY`` what there is none of, or in ``OTHER`` that it names nothing which is looked up.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import typer.main

from mandate.cli import app
from tests.e2e.people.test_approvals import waiting
from tests.fixtures.person import Somebody
from tests.fixtures.stack import MandateUp
from tests.unit.mandate.programs import mandate

NONE: Final = "nobody-here"
# By an argument or option, or by that of one command.
NOBODY: Final[Mapping[str, str]] = {
    **dict.fromkeys(("run", "runs", "place", "stage", "gate", "agent", "agents", "circuit"), NONE),
    **dict.fromkeys(("pipeline", "name", "names", "--resume-from", "--policy", "--from"), NONE),
    "--run-id": "01234567-89ab-4def-8123-456789abcdef",
    "seq": "987654321",
    "tools call tool": f"{NONE}/refund",
    "agent check --template": NONE,
}
OTHER: Final = frozenset(  # files, folders, and words that look nothing up
    {
        *("what", "file", "files", "experiment", "journals", "path", "into"),
        *("decision", "command", "arguments", "suggestion", "outcome"),
        *("login name", "template new name", "tools decide tool"),
    }
)
# What has to be typed beside it, and is there.
BESIDE: Final[Mapping[str, str]] = {
    "name": "report.md",
    "pipeline": "code-review",
    "policy": "code-review",
    "stage": "review",
    "decision": "approve",
    "reason": "why",
    "to": "T2",
    "tool": "pay/refund",
}
AT_ONCE: Final = 4
SAYS_MORE: Final = 15  # characters behind the name: where it was looked for, and what to do
TOOLS: Final = "name: pay\ndescription: pays\ntier: T1\ncommand: [/bin/false]\n"


def commands() -> Iterator[tuple[str, list[Any]]]:
    """Yield every command with its parameters."""

    def look(command: Any, *words: str) -> Iterator[tuple[str, list[Any]]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield " ".join(words), command.params
            return
        for word, each in inner.items():
            yield from look(each, *words, word)

    yield from look(typer.main.get_group(app))


def key_of(command: str, parameter: Any, table: Any) -> str:
    """Return under which key a table has a parameter; empty: it has not."""
    name = parameter.name if is_argument(parameter) else parameter.opts[0]
    keys = (f"{command} {name}", name)
    return next((key for key in keys if key in table), "")


def is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def asked(command: str, parameters: list[Any], beside: Mapping[str, str]) -> Iterator[list[str]]:
    """Yield what is typed, once for each parameter that names something; the name comes last."""
    for one in parameters:
        if key_of(command, one, OTHER) or not key_of(command, one, NOBODY):
            continue
        name, words = NOBODY[key_of(command, one, NOBODY)], command.split()
        for each in parameters:
            if each is one or each.required or each.name == "run":
                value = name if each is one else beside[each.name]
                words += [value] if is_argument(each) else [each.opts[0], value]
        if any(each.name == "yes" for each in parameters):
            words.append("--yes")
        yield [*words, name.partition("/")[0]]


def test_every_argument_is_said_to_name_something_or_not():
    unsaid = [
        f"{command} {each.name}"
        for command, parameters in commands()
        for each in parameters
        if is_argument(each) and not key_of(command, each, {*NOBODY, *OTHER})
    ]

    assert unsaid == []


async def test_what_is_not_there_is_one_sentence_and_exit_code_2(
    mandate_up: MandateUp, ann: Somebody, tmp_path: Path
):
    (tmp_path / "pay.yaml").write_text(TOOLS)
    run = (await waiting(mandate_up)).id
    beside = {**BESIDE, "run": run, "runs": run, "place": f"{run}/look", "gate": "review"}
    env = {**mandate_up.env, "MANDATE_HOME": str(ann.home), "MANDATE_TOOLS": str(tmp_path)}
    turn, wrong = asyncio.Semaphore(AT_ONCE), {}

    async def typed(words: list[str], name: str) -> None:
        async with turn:
            said = await asyncio.to_thread(mandate, *words, cwd=tmp_path, env=env)
        (line, *more) = said.stderr.splitlines() or [""]
        _, found, rest = line.partition(name)
        is_said = bool(found) and len(rest) > SAYS_MORE and not more and not said.stdout
        if (said.returncode, is_said) != (2, True):
            wrong[" ".join(words)] = (said.returncode, said.stdout, said.stderr)

    cases = [each for command in commands() for each in asked(*command, beside)]
    await asyncio.gather(*(typed(words, name) for *words, name in cases))

    assert wrong == {}, json.dumps(wrong, indent=1)
    assert len(cases) > len(NOBODY)
