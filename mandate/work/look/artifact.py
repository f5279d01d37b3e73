"""``mandate artifact``: what the stages of a run have put out, to be read before it is approved.

1. What is read is looked for by the digest that the run's history has, and hashed: other bytes are
   never shown.
2. At a terminal each line goes through ``dsl.shown.surfaces``, behind a margin,
   ``SHOWN_LINES_MAX`` of them at most, or all of them in a pager. The bytes as they are go to a
   file that is made for them, or to a pipe.
3. A name of others becomes a file only where it has the form of one; nothing is written over.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from temporalio.client import Client

from dsl.core import OUTPUT_NAME_PATTERN
from dsl.shown.surfaces import Terminal
from integrations.artifacts.heads import as_text
from mandate.people.door import enter, temporal
from mandate.people.errors import NotThereError, RefusalError, UsageError
from mandate.people.gates.contents import store
from mandate.people.outputs import Put, StageOutputs, read_output, stages_of
from mandate.stack import environment
from mandate.terminal import note, page, say, say_bytes, say_json

SHOWN_LINES_MAX: Final = 5_000
_NAME: Final = re.compile(OUTPUT_NAME_PATTERN)
_PATH: Final = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)*")


def show(
    place: str,
    name: str,
    *,
    raw: bool,
    out: Path | None,
    in_pager: bool,
    data_dir: Path | None,
) -> int:
    """Print one output, or write its bytes; return the exit code."""
    env = environment.present(data_dir)
    return enter("artifact show", _show(place, name, env, raw=raw, out=out, in_pager=in_pager))


def save(place: str, name: str | None, into: Path, *, data_dir: Path | None) -> int:
    """Write outputs to files; return the exit code."""
    return enter("artifact save", _save(place, name, into, environment.present(data_dir)))


def list_(run: str, *, as_json: bool, data_dir: Path | None) -> int:
    """Print what the stages of a run have put out; return the exit code."""
    return enter("artifact list", _list(run, environment.present(data_dir), as_json=as_json))


async def _show(
    place: str,
    name: str,
    env: Mapping[str, str],
    *,
    raw: bool,
    out: Path | None,
    in_pager: bool,
) -> int:
    if raw and out is None and sys.stdout.isatty():
        raise UsageError("--raw writes bytes as they are: send them to a pipe, or give --out FILE")
    client = await temporal(env)
    found, output = await _one(client, place, name)
    data = read_output(store(env), output)
    if out is not None:
        _write(out, data, output)
    elif raw:
        say_bytes(data)
    else:
        note(_named(found.stage, output, len(data)))
        say_lines(data, in_pager=in_pager)
    return 0


async def _one(client: Client, place: str, name: str) -> tuple[StageOutputs, Put]:
    """Return the output of that name, of a stage or of the one stage of a run that has it."""
    stages = [each async for each in stages_of(client, place)]
    if len(stages) == 1:
        return stages[0], stages[0].find(name)
    having = [each for each in stages if any(output.name == name for output in each.outputs)]
    if len(having) == 1:
        return having[0], having[0].find(name)
    places = Terminal.listed([f"{each.run}/{each.stage}" for each in having or stages])
    if having:
        raise UsageError(
            "several stages of {!r} have an output {!r}; name one of them: {}", place, name, places
        )
    raise NotThereError(
        "no stage of {!r} has an output {!r}; it has the stages: {}", place, name, places
    )


async def _save(place: str, name: str | None, into: Path, env: Mapping[str, str]) -> int:
    client = await temporal(env)
    if name is not None:
        found = [await _one(client, place, name)]
    else:
        stages = [each async for each in stages_of(client, place)]
        found = [(each, output) for each in stages for output in each.outputs]
    for stage, output in found:
        folder = into / stage.stage if name is None else into
        # (3) not the form of a name
        if _NAME.fullmatch(output.name) is None or _PATH.fullmatch(stage.stage) is None:
            raise RefusalError("{!r} of {!r} is no name for a file", output.name, stage.stage)
        data = read_output(store(env), output)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RefusalError("{} is not written: {}", folder, error.strerror) from None
        _write(folder / output.name, data, output)
    if not found:
        note(Terminal.of("no stage of {!r} has put anything out", place))
    return 0


def _write(out: Path, data: bytes, output: Put) -> None:
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        raise RefusalError("{} is not written: {}", out, error.strerror) from None
    note(Terminal.of("{}: {:,} bytes  {}", out, len(data), output.digest))


def say_lines(data: bytes, *, in_pager: bool = False) -> None:
    """Print text behind a margin (2), or have a pager show it.

    Raises:
        RefusalError: it is no text.
    """
    text = as_text(data)
    if text is None:
        raise RefusalError("it is no text: add --out FILE to have its bytes")
    lines = text.removesuffix("\n").split("\n")
    if in_pager:
        page(Terminal.excerpt(lines))
        return
    say(*Terminal.excerpt(lines[:SHOWN_LINES_MAX]))
    if len(lines) > SHOWN_LINES_MAX:
        more = len(lines) - SHOWN_LINES_MAX
        note(Terminal.of("and {:,} more lines: add --open, --out FILE, or --raw to a pipe", more))


async def _list(run: str, env: Mapping[str, str], *, as_json: bool) -> int:
    client = await temporal(env)
    found = False
    async for stage in stages_of(client, run):
        for each in stage.outputs:
            found = True
            if as_json:
                told = each.model_dump(mode="json")
                say_json({"run": stage.run, "stage": stage.stage, **told})
            else:
                say(_named(stage.stage, each, each.size))
    if not found and not as_json:
        note(Terminal.of("no stage of {!r} has put anything out", run))
    return 0


def _named(stage: str, output: Put, size: int) -> Terminal:
    return Terminal.of(
        "{}: {}  {}, {:,} bytes  {}", stage, output.name, output.media_type, size, output.digest
    )
