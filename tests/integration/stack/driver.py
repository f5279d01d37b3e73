"""``mandate up`` with workers that only say they are ready: what a test starts as a process.

Run as ``python -m tests.integration.stack.driver <data dir> <port>``: that port for every server,
0 for free ones. The servers are real.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mandate._entry import run_main
from mandate.stack.options import StackOptions
from mandate.stack.workers import DEFAULT_WORKERS, WorkerProcess
from mandate.work.operate import up

_PROGRAM = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print("worker ready:", os.environ["MANDATE_QUEUES"], flush=True)
time.sleep(3600)
"""


def stand_ins() -> tuple[WorkerProcess, ...]:
    """Return the processes of the stack, each with a program that does nothing."""
    program = (sys.executable, "-I", "-c", _PROGRAM)
    return tuple(WorkerProcess(each.name, each.queues, program) for each in DEFAULT_WORKERS)


def main() -> int:
    """Bring the stack of the command line up."""
    port = int(sys.argv[2])
    options = StackOptions(
        data_dir=Path(sys.argv[1]),
        temporal_port=port,
        ui_port=port,
        vault_port=port,
        dragonfly_port=port,
        workers=stand_ins(),
    )
    return up.run(options)


if __name__ == "__main__":
    run_main(main)
