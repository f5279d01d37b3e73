"""``make bench`` and ``make bench-full``: print a table and write ``bench-result.json``.

One Temporal server, one OpenBao, one Valkey serve all parts, one after the other. Candidates are
loaded in turn, three rounds; the figures are medians. ``engine`` runs a trivial agent in the
worker's process and reads no secrets: what is measured is the engine. ``process`` runs the shipped
``inventory`` program in its sandbox. Figures are ratios against the baseline of the same run;
absolute ones are the machine's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio.client import Client

from bench.parts import FULL, PARTS, QUICK, Bench
from bench.progress import Progress
from bench.table import table
from mandate._entry import run_main
from mandate.stack.options import private_stack
from mandate.stack.up import Stack

ROOT = Path(__file__).parents[1]
RESULT = Path("bench-result.json")


async def main(arguments: Sequence[str]) -> int:
    """Run the parts that were asked for."""
    asked = _read(arguments)
    names = [name for name in PARTS if not asked.only or name in asked.only]
    usual = {n: PARTS[n].full_s if asked.full else PARTS[n].quick_s for n in names}
    figures: dict[str, Any] = {"of": made_on()}
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as folder:
        settings = {"MANDATE_WORKSPACE": folder}
        options = private_stack(Path(folder) / "data", workers=(), settings=settings)
        async with Stack(options) as stack:
            client = await Client.connect(stack.env["TEMPORAL_ADDRESS"])
            progress = Progress(usual)
            bench = Bench(client, stack, FULL if asked.full else QUICK, progress)
            async with progress.told():
                for name in names:
                    progress.begin(name)
                    for key, value in (await PARTS[name].run(bench)).items():
                        both = isinstance(value, dict) and key in figures
                        figures[key] = {**figures[key], **value} if both else value
    print(table(figures))
    RESULT.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")  # noqa: ASYNC240  # the last act
    return 0


def made_on() -> dict[str, str]:
    """Return the commit, with a mark where the tree differs from it, the day and the machine."""
    ask = ("git", "describe", "--always", "--abbrev=7", "--exclude=*", "--dirty")
    try:
        commit = subprocess.check_output(ask, cwd=ROOT, text=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        commit = "unknown"  # an unpacked archive
    return {
        "commit": commit.strip(),
        "day": datetime.now(UTC).date().isoformat(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="10,000 parked runs, 20 revocations")
    parser.add_argument(
        "--only", action="append", choices=list(PARTS), metavar="NAME", help=", ".join(PARTS)
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_main(main(sys.argv[1:]))
