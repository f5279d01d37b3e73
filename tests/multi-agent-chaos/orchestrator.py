"""Several agents, one objective, and chaos: ``python tests/multi-agent-chaos/orchestrator.py``.

A door to ``mandate.work.chaos``; what it does stands in docs/chaos.md. ``storm.yaml`` beside it is
the experiment. Exit code 0 only when the objective was reached and no oracle spoke.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mandate._entry import run_main
from mandate.work.chaos import orchestrate

EXPERIMENT = Path(__file__).with_name("storm.yaml")

if __name__ == "__main__":
    run_main(lambda: orchestrate.run(EXPERIMENT, sys.argv[1:]))
