"""Tool servers as a site declares them, their pins, and what the linter makes of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dsl.compiler import compile_text
from dsl.core import Tier
from dsl.errors import DslError
from dsl.limits import TOOL_TIMEOUT_MS
from dsl.tools.folders import ToolFolders
from dsl.tools.reach import filled
from dsl.tools.servers import ToolServers
from dsl.values.canonical import digest_of

RIGHT = """
name: pay
description: pays
tier: T1
command: [pay-server, --port, "0"]
environment: {MODE: live}
timeout: 20s
sandbox: {read: [/opt/pay], write: [/srv/pay], tcp: [443], memory_mb: 256}
tools:
  refund: {tier: T2, timeout: 5m}
"""
SCHEMA = {"type": "object", "properties": {"amount": {}, "to": {}}}


def said(name: str, schema: Any = SCHEMA) -> dict[str, Any]:
    return {"name": name, "description": "pays", "inputSchema": schema}


REFUND, LIST = said("refund"), said("list", {"type": "object"})


def put(folder: Path, text: str = RIGHT, pins: Any = None, name: str = "pay") -> ToolFolders:
    (folder / f"{name}.yaml").write_text(text)
    if pins is not None:
        raw = pins if isinstance(pins, str) else json.dumps({"server": name, "tools": pins})
        (folder / f"{name}.pins.json").write_text(raw)
    return ToolFolders([folder])


def seen(folders: ToolFolders) -> ToolServers:
    servers = folders.look()
    assert servers is not None
    return servers


def codes(
    servers: ToolServers | None, *rules: str, tier: str = "T1", more: str = ""
) -> list[tuple[str, str]]:
    table = "".join(f"\n        - {{{rule}}}" for rule in rules)
    text = (
        'name: p\nversion: "1"\nstages:\n  - name: a\n    type: agent\n    template: default\n'
        f"    config:\n      tier: {tier}\n      {more}\n      tools:{table}\n"
    )
    try:
        found = compile_text(text, "p.yaml", None, servers).warnings
    except DslError as error:
        found = tuple(error.problems)
    return [(each.code, f"{each.message}; {each.hint}") for each in found]


ALLOW = "server: pay, tool: refund, policy: allow"


def test_a_server_says_how_it_is_started_and_what_its_tools_ask_for(tmp_path):
    found = seen(put(tmp_path, pins=[REFUND]))["pay"]

    assert found.server.command == ("pay-server", "--port", "0")
    assert found.server.sandbox.write == ("/srv/pay",)
    assert (found.server.tier_of("list"), found.server.tier_of("refund")) == (Tier.T1, Tier.T2)
    assert (found.server.timeout_of("list"), found.server.timeout_of("refund")) == (20_000, 300_000)
    assert found.digests == {"refund": digest_of(REFUND)}


def test_what_is_left_open_has_a_default(tmp_path):
    server = seen(put(tmp_path, "name: pay\ntier: 0\ncommand: [pay]\n"))["pay"].server

    assert server.timeout_of("any") == TOOL_TIMEOUT_MS


@pytest.mark.parametrize(
    ("was", "now", "why"),
    [
        ("tier: T1", "", "missing field 'tier'"),
        ("tier: T2,", "tier: T0,", "a tool never asks for less"),
        ("name: pay", "name: pays", "name: expected 'pay', as the file is called"),
        ('command: [pay-server, --port, "0"]', "command: []", "a command, or a url, and not both"),
        ("tier: T1", "tier: T1\nurl: https://pay.example", "a command, or a url, and not both"),
        ("tier: T1", "tier: T1\nca: /etc/ca.pem", "ca: it says nothing of a server with a command"),
        ("tier: T1", "tier: T1\nsecrets: {TOKEN: s3cr3t}", "TOKEN: expected mount/path#field"),
        ("tier: T1", "tier: T1\nsecrets: {MODE: kv/a#b}", "MODE is a variable of environment"),
        ("tier: T1", "tier: T1\nkeep: ever", "keep"),
        ("[pay-server", "[./pay-server", "the name of a program or an absolute path"),
        ("write: [/srv/pay]", "write: [srv]", "expected an absolute path, got 'srv'"),
        ("read: [/opt/pay]", "read: [/proc/1]", "cannot be opened"),
        ("timeout: 20s", "timeout: 20", "a duration needs a unit"),
        ("timeout: 20s", "timeout: 11m", "outside the limits"),
        ("{MODE: live}", "{MODE: 1}", "MODE: expected text, got 1"),
        ("{MODE: live}", "{a-b: live}", "a-b"),
        ("tier: T2,", "retries: 1,", "only a call of an idempotent tool is made again"),
        ("tier: T2,", "idempotent: true, retries: 3,", "retries"),
        ("tier: T2,", "redact: {answer: [a..b]},", "answer"),
        ("tier: T2,", "redact: {arguments: [a..b]},", "arguments"),
        (
            "tier: T2,",
            'effect: "x:${{ args.id }}", redact: {arguments: [id.of]},',
            "its name stands on the ledger, and id is hidden by redact",
        ),
        (
            "tier: T2,",
            'effect: "x:${{ args.card }}", redact: {arguments: [\uff23ard]},',
            "its name stands on the ledger, and card is hidden by redact",
        ),
        ("refund:", '"r\u0435fund":', "of ASCII"),
        ("description: pays", "idempotent: true", "unknown field 'idempotent'"),
    ],
)
def test_a_server_that_is_declared_wrongly_is_refused_with_the_place(tmp_path, was, now, why):
    assert was in RIGHT
    servers = seen(put(tmp_path, RIGHT.replace(was, now)))

    assert "pay" not in servers
    assert why in servers.refused["pay"]


REMOTE = """
name: pay
tier: T1
url: https://pay.example/mcp
headers: {Authorization: "Bearer ${{ secrets.TOKEN }}"}
secrets: {TOKEN: kv-shared/pay#token}
"""


def test_a_server_may_be_at_an_address(tmp_path):
    server = seen(put(tmp_path, REMOTE))["pay"].server

    assert (server.place, server.command) == ("https://pay.example/mcp", ())
    assert filled(server.headers, {"TOKEN": "t"}) == {"Authorization": "Bearer t"}


@pytest.mark.parametrize(
    ("was", "now", "why"),
    [
        ("https:", "http:", "plain http goes to this machine alone, and not to 'pay.example'"),
        ("https:", "ftp:", "expected https://host/path"),
        ("pay.example", "ann:pw@pay.example", "hand secrets over in headers"),
        ("pay.example", "[::1", "it is no address"),
        ("pay.example", "pay.ex ample", "what no address can"),
        ("pay.example", "p\u0430y.example", "what no address can"),
        ("TOKEN }}", "KEY }}", "secret KEY, which is not declared"),
        ("${{ secrets.TOKEN }}", "x", "secret TOKEN, which no header holds"),
        ("secrets.TOKEN }}", "args.token }}", "made of text and ${{ secrets.NAME }}"),
        ("${{ secrets.TOKEN }}", "${{ secrets", "headers: Authorization"),
        ("Bearer ", "Be\\narer ", "what no header can"),
        ("Authorization", "Host", "Host is set by the protocol"),
        ("Authorization", "mcp-session-id", "is set by the protocol"),
        ("tier: T1", "tier: T1\nsandbox: {tcp: [1]}", "it says nothing of a server with a url"),
    ],
)
def test_an_address_that_leads_nowhere_or_tells_a_secret_is_refused(tmp_path, was, now, why):
    assert was in REMOTE
    assert why in seen(put(tmp_path, REMOTE.replace(was, now))).refused["pay"]


def test_what_a_server_is_handed_no_stage_reads(tmp_path):
    servers = seen(put(tmp_path, REMOTE, pins=[REFUND]))
    assert servers.handed("kv-shared/pay#token") == "pay"
    assert servers.handed("kv-shared/pay#other") is None

    table = "server: pay, tool: refund, policy: allow"
    [(code, said)] = codes(servers, table, more="secrets: {KEY: kv-shared/pay#token}")
    assert code == "DSL665"
    assert "is handed to tool server 'pay', and to no agent" in said


@pytest.mark.parametrize(
    ("said", "attempts"),
    [
        ("", 1),
        ("idempotent: true", 3),
        *((f"idempotent: true, retries: {n}", n + 1) for n in (0, 2)),
    ],
)
def test_how_often_a_call_is_made_of_which_nobody_knows(tmp_path, said, attempts):
    server = seen(put(tmp_path, RIGHT.replace("tier: T2, ", f"{said}, " if said else "")))["pay"]

    assert server.server.known_of("refund").attempts_max == attempts


def test_two_servers_of_one_name_are_both_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        put(tmp_path / name)
    servers = seen(ToolFolders([tmp_path / "a", tmp_path / "b"]))

    assert "two tool servers have that name" in servers.refused["pay"]


@pytest.mark.parametrize(
    "pins",
    [
        "{",
        '{"tools": {"a": 1}}',
        '{"tools": [{"name": 1}]}',
        '{"tools": [{"name": "a"}, {"name": "a"}]}',
        '{"tools": [{"name": "a", "name": "b"}]}',
        "[]",
    ],
)
def test_pins_that_cannot_be_read_pin_nothing(tmp_path, pins):
    found = seen(put(tmp_path, pins=pins))["pay"]

    assert found.pins == {}
    assert "cannot be read" in found.why_unpinned


def test_pins_are_read_anew_each_time(tmp_path):
    folders = put(tmp_path)
    assert seen(folders)["pay"].why_unpinned == "nobody has pinned its tools"

    put(tmp_path, pins=[REFUND])
    assert list(seen(folders)["pay"].pins) == ["refund"]


def test_a_rule_names_a_server_that_is_declared_and_a_tool_that_is_pinned(tmp_path):
    servers = seen(put(tmp_path, pins=[REFUND, LIST]))

    assert codes(servers, "server: pay, tool: list, policy: allow") == []
    [(code, said)] = codes(servers, "server: pey, tool: list, policy: allow")
    assert (code, said) == ("DSL338", "unknown tool server 'pey'; did you mean 'pay'?")
    [(code, said)] = codes(servers, "server: pay, tool: void, policy: allow")
    assert code == "DSL338"
    assert "it has no pinned tool 'void'" in said
    assert "mandate tools check pay --pin" in said


def test_a_condition_that_reads_what_the_tool_never_takes_is_warned_about(tmp_path):
    servers = seen(put(tmp_path, RIGHT.replace("tier: T2, ", ""), pins=[REFUND, LIST]))

    [(code, said)] = codes(servers, f"{ALLOW}, when: args.amonut < 5")
    assert code == "DSL340"
    assert said == "pay/refund speaks of no argument 'amonut'; did you mean 'amount'?"
    [(code, _)] = codes(servers, "server: pay, tool: refund, policy: deny, when: has(args.Amount)")
    assert code == "DSL340"
    assert codes(servers, f"{ALLOW}, when: args.amount < 5 && has(args.to)") == []
    assert codes(servers, "server: pay, tool: list, policy: allow, when: args.any < 5") == []


def test_what_is_denied_need_not_be_there(tmp_path):
    servers = seen(put(tmp_path, pins=[]))

    assert codes(servers, "server: pey, tool: refund, policy: deny") == []


def test_a_tool_that_asks_for_more_trust_than_the_stage_has_is_refused(tmp_path):
    servers = seen(put(tmp_path, pins=[REFUND]))

    [(code, said)] = codes(servers, ALLOW)
    assert code == "DSL339"
    assert said.startswith("pay/refund asks for T2, and the stage for T1; write tier: T2")
    assert codes(servers, ALLOW, tier="T2") == []


def test_a_server_that_is_refused_is_told_why(tmp_path):
    servers = seen(put(tmp_path, RIGHT.replace("tier: T1", "tier: T9")))

    [(code, said)] = codes(servers, ALLOW)
    assert code == "DSL338"
    assert "cannot be used" in said
    assert "tier" in said


def test_where_nobody_has_declared_servers_nothing_is_said_of_them():
    assert ToolFolders().look() is None
    assert codes(None, ALLOW) == []
