"""``mandate evidence``: what bears out a run, in one file that a stranger can verify.

1. It is put together and signed by the ledger's worker; here it is asked for, fetched by its digest
   and written to a new file.
2. Evidence is of what happened, also where history and ledger do not agree. It says so itself, as
   the ledger's worker has found: whoever exports that of a run in dispute is told, and for whoever
   verifies it that is 1, though every byte is as it was signed.
3. Verifying asks nobody: keys are given, and nothing is taken from the file itself but what they
   have signed.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowFailureError

from activities.contracts.attestation_specs import (
    ATTESTATION_WORKFLOW,
    UNKNOWN_RUN,
    Attested,
    AttestRequest,
)
from activities.contracts.specs import QUEUE
from dsl.rules.ledger.statement import Agreement
from dsl.rules.run.reserved import attestation_id
from dsl.shown.surfaces import Terminal
from integrations.ledger.evidence.bundle import BUNDLE_BYTES_MAX, Bundle
from mandate._entry import EXIT_FAILED
from mandate.people.door import enter, temporal
from mandate.people.errors import NotThereError, RefusalError, UsageError, words_of_cause
from mandate.people.gates.contents import store
from mandate.people.runs import existing
from mandate.stack import environment
from mandate.terminal import note, say, say_json
from mandate.work.look.ledger_anchors import keys_of
from mandate.work.look.new_files import named_after, refuse_old, write_new

TOKEN_BYTES: Final = 4
ID_LENGTH_MAX: Final = 100  # as ``AttestRequest`` takes it


def export(run: str, out: Path | None, *, run_id: str, data_dir: Path | None) -> int:
    """Write the evidence of a run into a new file; without ``run_id`` that of the latest."""
    return enter("evidence export", _export(run, run_id, out, environment.present(data_dir)))


def verify(file: Path, keys: Sequence[str], *, as_json: bool) -> int:
    """Say whether a bundle is good; 1: it is not."""
    return enter("evidence verify", _verify(file, keys, as_json=as_json))


async def _export(run: str, run_id: str, out: Path | None, env: Mapping[str, str]) -> int:
    if len(run_id) > ID_LENGTH_MAX:
        raise UsageError("--run-id: expected the id of a run, got {} characters", len(run_id))
    target = out or named_after(run, "evidence.json")
    refuse_old(target)  # before anything is asked for
    artifacts = store(env)
    client = await temporal(env)
    if not run_id:  # a stage's workflow has evidence too, which is asked for by its run's id
        await existing(client, run)  # what can be no run is said as everywhere
    request = AttestRequest(workflow=run, run=run_id)
    try:
        found = await client.execute_workflow(
            ATTESTATION_WORKFLOW,
            request,
            id=attestation_id(run, secrets.token_hex(TOKEN_BYTES)),
            task_queue=QUEUE,
        )
    except WorkflowFailureError as error:
        raise _refusal(error.cause) from None
    attested = Attested.model_validate(found)
    data = artifacts.get(attested.digest)
    write_new(target, [data.decode()])
    words = (target, attested.entries, attested.histories, attested.checkpoint)
    say(Terminal.of("{}: {} entries, {} histories, under the ledger's checkpoint at {}", *words))
    bundle = Bundle.parse(data)
    about = bundle.predicate()["run"]
    which = Terminal() if run_id else Terminal(", the latest of that id")
    say(Terminal.of("of run {} of {}{}", about["run"], about["workflow"], which))
    say(Terminal("its keys: mandate ledger keys > ledger.key"))
    verify = Terminal.command("mandate evidence verify {} --key ledger.key", str(target))
    say(Terminal.of("to verify it: {}", verify))
    note(*_dispute(bundle.agreement(), about, is_latest=not run_id))
    return 0


def _refusal(cause: BaseException | None) -> RefusalError:
    why = words_of_cause(cause)
    if getattr(cause, "type", None) == UNKNOWN_RUN:
        return NotThereError("{}", why, typed="see: mandate runs --json")
    return RefusalError("{}", why)


def _dispute(
    agreement: Agreement | None, about: Mapping[str, Any], *, is_latest: bool = False
) -> list[Terminal]:
    """Say where history and ledger of a run do not agree (2), or why that is not known."""
    if agreement is None:
        return [Terminal("whether history and ledger agree was not looked at when it was made")]
    if agreement.untold:
        return [Terminal.of("whether history and ledger agree is not known: {}", agreement.untold)]
    if not agreement.disagreements:
        return []
    count, workflow = agreement.disagreements, about["workflow"]
    said = Terminal.of("this run is in dispute: history and ledger disagree {} time(s)", count)
    see = Terminal.command("mandate ledger reconcile {}", workflow)
    if not is_latest:
        see = Terminal.command("mandate ledger reconcile {} --run-id {}", workflow, about["run"])
    return [
        Terminal.joined("; ", [said, see]),
        Terminal.of("  first: {}", agreement.first),
    ]


async def _verify(file: Path, keys: Sequence[str], *, as_json: bool) -> int:
    try:
        with file.open("rb") as opened:  # nothing else is under way
            data = opened.read(BUNDLE_BYTES_MAX + 1)
    except OSError as error:
        raise UsageError("{}: {}", file, error.strerror or error) from None
    given = keys_of(keys)
    if not given:
        raise UsageError(
            "whose signature is to be looked for: give --key ledger.key; it is made by: "
            "mandate ledger keys > ledger.key"
        )
    agreement = None
    try:
        bundle = Bundle.parse(data)
        problems = list(bundle.problems(given))
        if not problems:
            agreement = bundle.agreement()
    except ValueError as error:
        problems = [f"this is no evidence: {error}"]
    is_disputed = agreement is not None and agreement.disagreements > 0  # (2) said, and 1
    is_good = not problems and not is_disputed
    if as_json:
        compared = agreement._asdict() if agreement else None
        told = {"file": str(file), "ok": is_good, "problems": problems, "compared": compared}
        say_json(told)
        return 0 if is_good else EXIT_FAILED
    for problem in problems:
        say(Terminal.of("{}: {}", file, problem))
    if not problems:
        word = "whole and signed, and in dispute" if is_disputed else "ok"
        said = bundle.predicate()
        say(*_told(file, word, said), *_dispute(agreement, said["run"]))
    return 0 if is_good else EXIT_FAILED


def _told(file: Path, word: str, said: Mapping[str, Any]) -> list[Terminal]:
    run, people = said["run"], said["people"]
    lines = [
        Terminal.of("{}: {}, run {} of {}", file, word, run["run"], run["workflow"]),
        Terminal.of("ledger {}, plan {}", run["ledger"], said["plan"]),
        Terminal.of("{} stages, {} artefacts", len(run["stages"]), len(said["artefacts"])),
    ]
    for each in people:
        name = each.get("name") or each.get("gate") or ""
        lines.append(Terminal.of("  entry {}: {} {}", each["seq"], each["action"], name))
    return lines
