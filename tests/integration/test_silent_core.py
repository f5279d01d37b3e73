"""What the SDK's core warns of, such as each try at a server that is gone, no command prints."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.runtime.client import connect
from integrations.settings import read_settings
from tests.fixtures.servers.temporal import dev_server

TRIED_FOR = timedelta(seconds=4)  # the core warns from the fifth try on, of which it makes several


async def test_a_command_whose_server_goes_away_says_nothing_of_the_core(
    capfd: pytest.CaptureFixture[str],
):
    server = await dev_server()
    address = server.client.service_client.config.target_host
    of_command = await connect(read_settings({"TEMPORAL_ADDRESS": address}))
    of_anybody = await Client.connect(address)
    await server.shutdown()

    assert await said_by(of_command, capfd) == ""
    assert "WARN" in await said_by(of_anybody, capfd)


async def said_by(client: Client, capfd: pytest.CaptureFixture[str]) -> str:
    capfd.readouterr()
    with pytest.raises(RPCError):
        await client.get_workflow_handle("some-run").describe(rpc_timeout=TRIED_FOR)
    return "".join(capfd.readouterr())
