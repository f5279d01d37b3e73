"""``mandate run``: start a pipeline by name or from a file, and watch it.

1. A file is compiled here first: a bad document is refused before anything starts, and so is what
   the site would refuse, where it is known here. So is an id under which the run, or a stage of it
   or of another run, could not be started. What `mandate validate` warns of is said on stderr.
2. Inputs are ``k=v``; the declared type says how ``v`` is read, text where none is declared.
3. ``--wait`` follows the run as ``mandate watch`` does; leaving it leaves the run alone.
4. Who is logged in is proven to be the starter: gates may exclude them. Without a login, or with
   one that has ended, the run starts with nobody known to have started it, and that is said.
5. ``--resume-from`` names a run of the same pipeline that is over. What of it may stand for a
   stage, the ledger's worker says when the stage is reached; why it does or does not is shown at
   the end.
6. An id may be had again once its run is over. That there was one is said on stderr, with the line
   that shows it: every command means the newest of an id.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from temporalio.exceptions import WorkflowAlreadyStartedError

from dsl.catalogue import UnknownPipelineError
from dsl.compiler import Compiled
from dsl.errors import DslError
from dsl.inputs import InputsError, resolve_inputs
from dsl.rules.run.ids import refuse_id
from dsl.rules.run.reserved import PIPELINE, refuse_reserved
from dsl.shown.surfaces import REPORT_LINE_MAX, Terminal
from mandate import catalogue
from mandate._entry import EXIT_USAGE
from mandate.people.accounts import account_of
from mandate.people.door import enter, temporal
from mandate.people.errors import RefusalError, UsageError
from mandate.people.runs import ADDRESS_MAX, address
from mandate.people.starter import starter_memo
from mandate.people.starting import Order, refuse_below, resume_memo, start, told_before
from mandate.site import NOT_HERE, not_started_here
from mandate.stack import environment
from mandate.terminal import complain, note, say, say_json
from mandate.typed_inputs import parse_inputs
from mandate.work.run.resumed import resumed
from mandate.work.run.watch import attend


def run(
    pipeline: str,
    given: Sequence[str],
    *,
    wait: bool = False,
    as_json: bool = False,
    workflow_id: str | None = None,
    resume_from: str | None = None,
    data_dir: Path | None = None,
) -> int:
    """Start the run; return 0, or with ``wait`` 1 when it did not complete."""
    try:
        compiled = catalogue.compile_named(pipeline, data_dir)
        order = _order(pipeline, compiled, parse_inputs(compiled.plan, given))
        env = environment.present(data_dir)
        is_named = workflow_id is not None
        workflow_id = workflow_id or f"pipeline/{order.name}/{uuid.uuid4().hex[:8]}"
        _refuse_id(workflow_id, compiled)
        refused = not_started_here(compiled, order.values, env)
    except (DslError, UnknownPipelineError, InputsError, UsageError, ValueError) as error:
        complain(error)
        return EXIT_USAGE
    if refused:  # (1) what the site would refuse
        note(*(Terminal.of(NOT_HERE, pipeline, why, limit=REPORT_LINE_MAX) for why in refused))
        return EXIT_USAGE
    note(*catalogue.warned(pipeline, compiled, data_dir))
    file = pipeline if catalogue.is_file_name(pipeline) else None
    work = _run(
        *(order, env, workflow_id),
        is_named=is_named,
        file=file,
        resume_from=resume_from,
        wait=wait,
        as_json=as_json,
    )
    return enter("run", work)


async def _run(
    order: Order,
    env: Mapping[str, str],
    workflow_id: str,
    *,
    is_named: bool,
    file: str | None,
    resume_from: str | None,
    wait: bool,
    as_json: bool,
) -> int:
    client = await temporal(env)
    await refuse_below(client, workflow_id)
    earlier: dict[str, Any] = {}
    if resume_from is not None:  # (5) it is over; one without a name is none
        earlier = await resume_memo(client, resume_from, order.name)
    # (4) proven to be the starter
    memo = await starter_memo(env, workflow_id, order.plan, order.values)
    # (6) an id of our own making nobody has had
    before = await told_before(client, workflow_id) if is_named else ()
    try:
        handle = await start(client, order, workflow_id, {**(memo or {}), **earlier} or None)
    except WorkflowAlreadyStartedError:
        raise RefusalError(
            "there is a run {!r} already: give another --id, or leave it out", workflow_id
        ) from None
    note(*before)  # (6) the old one is not lost
    run_id = handle.first_execution_run_id or ""
    page = address(env, handle.id, run_id)
    if as_json:
        say_json({"run": handle.id, "run_id": run_id, "link": page})
    else:
        say(Terminal.of("run      {}", handle.id))
        say(Terminal.of("watch    {}", page, limit=ADDRESS_MAX))
    if wait:
        code = await attend(handle, as_json=as_json, file=file)
        if earlier and not as_json:
            account = await account_of(client, handle.id, with_outputs=False)
            say(*resumed(account.told.resumed, None))
        return code
    if earlier and not as_json:
        say(Terminal.of("reused   {}", Terminal.command("mandate show {}", handle.id)))
    if not as_json:
        say(Terminal.of("follow   {}", Terminal.command("mandate watch {}", handle.id)))
    return 0


def _refuse_id(workflow_id: str, compiled: Compiled) -> None:
    """Refuse an id that no run of that plan may have (1).

    Raises:
        UsageError: it is one.
    """
    why = refuse_id(workflow_id, compiled.plan) or refuse_reserved(workflow_id, PIPELINE)
    if why is not None:
        raise UsageError("--id: {}", why)


def _order(pipeline: str, compiled: Compiled, values: dict[str, Any]) -> Order:
    name, resolved = compiled.plan.name, resolve_inputs(compiled.plan, values)
    if catalogue.is_file_name(pipeline):
        document = {"definition": Path(pipeline).read_text(encoding="utf-8"), "inputs": values}
        return Order("Pipeline", document, name, compiled.digest, resolved)
    return Order(name, values, name, compiled.digest, resolved)
