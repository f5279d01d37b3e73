"""``mandate review council`` and ``outcomes`` as somebody types them, and what people are shown."""

from __future__ import annotations

import json
import re
import uuid

import pytest

from tests.e2e.reviews.test_whole_runs import CODE
from tests.fixtures.person import Somebody
from tests.fixtures.stack import MandateUp

pytestmark = pytest.mark.timeout(240)


async def test_a_council_is_asked_its_gate_read_and_an_outcome_told(
    mandate_up: MandateUp, ann: Somebody
):
    folder = mandate_up.workspace / f"reviewed-{uuid.uuid4().hex[:6]}"
    folder.mkdir()
    for name, text in CODE.items():
        (folder / name).write_text(text)

    asked = await ann.mandate("review", "council", folder.name)
    assert asked.code == 0, asked.err
    rows = {
        cells[0].rpartition("-")[0]: cells
        for cells in (re.split(r"\s{2,}", line) for line in asked.out.splitlines())
        if len(cells) == 4
    }
    run = re.search(r"people decide   mandate gates (\S+)", asked.out)
    assert run is not None, asked.out
    assert rows["remove-unused-import"][1:3] == ["auto-approve", "all-in-favour"]
    assert rows["narrow-except"][1:3] == ["human", "reviewer-unsure"]
    assert rows["close-hole"][1:3] == ["human", "high-risk"]

    gates = (await ann.mandate("gates", run[1])).out
    told = json.loads((await ann.mandate("gates", run[1], "--json")).out)
    assert "  council  suggestions: 1 auto-approve, 2 human" in gates
    hole = rows["close-hole"][0]
    assert f"{hole} is left to people by high-risk: it is of high risk" in gates
    assert {each["suggestion"] for each in told["decisions"]} == {
        cells[0] for cells in rows.values() if cells[0] != "SUGGESTION"
    }
    assert (await ann.mandate("cancel", run[1])).code == 0

    said = await ann.mandate("review", "outcomes", hole, "rejected", "--reason", "it is meant")
    listed = await ann.mandate("review", "outcomes")
    assert (said.code, "rejected: by ann (proven)" in said.out) == (0, True), said
    assert [hole, "rejected", "ann (proven)", "it is meant"] in [
        re.split(r"\s{2,}", line)[1:] for line in listed.out.splitlines()
    ]
    assert re.search(r"close-hole\s+0\.33", listed.out)


WRONG = (
    (("council", ".."), "is not within"),
    (("council", "nowhere"), "is no folder"),
    (("council", ".", "--checks", "'"), "is no command"),
    (("outcomes", "nonsense", "accepted", "--reason", "x"), "is no name of a suggestion"),
    (("outcomes", "split-file-0123456789ab", "great", "--reason", "x"), "an outcome is"),
    (("outcomes", "split-file-0123456789ab", "accepted"), "say why"),
    (("outcomes", "split-file-0123456789ab"), "an outcome is"),
)


async def test_what_was_typed_wrongly_is_one_sentence(mandate_up: MandateUp, ann: Somebody):
    for words, says in WRONG:
        said = await ann.mandate("review", *words)

        assert (said.code, len(said.err.splitlines())) == (2, 1), said
        assert says in said.err
