"""A call that asks people is answered by ``mandate approve``, an update, a signal and the console.

Whichever it is, what is signed is this one call, and what the agent hears is the same.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from integrations.settings import read_settings
from integrations.vault.client import Vault
from integrations.vault.people.person import Person, log_in
from mandate.work.operate.demo_tools import pin
from tests.e2e.console.conftest import Served
from tests.fixtures.person import Somebody, demo_person
from tests.fixtures.stack import MandateUp, result_of, until_gate
from tests.fixtures.voting import Signer, honest_vote

NO = "not this customer"
Door = Callable[[str, str], Awaitable[bool]]  # a gate and a decision; tells whether it counted


class Doors:
    """Ann, who answers the calls of one run, each time by another door."""

    def __init__(self, served: Served, handle: Any, ann: Somebody, signs: Signer) -> None:
        self._served = served
        self._handle = handle
        self._ann = ann
        self._signs = signs

    def each(self) -> list[Door]:
        return [self._command, self._update, self._signal, self._console]

    async def _command(self, gate: str, decision: str) -> bool:
        words = (decision, self._handle.id, gate, "--reason", NO, "--yes")
        said = await self._ann.mandate(*words[: None if decision == "approve" else -1])
        assert said.code == 0, said
        return said.out.startswith("counted")

    async def _update(self, gate: str, decision: str) -> bool:
        return "counted:true" in "".join(
            (await self._sent("update", "execute", gate, decision)).split()
        )

    async def _signal(self, gate: str, decision: str) -> bool:
        await self._sent("signal", "", gate, decision)
        return True  # a signal is not answered: what the run says in the end is

    async def _sent(self, verb: str, how: str, gate: str, decision: str) -> str:
        vote = await honest_vote(self._handle, gate, self._signs, decision, because=NO)
        words = [verb, how, "-w", self._handle.id, "--name", "vote", "--input", json.dumps(vote)]
        code, said = await self._served.stack.cli("workflow", *filter(None, words))
        assert code == 0, said
        return said

    async def _console(self, gate: str, decision: str) -> bool:
        ballot = await self._served.ballot("ann", self._handle.id, gate, decision)
        reply = await replace(ballot, form={**ballot.form, "reason": NO}).cast()
        return reply.status == 200


async def signer_of(stack: MandateUp, password: str) -> Signer:
    vault = Vault(stack.env["VAULT_ADDR"])
    login = await log_in(vault, "ann", password)
    return Signer("ann", login.entity, Person(vault, login.token))


async def test_a_call_is_answered_alike_by_every_door(served: Served, tmp_path: Path):
    stack = served.stack
    await pin(read_settings(stack.env))
    ann = demo_person(stack, tmp_path, "ann")
    await ann.log_in()
    orders = [
        {"payment": f"p-door-{number}", "amount": amount, "why": "order 17"}
        for number, amount in enumerate([82, 820] * 4)
    ]
    approve = {"approvers": ["ann"], "identity": ["verified"], "timeout": "10m"}
    rule = {"server": "pay", "tool": "refund", "policy": "approve", "approve": approve}
    config = {"tier": 1, "tools": [rule], "inputs": {"orders": json.dumps(orders)}}
    pay = {"name": "pay", "type": "agent", "template": "refunds", "config": config}
    handle = await stack.start({"name": "doors", "version": "1", "stages": [pay]})
    doors = Doors(served, handle, ann, await signer_of(stack, served.passwords["ann"])).each()
    for number in range(8):
        gate = f"pay/call-{number + 1}"
        await until_gate(handle, gate)
        assert await doors[number // 2](gate, ("approve", "reject")[number % 2])
    report = await result_of(handle)

    told = [(each["status"], each["text"]) for each in report["stages"]["pay"]["output"]["told"]]
    assert told == [("ok", "paid 82"), ("denied", f"rejected by ann ({NO})")] * 4
    votes = [vote for approval in report["approvals"] for vote in approval["votes"]]
    kinds = {(vote["voter"], vote["decision"], vote["identity"]) for vote in votes}
    assert kinds == {("ann", "approve", "verified"), ("ann", "reject", "verified")}
    assert len(votes) == len(orders)
    paid = [
        entry.payload["arguments"]["payment"]
        for entry in stack.recorded(handle.id)
        if entry.action == "tool.intended"
    ]
    assert paid == [each["payment"] for each in orders if each["amount"] == 82]
