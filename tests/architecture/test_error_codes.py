"""docs/errors.md names exactly the codes the source can raise, each once."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dsl.compiler import compile_text
from dsl.errors import DslError
from tests.docs.blocks import blocks_of

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "errors.md"
CODE = re.compile(r"DSL[1-6][0-9]{2}")
ROW = re.compile(r"\| (DSL\d{3}) \| (.+) \| (.+) \|")
SECTION = re.compile(r"## DSL(\d)xx: ")


def codes_in(source: str) -> Iterator[str]:
    """Yield the codes a module can raise: whole literals, so none from a docstring."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and CODE.fullmatch(str(node.value)):
            yield str(node.value)


def raised() -> set[str]:
    folders = (ROOT / name for name in ("dsl", "integrations", "activities", "workflows"))
    files = (path for folder in folders for path in folder.rglob("*.py"))
    return {code for path in files for code in codes_in(path.read_text())}


def listed() -> list[tuple[str, str]]:
    """Return each listed code with the number of the section it stands in."""
    rows, section = [], ""
    for line in PAGE.read_text().splitlines():
        if heading := SECTION.match(line):
            section = heading[1]
        if row := ROW.fullmatch(line):
            rows.append((row[1], section))
    return rows


def test_every_code_that_can_be_raised_is_listed_and_no_other():
    assert {code for code, _ in listed()} == raised()


def test_each_code_stands_once_in_order_in_its_own_section():
    codes = [code for code, _ in listed()]

    assert codes == sorted(set(codes))
    assert [(code, section) for code, section in listed() if code[3] != section] == []


def test_the_example_on_the_page_is_what_the_compiler_says():
    document, said = (block.text for block in blocks_of(PAGE))
    source = document.splitlines()[0].removeprefix("# ")
    told = ""
    try:
        compile_text(document, source)
    except DslError as error:
        told = str(error)

    assert told == said.rstrip("\n")
