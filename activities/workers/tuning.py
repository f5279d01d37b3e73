"""How a worker polls and waits, the same for every queue: what the SDK would choose otherwise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerConfig, WorkerDeploymentConfig

from activities.contracts.notify.specs import QUEUE_NOTIFY
from activities.contracts.specs import QUEUE, QUEUE_LEDGER, QUEUE_T3, QUEUE_TRUST
from integrations.settings import Settings

# Temporal tries a dead worker's own queue first, for 10 s unless told otherwise.
STICKY_WAIT: Final = timedelta(seconds=1)
ACTIVITIES_MAX: Final = {  # at once, by queue; see ``activities.health.places`` for agents' own
    QUEUE: 1_000,
    QUEUE_T3: 1_000,
    QUEUE_TRUST: 50,
    QUEUE_LEDGER: 256,
    QUEUE_NOTIFY: 1_000,  # one waits at each run that is followed
}
HEARTBEAT_THROTTLE: Final = timedelta(milliseconds=500)


def tune(config: WorkerConfig) -> None:
    """Change ``config``."""
    config["sticky_queue_schedule_to_start_timeout"] = STICKY_WAIT
    config["max_heartbeat_throttle_interval"] = HEARTBEAT_THROTTLE
    config["default_heartbeat_throttle_interval"] = HEARTBEAT_THROTTLE
    if config["client"].data_converter.external_storage is None:
        # Else the SDK makes a task for each payload, so as to store several at a time elsewhere.
        config["max_workflow_task_external_storage_concurrency"] = 1


def versioning(settings: Settings) -> dict[str, Any]:
    """Pin runs to the code they started with, where a build is named."""
    if settings.build_id is None:
        return {}
    return {
        "deployment_config": WorkerDeploymentConfig(
            version=WorkerDeploymentVersion("mandate", settings.build_id),
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.PINNED,
        )
    }
