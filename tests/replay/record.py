"""Record the histories that ``test_replay.py`` replays: ``python -m tests.replay.record``.

Brings the embedded stack up in a temporary directory, lets each scenario of ``scenarios.py``
run to its end, and writes what ``temporal workflow show -o json`` says of the run and of every
agent in it to ``histories/``, replacing what is there of the same name.

1. A history that was shipped is never recorded again: a change of workflow code must replay it.
   New behaviour gets a new scenario; record it alone by naming it:
   ``python -m tests.replay.record store_emptied``.
2. Names of machines and processes, and stack traces with their paths, are taken out: replay
   does not look at them.
3. A release takes all of them along: ``python -m tests.replay.record --release`` keeps them below
   ``released/``, by the version of ``pyproject.toml``, once and for all. Every later one replays
   them, and what is under ``histories/`` may be recorded anew.
4. What no recording can wait for is written to the ledger before: see
   ``tests.fixtures.trust.past``.
5. The stack keeps the worker of the ledger apart. Scenarios of one that serves both have a stack of
   their own, behind the others.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowHandle

from activities.contracts.notify.specs import NOTIFICATION_WORKFLOW
from activities.contracts.specs import QUEUE, QUEUE_LEDGER
from integrations.settings import read_settings
from mandate._entry import EXIT_USAGE, run_main
from mandate.stack.options import StackOptions, private_stack
from mandate.stack.up import Stack
from mandate.stack.workers import DEFAULT_WORKERS
from mandate.work.operate.demo_tools import open_shop, pin
from tests.fixtures.engine import OUTSIDE
from tests.fixtures.notify.receiver import receiver
from tests.fixtures.servers.temporal import temporal_cli
from tests.fixtures.trust.past import make_known, write_criteria, write_past
from tests.replay.scenarios import BESIDE_THE_LEDGER, SCENARIOS, Scenario, run_of
from tests.replay.studio import Studio, ended
from tests.replay.trust_scenarios import WITH_A_PAST
from worker import connect

HISTORIES: Final = Path(__file__).parent / "histories"
RELEASED: Final = Path(__file__).parent / "released"
RELEASE: Final = "--release"
# Between the ids of a run and of its agents: no id holds it, and file systems take it.
SEPARATOR: Final = "__"
# Who serves phases writes the ledger too, and the others stay as they are (5).
TOGETHER: Final = tuple(
    replace(each, queues=(*each.queues, QUEUE_LEDGER)) if QUEUE in each.queues else each
    for each in DEFAULT_WORKERS
    if QUEUE_LEDGER not in each.queues
)
TEMPLATES: Final = Path(__file__).parent / "templates"
CODE: Final = "import os\n\npassword = 'letmein'\n"
_OF_A_MACHINE: Final = {"identity": "recorder", "stackTrace": ""}


def file_of(workflow_id: str) -> Path:
    """Return where the history of a run is kept."""
    return HISTORIES / f"{workflow_id.replace('/', SEPARATOR)}.json"


def workflow_id_of(file: Path) -> str:
    """Return whose history a file holds."""
    return file.stem.replace(SEPARATOR, "/")


def freeze(version: str, into: Path = RELEASED) -> Path:
    """Keep the histories as those of a release (3).

    Raises:
        FileExistsError: that release has its histories.
    """
    folder = into / version
    folder.mkdir(parents=True)
    for file in sorted(HISTORIES.glob("*.json")):
        packed = gzip.compress(file.read_bytes(), mtime=0)
        (folder / f"{file.name}.gz").write_bytes(packed)
    return folder


def read_released(file: Path) -> str:
    """Return a history that was released, as it was recorded."""
    return gzip.decompress(file.read_bytes()).decode()


async def main(names: list[str]) -> int:
    """Record the scenarios of these names; without any, all of them."""
    if names == [RELEASE]:
        project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
        print(f"kept in {freeze(project['project']['version'])}")
        return 0
    unknown = set(names) - {each.__name__ for each in SCENARIOS}
    if unknown:
        print(f"no scenario {', '.join(sorted(unknown))}", file=sys.stderr)
        return EXIT_USAGE
    chosen = [each for each in SCENARIOS if not names or each.__name__ in names]
    with tempfile.TemporaryDirectory(prefix="mandate-record-") as folder, ExitStack() as exits:
        workspace = Path(folder) / "workspace"
        (workspace / "code").mkdir(parents=True)
        (workspace / "code" / "main.py").write_text(CODE)
        settings = {
            "MANDATE_WORKSPACE": str(workspace),
            "MANDATE_PROMOTION": str(write_criteria(Path(folder))),
        }
        settings = {**open_shop(Path(folder) / "shop"), **settings}
        templates = (OUTSIDE, TEMPLATES, settings["MANDATE_TEMPLATES"])
        settings["MANDATE_TEMPLATES"] = os.pathsep.join(map(str, templates))
        hook = exits.enter_context(receiver())
        settings["MANDATE_NOTIFY"] = str(_site(Path(folder), hook.url))
        options = private_stack(Path(folder) / "data", settings=settings)
        if not {each.__name__ for each in chosen}.isdisjoint(WITH_A_PAST):
            await _give_past(options)
        beside = [each for each in chosen if each in BESIDE_THE_LEDGER]
        await _record_on(options, [each for each in chosen if each not in beside], workspace)
        together = replace(options, workers=TOGETHER)  # (5) behind the others
        await _record_on(together, beside, workspace)
    return 0


async def _record_on(options: StackOptions, scenarios: Sequence[Scenario], workspace: Path) -> None:
    """Record scenarios on a stack, if there are any."""
    if not scenarios:
        return
    async with Stack(options) as stack:
        here = read_settings(stack.env)
        await pin(here)
        studio = Studio(await connect(here), here, workspace)
        for scenario in scenarios:
            await _record(studio, scenario, here.temporal)


def _site(folder: Path, url: str) -> Path:
    """Write whom runs may tell: a webhook."""
    (folder / "url").write_text(url)
    (folder / "secret").write_text("a secret")
    file = folder / "notify.yaml"
    file.write_text(f"webhook: {{hook: {{url_file: {folder}/url, secret_file: {folder}/secret}}}}")
    return file


async def _give_past(options: StackOptions) -> None:
    """Let the stack be as if agents had been revoked in it long ago (4)."""
    async with Stack(options) as stack:
        here = read_settings(stack.env)
        entities = await make_known(here.vault_url, here.vault_roles)
    await write_past(here.ledger, entities)


async def _record(studio: Studio, scenario: Scenario, temporal: str) -> None:
    name = run_of(scenario)
    of_agents = f"{file_of(name).stem}{SEPARATOR}*.json"
    for old in (file_of(name), *HISTORIES.glob(of_agents)):
        old.unlink(missing_ok=True)
    run = await scenario(studio, name)
    await ended(run)
    for handle in [run, *await _agents(studio.client, run)]:
        said = await asyncio.to_thread(_show, handle, temporal)
        file_of(handle.id).write_text(_written(said))
        print(f"recorded {handle.id}", flush=True)


async def _agents(client: Client, run: WorkflowHandle[Any, Any]) -> list[WorkflowHandle[Any, Any]]:
    found: dict[str, list[WorkflowHandle[Any, Any]]] = {}
    async for event in run.fetch_history_events():
        if event.HasField("child_workflow_execution_started_event_attributes"):
            started = event.child_workflow_execution_started_event_attributes
            if started.workflow_type.name == NOTIFICATION_WORKFLOW:  # whose id is drawn by lot
                continue
            child = started.workflow_execution
            handle = client.get_workflow_handle(child.workflow_id, run_id=child.run_id)
            found[child.workflow_id] = [handle, *await _agents(client, handle)]
    return [each for handles in found.values() for each in handles]


def _written(said: str) -> str:
    """Return a history with one event on a line."""
    events = (_of_no_machine(event) for event in json.loads(said)["events"])
    lines = (json.dumps(event, separators=(",", ":")) for event in events)
    return '{"events":[\n' + ",\n".join(lines) + "\n]}\n"


def _of_no_machine(value: Any) -> Any:
    """Return ``value`` without what only the recording machine knows (2)."""
    if isinstance(value, list):
        return [_of_no_machine(each) for each in value]
    if isinstance(value, dict):
        return {
            key: _OF_A_MACHINE[key] if key in _OF_A_MACHINE else _of_no_machine(each)
            for key, each in value.items()
        }
    return value


def _show(handle: WorkflowHandle[Any, Any], temporal: str) -> str:
    run_id = handle.run_id or handle.result_run_id
    return subprocess.run(
        [
            *(temporal_cli(), "workflow", "show", "--address", temporal, "-o", "json"),
            *("--workflow-id", handle.id, *(("--run-id", run_id) if run_id else ())),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


if __name__ == "__main__":
    run_main(lambda: asyncio.run(main(sys.argv[1:])))
