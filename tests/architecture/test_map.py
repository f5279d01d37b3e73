"""The map is of this land: every room is on it, and whatever the pages name is there.

Held for the pages a newcomer starts from: ``docs/architecture.md``, ``docs/glossary.md`` and
``docs/extending.md``. The tree is made of what the rooms say of themselves:
``python -m tests.architecture.test_map`` writes it anew.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURE, GLOSSARY, EXTENDING = (
    ROOT / "docs" / name for name in ("architecture.md", "glossary.md", "extending.md")
)
PAGES = (ARCHITECTURE, GLOSSARY, EXTENDING)
LAYERS = ("dsl", "workflows", "activities", "integrations", "mandate")
FOLDERS = (*LAYERS, "docs", "tests", "bench", "deploy")
COLUMN = 24  # where the sentences begin
CHANGES_MIN = 12
RECIPES = ("stage type", "governance activity", "integration", "vote rule", "template", "command")

CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(
    rf"(?:{'|'.join(FOLDERS)})/[\w./*-]*|(?!__)[\w*-]+(?:\.py|\.md|\.toml|\.yaml)|Makefile"
)
ACTIVITY = re.compile(r"(?:agent|engine|gate|ledger|pipeline|revoke|run|trust)\.(?!md|py)[a-z-]+")
NAME = re.compile(r"[A-Za-z_]\w*")


def tree() -> str:
    """Return every room with the first sentence of its ``__init__.py``."""
    return "".join(line for layer in LAYERS for line in _rooms(ROOT / layer, 0))


def _rooms(room: Path, depth: int) -> Iterator[str]:
    said = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    sentence = " ".join(said.partition("\n\n")[0].replace("``", "").split())
    yield f"{'  ' * depth}{room.name}/".ljust(COLUMN) + f"{sentence}\n"
    for inner in sorted(door.parent for door in room.glob("*/__init__.py")):
        yield from _rooms(inner, depth + 1)


def drawn() -> str:
    blocks = ARCHITECTURE.read_text().split("```text\n")
    return blocks[2].partition("```")[0]


def named(page: Path) -> set[str]:
    return {word for word in CODE.findall(page.read_text()) if PATH.fullmatch(word)}


def rows(page: Path, heading: str) -> list[list[str]]:
    """Return the cells of the table under ``heading``, without its two first lines."""
    section = page.read_text().partition(f"{heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_every_room_is_on_the_map_in_its_own_words():
    assert drawn() == tree(), "write it anew: python -m tests.architecture.test_map"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_path_that_a_page_names_is_there(page: Path):
    paths = named(page)

    assert len(paths) > 10
    assert sorted(path for path in paths if not [*ROOT.glob(path.rstrip("/"))]) == []


def test_an_activity_that_a_page_names_is_one():
    names = {word for page in PAGES for word in re.findall(r"[\w.-]+", page.read_text())}
    said = {name.rstrip(".") for name in names if ACTIVITY.fullmatch(name.rstrip("."))}
    wire = "".join(path.read_text() for path in (ROOT / "activities/contracts").glob("*.py"))
    phases = {name for name in said if name.startswith("agent.") and name != "agent.processes"}

    assert len(said) > 10
    assert sorted(name for name in said - phases if f'"{name}"' not in wire) == []
    assert (
        sorted(name for name in phases if not (ROOT / f"activities/phases/{name[6:]}.py").exists())
        == []
    )


def test_the_map_says_where_to_look_for_many_changes_and_each_in_files():
    changes = rows(ARCHITECTURE, "## To change something")

    assert len(changes) >= CHANGES_MIN
    assert [
        change for change, files in changes if not set(CODE.findall(files)) & named(ARCHITECTURE)
    ] == []


def test_a_vote_a_phase_and_a_revocation_are_drawn():
    drawings = ARCHITECTURE.read_text().split("```mermaid\n")[1:]

    assert [drawing.partition("\n")[0] for drawing in drawings] == ["sequenceDiagram"] * 3
    # Mermaid takes either for the end of a line, and draws nothing at all.
    assert [drawing for drawing in drawings if set(";#") & set(drawing.partition("```")[0])] == []


def test_a_term_of_the_glossary_is_where_it_says():
    terms = rows(GLOSSARY, "# Glossary")
    lost = []
    for term, _, where in terms:
        words = CODE.findall(where)
        files = [ROOT / word for word in words if PATH.fullmatch(word)]
        text = "".join(file.read_text() for file in files if file.is_file())
        lost += [
            f"{term}: {word}"
            for word in words
            if NAME.fullmatch(word) and not re.search(rf"\b{word}\b", text)
        ]
        assert files, f"{term} names no file"

    assert lost == []


def test_the_terms_of_the_glossary_stand_once_and_in_order():
    terms = [term.strip("*").lower() for term, *_ in rows(GLOSSARY, "# Glossary")]

    assert terms == sorted(set(terms))


def test_each_recipe_says_its_files_in_order_and_what_holds_it():
    sections = EXTENDING.read_text().split("\n## ")[1:]
    recipes = {section.partition("\n")[0]: section for section in sections}

    assert set(RECIPES) <= {title.removeprefix("A ").removeprefix("An ") for title in recipes}
    for title, text in recipes.items():
        assert "\n1. " in text, f"{title}: no steps"
        assert re.search(r"\n\*\*Held by\*\* .*`tests/", text), f"{title}: no test holds it"


if __name__ == "__main__":
    ARCHITECTURE.write_text(ARCHITECTURE.read_text().replace(drawn(), tree()))
