"""A process that records entries until it is ended; prints each call that was acknowledged.

Arguments: the ledger, the number of the first entry, calls at once, bytes a file may have
(0: no limit). When recording fails it prints why, then tries once more with all limits gone.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from itertools import count
from pathlib import Path

from integrations.errors import UnavailableError
from integrations.ledger.writer import Writer
from tests.integration.ledger.drafts import draft


async def main(path: str, first: str, at_once: str, file_bytes_max: str) -> None:
    writer = Writer(Path(path))
    numbers = count(int(first), 2)
    if int(file_bytes_max):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(file_bytes_max), hard))

    async def record() -> None:
        for n in numbers:
            await writer.append([draft(n), draft(n + 1)])
            print(f"{n}\n{n + 1}", flush=True)

    try:
        await asyncio.gather(*(record() for _ in range(int(at_once))))
    except UnavailableError as error:
        print(error, file=sys.stderr)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    n = next(numbers)
    await writer.append([draft(n)])
    print(n)
    writer.close()


asyncio.run(main(*sys.argv[1:]))
