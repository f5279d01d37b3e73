"""A client's connection to Temporal: how values cross the wire, and nothing of a worker's.

A command loads no workflow, no adapter and nothing of the SDK's workers for it: that takes as long
as all the rest of the command, and somebody at a terminal waits for it. The SDK's own
``SimplePlugin`` is a worker's as well, so a client has one of its own. What the SDK's core warns of
is for logs of workers: whoever types is told in a sentence what has failed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import temporalio.client
from temporalio.client import Client, Plugin
from temporalio.envconfig import ClientConfig
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import ConnectConfig, ServiceClient

from activities.runtime.asking import AskingAgain
from activities.runtime.converter import with_ours
from integrations.settings import Settings


class ClientPlugin(Plugin):
    """Values cross as ours do, and what a worker cannot answer yet is asked again."""

    def name(self) -> str:
        """Return how the SDK calls it."""
        return "mandate.Client"

    def configure_client(
        self, config: temporalio.client.ClientConfig
    ) -> temporalio.client.ClientConfig:
        """Convert values as we do, and ask again."""
        config["data_converter"] = with_ours(config.get("data_converter"))
        config["interceptors"] = [*(config.get("interceptors") or ()), AskingAgain()]
        return config

    async def connect_service_client(
        self,
        config: ConnectConfig,
        next: Callable[[ConnectConfig], Awaitable[ServiceClient]],  # noqa: A002 - as the SDK has it
    ) -> ServiceClient:
        """Connect as the SDK does."""
        return await next(config)


@cache
def silent() -> Runtime:
    """Return a runtime of the SDK's core that warns of nothing."""
    levels = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(levels)))


async def connect(
    settings: Settings,
    ours: Plugin | None = None,
    runtime: Runtime | None = None,
    *,
    when_used: bool = False,
) -> Client:
    """Connect to Temporal as the environment says.

    Args:
        settings: which server; all else is read as the Temporal CLI reads it.
        ours: the plugin of a client that workers are made of.
        runtime: of the SDK's core; default: for workers the one that all share, else ``silent``.
        when_used: connect with the first call, and not now.

    Raises:
        RuntimeError: nothing answers there.
    """
    config: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
    config["target_host"] = settings.temporal
    plugins = [ours or ClientPlugin()]
    runtime = runtime or (silent() if ours is None else None)
    return await Client.connect(**config, plugins=plugins, runtime=runtime, lazy=when_used)
