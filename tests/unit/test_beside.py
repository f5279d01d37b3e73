"""What goes on beside something else ends with it, and is missed when it ends before."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

from integrations.beside import beside


async def test_it_goes_on_meanwhile_and_has_ended_afterwards():
    said = []

    async def work():
        said.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            said.append("ended")

    async with beside(work(), work()):
        await asyncio.sleep(0)
        assert said == ["begun", "begun"]

    assert said == ["begun", "begun", "ended", "ended"]


async def test_a_cancellation_that_is_swallowed_is_asked_for_again():
    swallowed = asyncio.Event()

    async def work():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        swallowed.set()
        await asyncio.Event().wait()

    async with beside(work()):
        await asyncio.sleep(0)

    assert swallowed.is_set()


async def test_work_that_ends_by_an_error_is_said_and_ends_nothing_else(
    caplog: pytest.LogCaptureFixture,
):
    async def work():
        raise ValueError("nobody expected this")

    with caplog.at_level(logging.ERROR):
        async with beside(work()):
            await asyncio.sleep(0.01)

    assert "nobody expected this" in caplog.text
