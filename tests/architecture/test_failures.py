"""A failure of ours is meant or a bug: nobody makes one that says neither."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("workflows", "activities", "mandate")


def test_every_failure_is_made_as_what_it_is():
    made = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for folder in FOLDERS
        for file in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rsplit(".", 1)[-1] == "ApplicationError"
    ]

    assert made == [], (
        "raise MeantError or, for what was caught, BugError: activities.contracts.meant"
    )
