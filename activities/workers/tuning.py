"""How a worker polls and waits, the same for every queue: what the SDK would choose otherwise."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from temporalio.worker import WorkerConfig

# Temporal tries a dead worker's own queue first, for 10 s unless told otherwise.
STICKY_WAIT: Final = timedelta(seconds=1)
HEARTBEAT_THROTTLE: Final = timedelta(milliseconds=500)


def tune(config: WorkerConfig) -> None:
    """Change ``config``."""
    config["sticky_queue_schedule_to_start_timeout"] = STICKY_WAIT
    config["max_heartbeat_throttle_interval"] = HEARTBEAT_THROTTLE
    config["default_heartbeat_throttle_interval"] = HEARTBEAT_THROTTLE
    if config["client"].data_converter.external_storage is None:
        # Else the SDK makes a task for each payload, so as to store several at a time elsewhere.
        config["max_workflow_task_external_storage_concurrency"] = 1
