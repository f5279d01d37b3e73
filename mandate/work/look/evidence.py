"""``mandate evidence``: what bears out a run, in one file that a stranger can verify.

1. It is put together and signed by the ledger's worker; here it is asked for, fetched by its digest
   and written to a new file.
2. Evidence is of what happened, also where history and ledger do not agree: whoever exports that of
   a run in dispute is told so, and verifies it as any other.
3. Verifying asks nobody: keys are given, and nothing is taken from the file itself but what they
   have signed.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowFailureError

from activities.contracts.attestation_specs import ATTESTATION_WORKFLOW, Attested, AttestRequest
from activities.contracts.specs import QUEUE
from activities.ledger.comparing import compare
from dsl.rules.run.reserved import attestation_id
from dsl.shown.surfaces import Terminal
from dsl.values import strict_json
from integrations.artifacts.store import Artifacts
from integrations.errors import IntegrationError
from integrations.ledger.evidence.bundle import BUNDLE_BYTES_MAX, Bundle
from mandate._entry import EXIT_FAILED
from mandate.people.door import enter, temporal
from mandate.people.errors import RefusalError, UsageError, words_of_cause
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
    try:
        found = await client.execute_workflow(
            ATTESTATION_WORKFLOW,
            AttestRequest(workflow=run, run=run_id),
            id=attestation_id(run, secrets.token_hex(TOKEN_BYTES)),
            task_queue=QUEUE,
        )
    except WorkflowFailureError as error:
        raise RefusalError("{}", words_of_cause(error.cause)) from None
    attested = Attested.model_validate(found)
    data = artifacts.get(attested.digest)
    write_new(target, [data.decode()])
    words = (target, attested.entries, attested.histories, attested.checkpoint)
    say(Terminal.of("{}: {} entries, {} histories, under the ledger's checkpoint at {}", *words))
    about = _predicate(Bundle.parse(data))["run"]
    which = Terminal() if run_id else Terminal(", the latest of that id")
    say(Terminal.of("of run {} of {}{}", about["run"], about["workflow"], which))
    say(Terminal.of("to verify it: mandate evidence verify {} --key KEY", target))
    say(Terminal("the keys: mandate ledger keys"))
    place = (about["workflow"], about["run"])
    note(*await _dispute(client, env, artifacts, *place, is_latest=not run_id))
    return 0


async def _dispute(
    client: Client,
    env: Mapping[str, str],
    artifacts: Artifacts,
    workflow: str,
    run: str,
    *,
    is_latest: bool,
) -> list[Terminal]:
    """Say where history and ledger of a run do not agree (2), or why that is not known."""
    try:
        found = await compare(client, environment.ledger_of(env), artifacts, workflow, run)
    except IntegrationError as error:
        return [Terminal.of("whether history and ledger agree was not looked at: {}", error)]
    if found.untold:
        return [Terminal.of("whether history and ledger agree is not known: {}", found.untold)]
    if not found.disagreements:
        return []
    first, count = found.disagreements[0], len(found.disagreements)
    said = Terminal.of("this run is in dispute: history and ledger disagree {} time(s)", count)
    see = Terminal.command("mandate ledger reconcile {}", workflow)  # of the latest, and no other
    return [
        Terminal.joined("; ", [said, see] if is_latest else [said]),
        Terminal.of("  first: expected {}, found {}", first.expected, first.found),
    ]


async def _verify(file: Path, keys: Sequence[str], *, as_json: bool) -> int:
    given = keys_of(keys)
    if not given:
        raise UsageError("whose signature is to be looked for: give --key, see mandate ledger keys")
    try:
        with file.open("rb") as opened:  # nothing else is under way
            bundle = Bundle.parse(opened.read(BUNDLE_BYTES_MAX + 1))
        problems = list(bundle.problems(given))
    except OSError as error:
        raise UsageError("{}: {}", file, error.strerror or error) from None
    except ValueError as error:
        problems = [f"this is no evidence: {error}"]
    if as_json:
        say_json({"file": str(file), "ok": not problems, "problems": problems})
        return EXIT_FAILED if problems else 0
    for problem in problems:
        say(Terminal.of("{}: {}", file, problem))
    if not problems:
        say(*_told(file, bundle))
    return EXIT_FAILED if problems else 0


def _predicate(bundle: Bundle) -> dict[str, Any]:
    found: dict[str, Any] = strict_json.read(bundle.statement, bytes_max=BUNDLE_BYTES_MAX)
    said: dict[str, Any] = found["predicate"]
    return said


def _told(file: Path, bundle: Bundle) -> list[Terminal]:
    said = _predicate(bundle)
    run, people = said["run"], said["people"]
    lines = [
        Terminal.of("{}: ok, run {} of {}", file, run["run"], run["workflow"]),
        Terminal.of("ledger {}, plan {}", run["ledger"], said["plan"]),
        Terminal.of("{} stages, {} artefacts", len(run["stages"]), len(said["artefacts"])),
    ]
    for each in people:
        name = each.get("name") or each.get("gate") or ""
        lines.append(Terminal.of("  entry {}: {} {}", each["seq"], each["action"], name))
    return lines
