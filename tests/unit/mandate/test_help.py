"""``mandate --help`` and what a shell completes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import typer.main

from mandate.cli import app
from mandate.cli_options import GATES, LOOK, OPERATE, RUNS, TRUST
from tests.unit.mandate.programs import environment

PANELS = {RUNS, GATES, TRUST, LOOK, OPERATE}


def test_every_command_stands_in_one_of_the_panels():
    group = typer.main.get_group(app)
    places = {name: getattr(each, "rich_help_panel", None) for name, each in group.commands.items()}

    assert {name: place for name, place in places.items() if place not in PANELS} == {}
    assert set(places.values()) == PANELS


def test_a_shell_completes_the_commands(tmp_path):
    asked = {"_MANDATE_COMPLETE": "complete_bash", "COMP_WORDS": "mandate ap", "COMP_CWORD": "1"}
    installed = Path(sys.executable).with_name("mandate")

    said = subprocess.run(
        [installed],
        cwd=tmp_path,
        env=environment(asked),
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.split() == ["approve"]
