"""Rooms stay small enough to find things in, and a name says one thing in a layer.

Which room may use which is a contract of import-linter, in ``pyproject.toml``; that it lets no room
out is held here.
"""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES_MAX = 15  # modules; ``__init__.py`` is the room's door and not counted
LAYERS = ("workflows", "activities", "integrations", "dsl", "mandate")
ROOMS = sorted({path.parent for layer in LAYERS for path in (ROOT / layer).rglob("*.py")})
FOLDERS = sorted(
    {path.parent for top in (*LAYERS, "tests", "bench") for path in (ROOT / top).rglob("*.py")}
)


def test_a_folder_has_no_more_files_than_one_reads():
    modules = {folder: len({*folder.glob("*.py")} - {folder / "__init__.py"}) for folder in FOLDERS}

    assert {str(each): count for each, count in modules.items() if count > FILES_MAX} == {}


def test_a_room_says_what_it_is():
    doors = [room / "__init__.py" for room in ROOMS]

    assert [str(door) for door in doors if not ast.get_docstring(ast.parse(door.read_text()))] == []


def test_no_room_of_a_layer_is_left_out_of_its_contract():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    contracts = [each for each in settings["contracts"] if each["id"].startswith("rooms-of-")]
    lax = [
        each["id"]
        for each in contracts
        if not each.get("exhaustive") or each.get("exhaustive_ignores") or "ignore_imports" in each
    ]

    assert set(LAYERS) <= {container for each in contracts for container in each["containers"]}
    assert lax == []


@pytest.mark.parametrize("layer", LAYERS)
def test_no_two_classes_of_a_layer_have_one_name(layer: str):
    places = defaultdict(list)
    for path in sorted((ROOT / layer).rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(ROOT)))

    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_the_top_of_workflows_holds_what_people_see_in_the_web_ui():
    types = set()
    for path in (ROOT / "workflows").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and any(
                "workflow.defn" in ast.unparse(decorator) for decorator in node.decorator_list
            ):
                types.add(path.stem)

    assert types == {path.stem for path in (ROOT / "workflows").glob("*.py")} - {"__init__"}
