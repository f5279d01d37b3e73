"""A client's connection to Temporal: how values cross the wire, and nothing of a worker's.

A command loads no workflow and no adapter for it: that takes as long as all the rest of the
command, and somebody at a terminal waits for it.
"""

from __future__ import annotations

from typing import Any

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.plugin import SimplePlugin
from temporalio.runtime import Runtime

from activities.runtime.converter import with_ours
from integrations.settings import Settings


async def connect(
    settings: Settings,
    ours: SimplePlugin | None = None,
    runtime: Runtime | None = None,
    *,
    when_used: bool = False,
) -> Client:
    """Connect to Temporal as the environment says.

    Args:
        settings: which server; all else is read as the Temporal CLI reads it.
        ours: the plugin of a client that workers are made of.
        runtime: of the SDK's core; default: the one that all clients share.
        when_used: connect with the first call, and not now.

    Raises:
        RuntimeError: nothing answers there.
    """
    config: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
    config["target_host"] = settings.temporal
    plugin = ours or SimplePlugin("mandate.Client", data_converter=with_ours)
    return await Client.connect(**config, plugins=[plugin], runtime=runtime, lazy=when_used)
