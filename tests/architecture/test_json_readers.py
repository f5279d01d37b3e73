"""JSON is read by ``strict_json``; who reads it otherwise is listed here, with the reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("workflows", "activities", "dsl", "integrations", "mandate")
READERS = {
    *("loads", "load", "model_validate_json", "validate_json", "from_json", "decode_json"),
    *("from_payload", "from_payloads", "raw_decode", "json"),
}
ALLOWED = {
    "dsl/document/loader.py:from_json": "writes JSON that was read already out as a document",
    "dsl/document/text.py:loads": "asks whether it is JSON, and takes nothing from it",
    "dsl/document/salvage.py:model_validate_json": "of a document that the loader has read",
    "dsl/document/settings_file.py:model_validate_json": "of a document that the loader has read",
    "dsl/document/parse.py:model_validate_json": "of a document that the loader has read",
    "activities/contracts/answers.py:from_payload": "after the strict reader, for the types",
    "activities/runtime/converter.py:from_payloads": "the SDK's door; handlers take raw payloads",
    "activities/proofs/registered_plans.py:model_validate_json": "its digest is what was read",
    "integrations/agents/keeper/keeper.py:loads": "from our own worker; standard library only",
    "integrations/agents/keeper/channel.py:loads": "from our own worker; standard library only",
    "integrations/agents/keeper/process.py:loads": "from our own keeper",
    "integrations/agents/processes/roster.py:loads": "from our own file",
    "integrations/agents/contract/protocol.py:loads": "names what was refused",
    "integrations/agents/templates/inventory.py:loads": "an agent reads what the engine tells it",
    "integrations/agents/templates/contract.py:loads": "an agent; imports nothing of ours",
    "integrations/agents/templates/approved.py:loads": "an agent; imports nothing of ours",
    "integrations/agents/templates/terraform_tool.py:loads": "an agent; imports nothing of ours",
    "integrations/agents/templates/chat.py:loads": "an agent; imports nothing of ours",
    "integrations/agents/templates/llm.py:loads": "an agent; imports nothing of ours",
    "integrations/agents/templates/model_tools/offered.py:loads": "likewise",
    "integrations/agents/templates/review/suggester.py:validate_json": "an agent reads outputs",
    "integrations/agents/templates/review/suggestion_reviewer.py:validate_json": "likewise",
    "integrations/agents/templates/council_member.py:loads": "an agent; imports nothing of ours",
    "integrations/agents/templates/reviewers.py:loads": "an agent; imports nothing of ours",
    "integrations/agents/templates/sarif.py:loads": "an agent; imports nothing of ours",
    "integrations/review/children/import_graph.py:loads": "from the watcher that started it",
    "integrations/review/observers/dependencies.py:loads": "of TOML",
    "integrations/review/observers/imports.py:loads": "of TOML",
    "integrations/agents/relay/relay.py:loads": "in a sandbox; what it passes on is judged",
    "integrations/agents/relay/tool_server.py:loads": "in a sandbox; imports nothing of ours",
    "integrations/tools/shop/payments.py:loads": "a demo's server; standard library only",
    "integrations/tools/shop/refunds.py:loads": "an agent; imports nothing of ours",
    "integrations/chaos/agents/chaos_agent.py:loads": "an agent; imports nothing of ours",
    "integrations/chaos/agents/register.py:loads": "a tool server; standard library only",
    "mandate/work/chaos/ground/struck_run.py:loads": "of a history, for the time of a phase",
    "integrations/vault/transport.py:loads": "from the Vault we are told to trust, as hvac reads",
    "integrations/redaction.py:loads": "one string literal, which cannot nest",
    "mandate/work/look/replay.py:from_json": "the SDK's door for histories",
    "mandate/work/look/replay.py:loads": "asks whose history it is; the SDK reads the rest",
    "mandate/work/look/deep_replay.py:loads": "compares what two runs of ours have encoded",
    "mandate/stack/servers/http.py:loads": "from servers that we have started ourselves",
    "mandate/stack/people.py:loads": "from our own file",
    "mandate/stack/external.py:loads": "from our own file",
}


@cache
def calls() -> frozenset[str]:
    """Every call in our sources by which JSON may be read, as ``file:name``."""
    return frozenset(_calls())


def _calls() -> Iterator[str]:
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    name = node.func.attr
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    name = node.func.id
                else:
                    continue
                if name in READERS and not _is_other(node):
                    yield f"{file.relative_to(ROOT)}:{name}"


def _is_other(node: ast.Call) -> bool:
    """Tell ``load`` of documents, catalogues and the like from that of ``json``."""
    called = ast.unparse(node.func)
    return called.rsplit(".", 1)[-1] == "load" and called != "json.load"


def test_nobody_reads_json_past_the_strict_reader_but_for_a_reason():
    assert sorted(calls() - set(ALLOWED)) == []


def test_no_reason_is_left_of_a_reader_that_is_gone():
    present = {entry for entry in ALLOWED if (ROOT / entry.partition(":")[0]).exists()}

    assert sorted(present - calls()) == []
