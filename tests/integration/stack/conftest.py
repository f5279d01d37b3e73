"""One stack for the tests that only look at it or restart its children."""

from __future__ import annotations

import pytest

from mandate.stack.options import private_stack
from mandate.stack.up import Stack
from tests.integration.stack.driver import stand_ins


@pytest.fixture(scope="session")
async def stack(tmp_path_factory):
    options = private_stack(tmp_path_factory.mktemp("stack") / "data", workers=stand_ins())
    async with Stack(options) as running:
        yield running
