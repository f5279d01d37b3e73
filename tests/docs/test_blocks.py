"""Every code block of our documents is what it says: it compiles, parses, or can be typed.

``test_readme.py`` types the README's session for real; here each command of every page is given
to the real program with ``--help`` added, which refuses unknown commands and options first.
"""

from __future__ import annotations

import itertools
import json
import re
import shlex
import subprocess
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
import yaml

from dsl.chaos.reading import parse_experiment
from dsl.compiler import compile_text
from dsl.core import AgentPhase, Tier
from dsl.document.loader import load
from dsl.document.parse import shaped
from dsl.health.breakers import parse_breakers
from dsl.notify.site import parse_site
from dsl.suppressions.suppressions import parse_suppressions
from dsl.templates import Template
from dsl.tools.servers import ToolServer
from integrations.agents.contract.protocol import Request, parse_message, parse_result
from tests.docs.blocks import PAGES, ROOT, Block, all_blocks, blocks_of
from tests.fixtures.commands.parsed import unknown_word_of
from tests.fixtures.servers.temporal import temporal_cli

LANGUAGES = {"yaml", "json", "console", "text", "python", "typescript", "shell", "mermaid"}
# What needs no parsing. Never `pip install mandate`: that name is somebody else's on PyPI.
OF_OURS = {
    (".mandate/env",),
    ("PATH=$PWD/.venv/bin:$PATH",),
    ("install", "$(ls dist/mandate-*.whl)[review]"),
    ("-m", "build", "--wheel"),
    ("-m", "venv", "nightly/.venv"),
    ("nightly/worker.py",),
    ("-i", "$ a # release 2", "integrations/agents/*/inventory.py"),
    (
        *("-e", "s/compliant_runs: .*/compliant_runs: 1/", "-e", "s/age: .*/age: 1s/"),
        *("dsl/promotion.yaml", ">", "quick.yaml"),
    ),
}
MADE_BY_OURS = {"templates/test_triage.py"}  # a command shown before has written it
ASSIGNMENT = re.compile(r"[A-Z_]+=\S+")
REFUSED_ON_PURPOSE = ROOT / "docs" / "errors.md"  # tests/architecture/test_error_codes.py reads it
SUBSTITUTION = re.compile(r"\$\((.*)\)")
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
README_PIPELINE_LINES_MAX = 14
SHOWN_ON = date(2027, 1, 1)  # days that documents show lie ahead of it

BLOCKS = all_blocks()
COMMANDS = [(block.name, line) for block in BLOCKS for line in block.commands]


def of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def name(block: Block) -> str:
    return block.name


@pytest.mark.parametrize("block", BLOCKS, ids=name)
def test_a_block_says_what_it_is(block):
    assert block.language in LANGUAGES


@pytest.mark.parametrize("block", of("yaml"), ids=name)
def test_a_document_is_what_it_looks_like_and_a_pipeline_gives_no_warning(block):
    if block.page == REFUSED_ON_PURPOSE:
        assert yaml.safe_load(block.text)
        return
    loaded = load(block.text, block.name)
    if {"program", "runtime"} & set(loaded.data):
        assert shaped(loaded, Template, "a template").name
        return
    if {"command", "url"} & set(loaded.data):
        assert shaped(loaded, ToolServer, "a tool server").name
        return
    if "method" in loaded.data:
        assert parse_experiment(block.text, block.name).method
        return
    if {"slack", "github", "webhook", "email"} & set(loaded.data):
        assert parse_site(block.text, block.name).destinations()
        return
    if "circuits" in loaded.data:
        assert parse_breakers(block.text, block.name).names
    elif "suppress" in loaded.data:
        assert parse_suppressions(block.text, block.name, today=SHOWN_ON)
    else:
        assert compile_text(block.text, block.name).warnings == ()


def test_the_pipeline_of_the_readme_is_seen_at_a_glance():
    (first,) = (block for block in blocks_of(ROOT / "README.md") if block.language == "yaml")

    assert len(first.text.splitlines()) <= README_PIPELINE_LINES_MAX


@pytest.mark.parametrize("block", of("json"), ids=name)
def test_every_line_of_json_is_an_object(block):
    for line in block.text.splitlines():
        assert isinstance(json.loads(line), dict)


def test_the_request_shown_has_the_fields_an_agent_gets():
    request, _ = (b.text for b in blocks_of(ROOT / "docs" / "agents.md") if b.language == "json")
    shown = json.loads(request)
    real = Request(
        run=shown["run"],
        stage=shown["stage"],
        phase=AgentPhase(shown["phase"]),
        attempt=shown["attempt"],
        fence=shown["fence"],
        deadline=shown["deadline"],
        workdir=Path(shown["workdir"]),
        tier=Tier(shown["tier"]),
        input=shown["input"],
        prior=shown["prior"],
        secrets=shown["secrets"],
        checkpoint=shown["checkpoint"],
        answers=shown["answers"],
    )

    assert json.loads(real.line()) == shown
    assert list(json.loads(real.line())) == list(shown)


def test_the_messages_shown_are_understood_and_end_with_the_one_result():
    _, messages = (b.text for b in blocks_of(ROOT / "docs" / "agents.md") if b.language == "json")
    understood = [parse_message(line.encode()) for line in messages.splitlines()]

    assert None not in understood
    kinds = [message["type"] for message in understood if message]
    assert kinds.index("result") == len(kinds) - 1
    assert parse_result(understood[-1] or {}).ok


@pytest.mark.parametrize("block", of("shell"), ids=name)
def test_a_shell_script_can_be_parsed(block):
    said = subprocess.run(
        ["/bin/sh", "-n"], input=block.text, capture_output=True, text=True, check=False
    )

    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize(("place", "line"), COMMANDS, ids=[f"{p} {c[:40]}" for p, c in COMMANDS])
def test_a_command_can_be_typed(place, line):
    assert refusal_of(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "mandate bogus",
        "mandate --instal-completion",
        "mandate ledger bogus",
        "mandate run my.yaml --wiat",
        "temporal workflow bogus",
        "temporal workflow start --tpye x",
        "make bogus",
        ". nowhere/env",
        "bogus",
        "python3 -c 'import'",
        "python3 my.py 1",
        "pip install mandate",
        "pip install 'mandate[review]'",
        "sed -i x my.yaml",
        "MANDATE_PROMOTION=my.yaml mandate bogus",
        "mandate login ann --password-sdtin | mandate gates",
        "mandate gates | mandate bogus",
        'temporal workflow signal --input "$(mandate sing a b)"',
    ],
)
def test_a_command_that_cannot_be_typed_is_noticed(line):
    assert refusal_of(line) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_to_a_file(page):
    links = LINK.findall(page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_nobody_is_told_to_install_what_others_call_mandate(page):
    assert re.findall(r"pip install[^\n`]*[ ']mandate\b(?!-)[^\n`]*", page.read_text()) == []


def refusal_of(line: str) -> str | None:
    """Return why nobody can type ``line``; None when it is a good command.

    Each side of a pipe is one, and so is what stands inside ``$(…)``.
    """
    words = shlex.split(line)
    inside = [found[1] for word in words if (found := SUBSTITUTION.fullmatch(word))]
    commands = [shlex.split(command) for command in inside]
    while "|" in words:
        place = words.index("|")
        commands.append(words[:place])
        words = words[place + 1 :]
    words = list(itertools.dropwhile(ASSIGNMENT.fullmatch, words))
    refusals = (_refusal_of(*command) for command in [*commands, words])
    return next((refusal for refusal in refusals if refusal is not None), None)


def _refusal_of(program: str, *words: str) -> str | None:
    match program.rpartition("/")[2]:
        case "python3" | "python":
            return _refusal_of_python(*words)
        case "mandate":
            own = itertools.takewhile(lambda word: word != "--", words)  # behind it, others' words
            return unknown_word_of([*own])
        case "temporal":
            return _refusal_of_temporal(words)
        case "make":
            return _refusal_of_make(words)
        case "." | "pip" | "export" | "sed":
            return None if words in OF_OURS else f"{words} is none of ours"
        case _:
            return f"unknown program {program}"


def _refusal_of_make(words: Sequence[str]) -> str | None:
    targets = re.findall(r"^([\w/.-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    unknown = [word for word in words if word not in targets]
    return f"no targets {unknown}" if unknown else None


def _refusal_of_python(*words: str) -> str | None:
    option, program, *_ = (*words, "")
    if words in OF_OURS or option in MADE_BY_OURS:
        return None
    if option.endswith(".py") and (ROOT / option).is_file():
        return None
    try:
        compile(program, "a line of ours", "exec")
    except SyntaxError as error:
        return str(error)
    return None if option == "-c" else f"expected -c, got {option}"


def _refusal_of_temporal(words: Sequence[str]) -> str | None:
    said = subprocess.run(
        [temporal_cli(), *words, "--help"], capture_output=True, text=True, check=False
    )
    # For an unknown subcommand the CLI shows the help of the one above it, and is content.
    path = " ".join(["temporal", *_before_options(words)])
    if said.returncode != 0 or f"\n  {path} [flags]" not in said.stdout:
        return said.stderr or f"no command {path}"
    return None


def _before_options(words: Sequence[str]) -> Sequence[str]:
    first = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    return words[:first]
