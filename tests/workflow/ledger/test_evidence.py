"""Evidence of a run: made by the engine, verified by ours and by others, refused when changed."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

from activities.contracts.attestation_specs import ATTESTATION_WORKFLOW
from activities.ledger.temporal_anchor import TemporalAnchor
from dsl.rules.ledger.note import NoteKey
from dsl.rules.ledger.statement import ENTRIES, pae
from dsl.values.canonical import canonical
from integrations.ledger.evidence.bundle import Bundle, keyid_of
from tests.fixtures.engine import Engine, after_look, failure_of, gate
from tests.fixtures.search import SEED, many
from tests.unit.mandate.programs import ROOT, mandate

ALONE = ROOT / "docs" / "verify_evidence.py"
NODE = ROOT / "tests" / "fixtures" / "outside" / "verify_evidence.mjs"


@dataclass
class Evidence:
    file: Path
    key: NoteKey
    run: str

    @property
    def data(self) -> bytes:
        return self.file.read_bytes()


def typed(engine: Engine, *words: str, **more: object) -> subprocess.CompletedProcess[str]:
    variables = {
        "TEMPORAL_ADDRESS": engine.settings.temporal,
        "MANDATE_ARTIFACTS": str(engine.settings.artifacts),
        **{name: str(value) for name, value in more.items()},
    }
    return mandate("evidence", *words, cwd=ROOT, env=variables)


@pytest_asyncio.fixture
async def evidence(engine: Engine, tmp_path: Path) -> Evidence:
    handle = await engine.start(after_look(gate("review")))
    await engine.pending(handle, "review")
    early = await asyncio.to_thread(typed, engine, "export", handle.id)
    assert early.returncode == 1, early
    assert "is under way" in early.stderr
    await handle.signal("vote", {"gate": "review", "decision": "approve", "voter": "ann"})
    await handle.result()
    file = tmp_path / "run.json"
    made = await asyncio.to_thread(typed, engine, "export", handle.id, "-o", str(file))
    assert made.returncode == 0, made
    kept = await TemporalAnchor(engine.client, engine.settings.ledger_origin).read()
    return Evidence(file, NoteKey.parse(kept.keys[0]), handle.id)


async def of_a_run_in_dispute(engine: Engine, evidence: Evidence, file: Path) -> None:
    """Export it while other bytes lie in the place of an output: the evidence says so itself."""
    reports = engine.client.get_workflow_handle(f"{evidence.run}/look")
    [digest, *_] = [each["digest"] for each in (await reports.result())["outputs"]]
    name = digest.removeprefix("sha256:")
    kept = engine.settings.artifacts / name[:2] / name
    aside = kept.with_suffix(".aside")
    kept.rename(aside)
    try:
        kept.write_bytes(b"other")
        made = await asyncio.to_thread(
            typed,
            engine,
            "export",
            evidence.run,
            "-o",
            str(file),
        )
    finally:
        aside.rename(kept)
    assert made.returncode == 0, made
    first = f"found other bytes under {digest}"
    assert "this run is in dispute: history and ledger disagree 1 time(s)" in made.stderr
    assert first in made.stderr
    key = str(evidence.key)
    looked = await asyncio.to_thread(typed, engine, "verify", str(file), "--key", key)
    assert (looked.returncode, first in looked.stdout) == (1, True)
    assert "whole and signed, and in dispute, run " in looked.stdout
    said = alone(file, key)
    assert (said.returncode, "whole and signed, but the run is in dispute" in said.stderr) == (
        1,
        True,
    )


def problems(data: bytes, key: NoteKey) -> list[str]:
    try:
        return list(Bundle.parse(data).problems([key]))
    except ValueError as error:
        return [str(error)]


def alone(file: Path, key: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", ALONE, file, key], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("words", [[], ["bundle.json"], ["bundle.json", "ledger.key"]])
def test_who_verifies_without_mandate_and_asks_wrongly_is_told_how(words: list[str]):
    words = [sys.executable, str(ALONE), *words]
    told = subprocess.run(words, check=False, capture_output=True, text=True)

    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("usage: verify_evidence.py FILE KEY")


async def a_run_that_is_not_there_is_told_by_its_type(engine: Engine, run: str, file: Path) -> None:
    other = str(uuid.UUID(int=1))
    wanted = {"workflow": run, "run": other}
    asked = await engine.start_type(ATTESTATION_WORKFLOW, wanted)
    failure = await failure_of(asked)
    said = await asyncio.to_thread(typed, engine, "export", run, "--run-id", other, "-o", str(file))

    assert failure.type == "UnknownRun"
    assert f"temporal knows no run {other} of {run!r}" in failure.message
    assert said.returncode == 2
    assert failure.message in said.stderr


async def a_stage_has_evidence_of_its_own(
    engine: Engine, stage: dict[str, str], key: NoteKey, folder: Path
) -> None:
    """It is no run, and is named by its run's id."""
    file = folder / "stage.json"
    named = (stage["workflow"], "--run-id", stage["run"], "-o", str(file))
    exported = await asyncio.to_thread(typed, engine, "export", *named)

    assert exported.returncode == 0, exported
    assert "its keys: mandate ledger keys > ledger.key\n" in exported.stdout
    assert f"to verify it: mandate evidence verify {file} --key ledger.key\n" in exported.stdout
    assert json.loads(Bundle.parse(file.read_bytes()).statement)["predicate"]["run"]["stages"] == []
    assert problems(file.read_bytes(), key) == []


async def test_evidence_is_verified_by_all_and_refused_with_any_byte_changed(
    engine: Engine, evidence: Evidence, tmp_path: Path
) -> None:
    key, data = evidence.key, evidence.data
    told = json.loads(Bundle.parse(data).statement)["predicate"]
    actions = {json.loads(json.loads(line)["entry"])["action"] for line in entries_of(data)}
    assert {"run.started", "agent.intended", "agent.ended", "gate.decided", "run.ended"} <= actions
    assert told["run"]["workflow"] == evidence.run
    assert len(told["run"]["stages"]) == 1
    assert [each["action"] for each in told["people"]] == ["gate.decided"]
    assert problems(data, key) == []

    good = await asyncio.to_thread(typed, engine, "verify", str(evidence.file), "--key", str(key))
    again = await asyncio.to_thread(typed, engine, "export", evidence.run, "-o", str(evidence.file))
    keyless = await asyncio.to_thread(typed, engine, "verify", str(evidence.file))
    nobody = await asyncio.to_thread(
        typed, engine, "export", "nobody", "-o", str(tmp_path / "none")
    )
    assert good.returncode == 0, good
    assert f"of {evidence.run}" in good.stdout
    assert (again.returncode, keyless.returncode, nobody.returncode) == (2, 2, 2)
    assert keyless.stderr.endswith(
        "--key ledger.key; it is made by: mandate ledger keys > ledger.key\n"
    )
    assert nobody.stderr.startswith("mandate evidence export: there is no run 'nobody'")
    await a_run_that_is_not_there_is_told_by_its_type(engine, evidence.run, tmp_path / "none")
    assert alone(evidence.file, str(key)).stdout.startswith(f"ok: {evidence.run}")

    await a_stage_has_evidence_of_its_own(engine, told["run"]["stages"][0], key, tmp_path)
    await of_a_run_in_dispute(engine, evidence, tmp_path / "disputed.json")

    other = NoteKey(key.name, Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    assert problems(data, other)
    assert alone(evidence.file, str(other)).returncode == 1
    assert problems(b"", key)
    assert problems(data[: len(data) // 2], key)
    rnd = random.Random(SEED)
    for _ in range(many(2_000)):
        place = rnd.randrange(len(data))
        changed = bytearray(data)
        changed[place] ^= 1 << rnd.randrange(8)
        assert problems(bytes(changed), key), (SEED, place)
    changed_file = tmp_path / "changed.json"
    for place in rnd.sample(range(len(data)), 5):
        changed = bytearray(data)
        changed[place] ^= 1
        changed_file.write_bytes(changed)
        assert alone(changed_file, str(key)).returncode == 1, (SEED, place)
    agreed_by_others(evidence)
    what_a_liar_with_the_key_would_say_is_refused(Bundle.parse(data))


async def test_evidence_of_a_run_that_was_reset_is_of_what_it_is_now(
    engine: Engine, evidence: Evidence, tmp_path: Path
) -> None:
    handle = engine.client.get_workflow_handle(evidence.run)
    before = (await handle.describe()).run_id
    await asyncio.to_thread(resumed, engine, evidence.run, "review")
    now = (await handle.describe()).run_id
    await engine.pending(handle, "review")
    await handle.signal("vote", {"gate": "review", "decision": "approve", "voter": "ann"})
    await handle.result()
    file = tmp_path / "now.json"
    made = await asyncio.to_thread(typed, engine, "export", evidence.run, "-o", str(file))
    named = await asyncio.to_thread(
        typed, engine, "export", evidence.run, "--run-id", now, "-o", str(tmp_path / "named.json")
    )
    told = json.loads(Bundle.parse(file.read_bytes()).statement)["predicate"]
    entries = [json.loads(json.loads(each)["entry"]) for each in entries_of(file.read_bytes())]

    assert made.returncode == 0, made
    assert f"of run {now} of {evidence.run}, the latest of that id\n" in made.stdout
    assert (named.returncode, f"of run {now} of {evidence.run}\n" in named.stdout) == (0, True)
    assert told["run"]["run"] == now != before
    assert {"workflow": evidence.run, "run": before} in told["run"]["earlier"]
    assert {"run.started", "run.ended"} <= {
        each["action"] for each in entries if each["run_id"] in (now, before)
    }
    assert now in {each["run_id"] for each in entries}
    assert problems(file.read_bytes(), evidence.key) == []
    assert alone(file, str(evidence.key)).stdout.startswith(f"ok: {evidence.run} {now}")


def resumed(engine: Engine, run: str, point: str) -> None:
    variables = {"TEMPORAL_ADDRESS": engine.settings.temporal}
    said = mandate("resume", run, "--from", point, "--yes", cwd=ROOT, env=variables)
    assert said.returncode == 0, said


def entries_of(data: bytes) -> list[str]:
    return Bundle.parse(data).files[ENTRIES].splitlines()


def agreed_by_others(evidence: Evidence) -> None:
    """DSSE and note by implementations that are not ours."""
    envelope = json.loads(evidence.data)["envelope"]
    keyid = envelope["signatures"][0]["keyid"]
    public = SSlibKey(keyid, "ed25519", "ed25519", {"public": evidence.key.public.hex()})
    theirs = Envelope.from_dict(json.loads(json.dumps(envelope)))
    assert list(theirs.verify([public], 1)) == [keyid]
    theirs.payload += b" "
    with pytest.raises(Exception, match=r"(?i)verif|threshold"):
        theirs.verify([public], 1)
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here: DSSE and note are not verified by another language")
    said = subprocess.run(
        [node, NODE, evidence.file, str(evidence.key)], capture_output=True, text=True, check=True
    )
    assert json.loads(said.stdout) == {"dsse": True, "noted": True, "id": True}


def what_a_liar_with_the_key_would_say_is_refused(bundle: Bundle) -> None:
    """Signed anew by a key that is believed: what is told must still follow from the entries."""
    private = Ed25519PrivateKey.generate()
    said = json.loads(bundle.statement)
    assert said["predicate"]["compared"] == {"disagreements": 0, "first": "", "untold": ""}
    key = NoteKey(said["predicate"]["run"]["ledger"], private.public_key().public_bytes_raw())
    said["predicate"]["people"] = []
    text = canonical(said)
    forged = replace(
        bundle, statement=text, signatures=((keyid_of(key), private.sign(pae(text.encode()))),)
    )
    found = list(Bundle.parse(forged.text().encode()).problems([key]))
    assert any("has signed the note" in each for each in found)
    assert "what is told of people, agents and artefacts is not what the entries say" in found
    assert base64.b64decode(json.loads(forged.text())["envelope"]["payload"]).decode() == text
