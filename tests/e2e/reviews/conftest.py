"""The embedded stack's people, logged in at a terminal of their own."""

from __future__ import annotations

from pathlib import Path

import pytest_asyncio

from tests.fixtures.person import Somebody, demo_person
from tests.fixtures.stack import MandateUp


@pytest_asyncio.fixture
async def ann(mandate_up: MandateUp, tmp_path: Path) -> Somebody:
    person = demo_person(mandate_up, tmp_path, "ann")
    await person.log_in()
    return person
