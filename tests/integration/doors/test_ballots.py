"""A vote from elsewhere counts for what was shown there, and one delivery is one vote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dsl.rules.proofs.proof import decode
from integrations.doors.ballots import Ballots, Given, undone
from integrations.doors.key import DoorKey
from integrations.errors import IntegrationError, NotFoundError, UnavailableError

ROW: dict[str, Any] = {
    "gate": "sign-off",
    "opening": 1,
    "escalated": False,
    "plan": "p",
    "inputs": "i",
    "subject_digest": "shown",
    "identity": ["slack", "github"],
    "reason_required": False,
    "since": "2026-11-30T10:00:00+00:00",
}
CLICK = Given("slack", "U1", "a-run", "sign-off", "approve", delivery="1.1")


class OneRun:
    """A run that answers, and remembers what it was told."""

    def __init__(self, **row: Any) -> None:
        self.row = {**ROW, **row}
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.away: IntegrationError | None = None  # where it is asked what it has answered

    async def describe(self, _run: str) -> Any:
        return SimpleNamespace(run_id="r-1")

    async def query(self, _run: str, _name: str, *_: Any) -> Any:
        return [self.row]

    async def update(self, _run: str, _name: str, argument: Any, *, update_id: str) -> Any:
        self.told.append((update_id, argument))
        return {"counted": True, "detail": "approved"}

    async def answered(self, _run: str, *, update_id: str) -> Any:
        if self.away is not None:
            raise self.away
        if update_id not in [known for known, _ in self.told]:
            raise NotFoundError("there is no such update")
        return {"counted": True, "detail": "approved"}


def ballots(run: OneRun, folder: Path) -> Ballots:
    (folder / "key").write_text("k" * 40)
    entity = "0e1d2c3b-0000-4000-8000-0123456789ab"
    return Ballots(run, lambda: {"U1": entity}, DoorKey(folder / "key"))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"run_id": "r-0"}, "another run"),
        ({"opening": 2}, "opened anew"),
        ({"subject": "of before"}, "something else"),
        ({"subject": ""}, "something else"),
        ({"at": "2026-11-30T09:59:59Z"}, "opened anew"),
        ({"at": ""}, "opened anew"),
        ({"at": "2026-11-30T12:00:00"}, "opened anew"),  # in which zone?
        ({"delivery": ""}, "has an id"),
    ],
)
async def test_what_is_not_what_was_shown_is_not_sent(tmp_path: Path, given, why):
    run = OneRun()
    told = await ballots(run, tmp_path).cast(replace(CLICK, **given))

    assert why in told.text
    assert (told.counted, run.told) == (False, [])


async def test_what_was_shown_is_sent(tmp_path: Path):
    run = OneRun()
    shown = replace(CLICK, run_id="r-1", opening=1, subject="shown", at="2026-11-30T10:00:00Z")

    assert (await ballots(run, tmp_path).cast(shown)).counted
    assert len(run.told) == 1


@pytest.mark.parametrize("asks", [{"call": {"tool": "pay"}}, {"clarification": {"number": 1}}])
@pytest.mark.parametrize("identity", [["claimed"], ["slack"]])
async def test_nobody_approves_what_no_message_shows(tmp_path: Path, asks, identity):
    run = OneRun(**asks, identity=identity)
    told = await ballots(run, tmp_path).cast(CLICK)

    assert "does not show what this gate asks for" in told.text
    assert "mandate approve a-run sign-off" in told.text
    assert run.told == []


async def test_one_delivery_is_one_vote_at_whatever_gate_of_whatever_run(tmp_path: Path):
    run = OneRun()
    cast = ballots(run, tmp_path).cast
    others: tuple[dict[str, Any], ...] = (
        {},
        {"run": "b-run"},
        {"gate": "other"},
        {"decision": "reject"},
    )
    for other in others:
        assert (await cast(replace(CLICK, **other))).counted
    nonces = {decode(vote["proof"]).statement["nonce"] for _, vote in run.told}

    assert len({name for name, _ in run.told}) == len(nonces) == 1
    await cast(replace(CLICK, delivery="1.2"))
    assert len({name for name, _ in run.told}) == 2


async def test_what_comes_again_when_its_gate_is_another_is_told_what_became_of_it(tmp_path: Path):
    run = OneRun()
    shown = replace(CLICK, run_id="r-1", opening=1, subject="shown")
    first = await ballots(run, tmp_path).cast(shown)
    run.row["opening"] = 2  # somebody has asked anew

    assert await ballots(run, tmp_path).cast(shown) == first
    new = await ballots(run, tmp_path).cast(replace(shown, delivery="1.2"))
    assert (new.counted, "opened anew" in new.text) == (False, True)
    assert len(run.told) == 1


async def test_where_nobody_can_say_what_became_of_it_no_word_on_it_is_the_last(tmp_path: Path):
    run = OneRun(opening=2)
    run.away = UnavailableError("temporal: there is no answer yet")
    told = await ballots(run, tmp_path).cast(replace(CLICK, opening=1))

    assert told.is_undone
    assert "try again: temporal: there is no answer yet" in told.text


@pytest.mark.parametrize(("why", "end"), [("is a worker running?", "g?"), ("it is full", "l.")])
def test_a_sentence_ends_once(why: str, end: str):
    assert undone(UnavailableError(why)).text.endswith(end)
