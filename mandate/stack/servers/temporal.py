"""The Temporal dev server, on a file and tuned.

The flags are measured ones: the dev server's default task rates add 40 ms to every dispatch, and
its default SQLite journal syncs on every write; with WAL it is twice as fast and still survives
``kill -9``. Search attributes are given here because they reach a *new* database only; the
worker's preflight registers what an older one lacks.
"""

from __future__ import annotations

from pathlib import Path

from mandate.stack.process import Child, Command
from mandate.stack.servers import binaries, http
from mandate.stack.servers.ports import HOST

NAMESPACE = "default"
SEARCH_ATTRIBUTES = {
    "MandateGates": "KeywordList",
    "MandateAgent": "Keyword",
    "MandateTier": "Keyword",
    "MandateStatus": "Keyword",
}
_DYNAMIC_CONFIG = (
    "history.transferProcessorMaxPollRPS=1000",
    "history.timerProcessorMaxPollRPS=1000",
    "history.visibilityProcessorMaxPollRPS=1000",
    "frontend.WorkflowTimeSkippingEnabled=true",
    "frontend.WorkflowPauseEnabled=true",
)
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")


def command(
    data_dir: Path, port: int, ui_port: int, further: tuple[int, int], env: dict[str, str]
) -> Command:
    """Return how to start the server on ``port`` with its Web UI on ``ui_port``.

    ``further`` are for its HTTP API and its metrics. It would take random ones by itself; ours
    are known, so that no agent is let through to them.
    """
    argv = [
        *(str(binaries.temporal()), "server", "start-dev", "--ip", HOST),
        *("--port", str(port), "--ui-port", str(ui_port), "--ui-disable-news-fetch"),
        *("--http-port", str(further[0]), "--metrics-port", str(further[1])),
        *("--db-filename", str(data_dir / "temporal.db"), "--log-level", "warn"),
    ]
    for flag, values in (
        ("--sqlite-pragma", _PRAGMAS),
        ("--dynamic-config-value", _DYNAMIC_CONFIG),
        ("--search-attribute", [f"{name}={kind}" for name, kind in SEARCH_ATTRIBUTES.items()]),
    ):
        argv += [word for value in values for word in (flag, value)]

    async def ready(_child: Child) -> bool:
        # The UI asks the frontend: both are up, and the namespace is there.
        url = f"http://{HOST}:{ui_port}/api/v1/namespaces/{NAMESPACE}"
        return await http.status(url) == 200  # noqa: PLR2004 - HTTP's OK

    return Command("temporal", tuple(argv), env, data_dir / "logs" / "temporal.log", ready)
