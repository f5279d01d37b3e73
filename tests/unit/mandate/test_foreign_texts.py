"""The fifty texts through every field that others write, on every page that commands print."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from rich.console import Console

from dsl.shown.foreign import legible
from dsl.shown.surfaces import NO_COMMAND, Terminal
from integrations.ledger.entries import FIELD_LENGTH_MAX
from integrations.ledger.ledger import Ledger
from mandate.board import table
from mandate.doctor.finding import bad
from mandate.people.changes import waiting_lines
from mandate.people.errors import RefusalError
from mandate.people.gates.contents import Contents
from mandate.people.gates.earlier import Earlier, since_lines
from mandate.people.gates.inbox import InboxRun
from mandate.people.gates.rows import HeadRow, find, read_rows, refuse_digest
from mandate.people.gates.sending import verdict_line
from mandate.people.gates.shown import summary
from mandate.people.gates.wishes import Wish
from mandate.people.outputs import Put
from mandate.people.revoking import Ended, told
from mandate.terminal import complain
from mandate.work.gates import gates
from tests.fixtures.hostile.foreign_texts import TEXTS, faults
from tests.integration.ledger.drafts import draft
from tests.unit.mandate.people.test_rows import row
from tests.unit.mandate.programs import mandate

ENV = {"MANDATE_UI": "http://127.0.0.1:8233"}
BOUND = {"entity": "e", "pipeline": "deploy", "template": "default", "program": ""}
WIDE = 4_000  # columns: nothing wraps


def unrecorded(text: str) -> bool:
    """Tell whether the ledger itself refuses it as a name."""
    return "~" in text or "\ud800" in text or len(text) > FIELD_LENGTH_MAX


def squeezed(text: str) -> str:
    """Return text without its blanks: a title wraps where the table ends."""
    return "".join(text.split())


each_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())


def everything(text: str) -> Iterator[str]:
    """Yield every line that a command prints of a gate, a run and a verdict of that name."""
    vault = {"state": text, "detail": text, "requests": []}
    head = {"state": "text", "lines": [text, text], "is_cut": True}
    described = {"stage": text, "name": text, "digest": text, "phase": text, "media_type": text}
    (at,) = read_rows(
        [
            row(
                gate=text,
                description=text,
                approvers=[text],
                identity=[text],
                excluded=[text],
                still_needed_of=text,
                since=text,
                due=text,
                subject={text: {text: text}},
                outputs=[{**described, "head": None}, {**described, "head": head}],
                voted=[{"voter": text, "decision": text, "proven": True}],
                subject_digest=text,
                run_inputs={text: text},
                vault=vault,
            )
        ]
    )
    plan = SimpleNamespace(name=text, version=text)
    wish = Wish(text, text, "approve", text)
    yield from gates.lines(InboxRun(text, text, text), at, ENV)
    yield from summary(wish, at, plan)  # type: ignore[arg-type]
    other = HeadRow(state=text)
    yield from summary(wish, at, plan, Contents({text: other}, text, text))  # type: ignore[arg-type]
    yield from Terminal.excerpt([text])
    then = Put.model_construct(name=text, digest=text, phase=text)
    earlier = Earlier(run=text, plan=text, voters=((text, text),), outputs={text: {text: then}})
    yield from since_lines(earlier, at)
    yield from since_lines(Earlier(why=Terminal.of("{}", text)), at)
    yield from waiting_lines(text, at)
    yield verdict_line(wish, {"counted": True, "gate": text, "detail": text})[1]
    yield verdict_line(wish, {"counted": False, "why": text})[1]
    receipt = {"lines": [{"what": text, "confirmed": True, "detail": text}], "rotate": [text]}
    yield from told(Ended(receipt))
    yield from told(Ended({}, text))
    yield from bad(text, text, text).lines()
    yield str(refuse_digest(at))
    with pytest.raises(RefusalError) as refusal:
        find([at], "another")
    yield str(refusal.value)


@each_text
def test_every_line_of_a_command_is_a_line_that_prints(text):
    shown = list(everything(text))

    assert [faults(line) for line in shown if faults(line)] == []
    assert legible(text) in shown[0]


@each_text
def test_the_live_board_shows_a_text_as_it_is(text):
    stages = {text: {"type": text, "status": text, "detail": text}}
    waits = [{"gate": text, "approvers": [text], "due": text}]
    board = table({"pipeline": text, "version": text, "stages": stages, "waiting_for": waits})
    screen = Console(
        width=WIDE, force_terminal=True, color_system=None, legacy_windows=False, file=io.StringIO()
    )
    screen.print(board)
    shown = screen.file.getvalue()  # type: ignore[attr-defined]

    (cells,) = [line for line in shown.split("\n") if line.startswith("│")]
    title, caption = shown.split("┏")[0], shown.split("┘")[1]
    word = legible(text)
    assert [cell.strip() for cell in cells.strip("│").split("│")] == [word.strip()] * 4
    assert squeezed(title) == squeezed(word) * 2
    assert squeezed(caption) == squeezed(f"waiting for {word} at {word} until {word}")
    assert [faults(line) for line in shown.split("\n") if faults(line)] == []


@each_text
def test_an_error_is_one_line(text, capsys):
    complain(ValueError(text), "mandate")

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert faults(said.rstrip("\n")) == []


@each_text
def test_a_command_to_copy_is_exact_or_not_there(text):
    line = Terminal.command("mandate approve {} review", text)

    assert (line == NO_COMMAND) == (legible(text, 1_000) != text or text[0] in "-=")
    assert faults(line) == []


@pytest.mark.parametrize("word", ["--data-dir=/tmp/x", "-x", "=ls", "a\nb", "a  b", "x" * 1_001])
def test_a_word_that_would_be_something_else_makes_no_command(word):
    assert Terminal.command("mandate approve {} review", word) == NO_COMMAND


def test_the_words_of_a_command_are_quoted_for_a_shell():
    line = Terminal.command("mandate approve {} {}", "a; rm -r '/'", "review")

    assert line == """mandate approve 'a; rm -r '"'"'/'"'"'' review"""


async def test_a_ledger_full_of_them_is_read_line_by_line_and_exactly_by_programs(tmp_path):
    texts = [text for text in TEXTS.values() if not unrecorded(text)]
    entries = [
        draft(n, agent=text, action="agent.registered", payload={"tier": "T1", **BOUND},
              workflow_id=text)
        for n, text in enumerate(texts)
    ]  # fmt: skip
    with Ledger(tmp_path / "ledger.db") as ledger:
        await ledger.append(entries)
    env = {"MANDATE_LEDGER": str(tmp_path / "ledger.db")}

    tail = mandate("ledger", "tail", "-n", "99", cwd=tmp_path, env=env)
    agents = mandate("agents", cwd=tmp_path, env=env)
    exact = mandate("ledger", "tail", "-n", "99", "--json", cwd=tmp_path, env=env)

    assert (tail.stderr, agents.stderr) == ("", "")
    assert len(tail.stdout.splitlines()) == len(texts)
    assert all(' tier="T1"' in line for line in tail.stdout.splitlines())
    assert len(agents.stdout.splitlines()) == len(texts) + 1
    for line in (*tail.stdout.split("\n"), *agents.stdout.split("\n")):
        assert faults(line) == []
    assert [json.loads(line)["agent"] for line in exact.stdout.split("\n") if line] == texts
