"""An oracle that cannot fail is a defect: each of them notices a build that was broken for it."""

from __future__ import annotations

import asyncio

import pytest

from dsl.rules.chaos.judge import ORACLES
from tests.fixtures.chaos.stand import Stand, over
from tests.workflow.chaos.mutations import MUTATIONS, Mutation


def test_every_oracle_has_a_mutation_that_it_has_to_catch():
    assert {each.oracle for each in MUTATIONS} == {oracle.name for oracle in ORACLES}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.broken.replace(" ", "-"))
async def test_an_oracle_notices_what_was_broken(stand: Stand, mutation: Mutation):
    stand.engine.runner.forget()
    with pytest.MonkeyPatch.context() as patch:
        mutation.breaks(patch)
        run = await mutation.story(stand)
        async with asyncio.timeout(60):
            await over(run)

    objections = await stand.judged(run, ready=("look",))

    assert mutation.oracle in {each.oracle for each in objections}, list(map(str, objections))
    assert all(each.expected and each.found and each.where for each in objections)
