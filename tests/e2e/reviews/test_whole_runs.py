"""Reviews of repositories as whole runs: shipped agents in their sandbox, models, and a council."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from tests.e2e.test_shipped_agents import example, opened
from tests.fixtures.chat_server import ChatServer, chat_server, thinking
from tests.fixtures.hostile.arena import NAMESPACES, Arena, arena_on, for_one_test
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.servers.valkey import ValkeyProcess

RUNS_OF_STRESS = 20
CODE = {
    "unused.py": "import os\n\n\ndef size(text):\n    return len(text)\n",
    "bare.py": "def read(text):\n    try:\n        return int(text)\n"
    "    except:\n        return 0\n",
    "shell.py": "import subprocess\n\n\ndef run(given):\n"
    "    return subprocess.run(given, shell=True)\n",
}
INPUTS = {"path": "reviewed", "checks": "python3 -c 'import unused, bare'"}
REVIEWERS = ("architect", "security", "reliability", "cost")
ROLE = re.compile(r"You are the reviewer for (\w+)")
NAME = re.compile(r'"id": "([a-z-]+-[0-9a-f]{12})"')
OPINIONS = {
    "type": "object",
    "required": ["opinions"],
    "properties": {
        "opinions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["suggestion", "decision", "confidence", "rationale"],
                "properties": {
                    "suggestion": {"type": "string"},
                    "decision": {"enum": ["approve", "reject", "abstain"]},
                    "confidence": {"type": "number"},
                    "rationale": {"type": "string"},
                },
            },
        }
    },
}
pytestmark = pytest.mark.timeout(240)


@pytest_asyncio.fixture(scope="module")
async def running(
    hostile_temporal: WorkflowEnvironment,
    openbao: OpenBao,
    valkey: ValkeyProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Arena]:
    folder = tmp_path_factory.mktemp("reviews")
    async with arena_on(
        hostile_temporal, NAMESPACES[4], openbao, valkey, folder, further_ports=frozenset()
    ) as found:
        reviewed = found.settings.workspace / "reviewed"
        reviewed.mkdir(parents=True)
        for name, text in CODE.items():
            (reviewed / name).write_text(text)
        yield found


@pytest_asyncio.fixture
async def arena(running: Arena) -> AsyncIterator[Arena]:
    async with for_one_test(running) as lent:
        yield lent


async def decided(arena: Arena, document: dict[str, Any]) -> tuple[list[dict[str, str]], Any]:
    """Run a review to its end, people included; return what the council decided, and the report."""
    handle = await arena.start(document, inputs=INPUTS)
    await opened(arena, handle, "council")
    (waiting,) = (await handle.query("status"))["waiting_for"]
    await handle.signal("vote", {"gate": "council", "decision": "approve", "voter": "team-lead"})
    report = await handle.result()
    assert report["approvals"][0]["decisions"] == waiting["decisions"]
    return waiting["decisions"], report


def shipped() -> dict[str, Any]:
    return example("architecture-review", council={"approvers": []})


def rules(decisions: list[dict[str, str]]) -> dict[str, tuple[str, str]]:
    return {
        each["suggestion"].rpartition("-")[0]: (each["ruling"], each["rule"]) for each in decisions
    }


async def test_a_review_is_watched_suggested_judged_and_decided_alike(arena: Arena):
    (decisions, report), (again, _) = await asyncio.gather(
        decided(arena, shipped()), decided(arena, shipped())
    )

    assert again == decisions
    assert rules(decisions) == {
        "remove-unused-import": ("auto-approve", "all-in-favour"),
        "narrow-except": ("auto-approve", "all-in-favour"),
        "close-hole": ("human", "high-risk"),
    }
    trials = {each["trial"] for each in report["stages"]["suggest"]["output"]["suggestions"]}
    assert trials == {"held", "none"}
    reviewed = arena.settings.workspace / "reviewed"
    assert {name: (reviewed / name).read_text() for name in CODE} == CODE


@pytest.mark.stress
@pytest.mark.timeout(1_200)
async def test_twenty_whole_runs_decide_the_same(arena: Arena):
    seen = [await decided(arena, shipped()) for _ in range(RUNS_OF_STRESS)]

    assert len(seen) == RUNS_OF_STRESS
    assert len({json.dumps(decisions, sort_keys=True) for decisions, _ in seen}) == 1


async def test_language_models_review_behind_the_same_contract(arena: Arena):
    """One is against what others are for; that all are for what is of high risk changes nothing."""
    with chat_server() as server:
        server.script = [thinking(review) for _ in REVIEWERS]
        decisions, report = await decided(arena, with_models(server))
        heard = {ROLE.search(json.dumps(each["body"]))[1]: each for each in server.heard}  # type: ignore[index]  # each has its role

    assert set(heard) == set(REVIEWERS)
    assert rules(decisions) == {
        "remove-unused-import": ("auto-approve", "all-in-favour"),
        "narrow-except": ("human", "reviewers-contradict"),
        "close-hole": ("human", "high-risk"),
    }
    for each in REVIEWERS:
        assert report["stages"][each]["output"]["answer"]["opinions"]
        assert report["stages"][each]["output"]["tokens_in"] == 11


def with_models(server: ChatServer) -> dict[str, Any]:
    """The shipped pipeline, each of whose reviewers is a language model."""
    document = shipped()
    for each in document["stages"]:
        if each["name"] in REVIEWERS:
            each["template"] = "llm"
            each["config"] = {
                "inputs": {
                    "endpoint": server.endpoint,
                    "model": "tiny",
                    "system": f"You are the reviewer for {each['name']}.",
                    "prompt": "Say of each suggestion what you make of it.",
                    "attach": "suggest/suggestions.json",
                    "schema": json.dumps(OPINIONS),
                },
                "sandbox": {"tcp": [server.port]},
            }
    return document


def review(asked: dict[str, Any]) -> str:
    """Answer as a model that has read what it was sent."""
    said = "\n".join(each["content"] for each in asked["messages"])
    (role,) = ROLE.findall(said)
    opinions = [
        {
            "suggestion": name,
            "decision": "reject"
            if (role, name[:13]) == ("security", "narrow-except")
            else "approve",
            "confidence": 0.95,
            "rationale": f"{role} has read it",
        }
        for name in dict.fromkeys(NAME.findall(said))
    ]
    return json.dumps({"opinions": opinions})
