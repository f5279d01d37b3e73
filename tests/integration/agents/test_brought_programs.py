"""Programs that people bring: found beside their template, known by digest, started as a copy."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from integrations.agents.contract.protocol import AgentError
from integrations.agents.programs.catalogue import Programs
from integrations.agents.programs.needs import require_runnable
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.errors import DeniedError, NotFoundError

TEMPLATE = """\
name: mine
description: what somebody brought
tier: T0
program: ./mine.py
interpreter: python
phases: [EXECUTE]
"""
SAYS = """\
import json, os, sys
import beside
request = json.loads(sys.stdin.readline())
output = {"words": beside.WORDS, "folder": sorted(os.listdir(os.path.dirname(__file__)))}
print(json.dumps({"type": "result", "status": "ok", "output": output}))
"""
SHELL = """\
#!/bin/sh
read -r request
echo '{"type": "result", "status": "ok", "output": {"by": "sh"}}'
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory of templates with one in it, and a file that is nobody's business."""
    made = tmp_path / "templates"
    (made / "lib").mkdir(parents=True)
    (made / "mine.yaml").write_text(TEMPLATE)
    (made / "mine.py").write_text(SAYS)
    (made / "beside.py").write_text("WORDS = 'from beside'\n")
    (made / "lib" / "data.txt").write_text("data")
    (made / "private.txt").write_text("not declared")
    return made


def change(folder: Path, *lines: str, **fields: str) -> None:
    """Change or add fields of the template."""
    text = TEMPLATE
    for name, value in fields.items():
        kept = [line for line in text.splitlines() if not line.startswith(f"{name}:")]
        text = "\n".join([*kept, f"{name}: {value}", ""])
    (folder / "mine.yaml").write_text(text + "\n".join(lines))


def refusal(folder: Path, *hidden: Path) -> str:
    with pytest.raises(DeniedError) as caught:
        require_runnable(Programs([folder]), "mine", lambda: hidden)
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_it_runs_with_what_it_declares_beside_it_and_nothing_else(run, folder):
    change(folder, files="[beside.py, lib]")
    outcome = await run(Programs([folder]).find("mine"), {})

    assert outcome.result.output == {
        "words": "from beside",
        "folder": ["beside.py", "lib", "mine.py"],
    }


async def test_any_executable_is_a_program(run, folder):
    change(folder, program="./mine.sh", interpreter="")
    (folder / "mine.yaml").write_text(
        TEMPLATE.replace("mine.py", "mine.sh").replace("interpreter: python\n", "")
    )
    (folder / "mine.sh").write_text(SHELL)
    (folder / "mine.sh").chmod(0o700)
    outcome = await run(Programs([folder]).find("mine"), {})

    assert outcome.result.output == {"by": "sh"}


async def test_an_interpreter_is_found_on_the_agents_path(run, folder, tmp_path):
    tools = tmp_path / "tools" / "bin"
    tools.mkdir(parents=True)
    (tools / "speak").write_text('#!/bin/sh\n. /dev/null\nexec /bin/sh "$@"\n')
    (tools / "speak").chmod(0o755)
    change(folder, program="./mine.sh", interpreter="[speak]")
    (folder / "mine.sh").write_text(SHELL)
    program = Programs([folder], [tools]).find("mine")
    outcome = await run(program, {}, sandbox=SandboxSpec(path=(tools,)))

    assert outcome.result.output == {"by": "sh"}
    assert "its interpreter speak is not on the agents' PATH (/usr/local" in refusal(folder)


async def test_it_may_read_what_its_template_opens(run, folder, tmp_path):
    place = tmp_path / "opened"
    place.mkdir()
    (place / "word").write_text("open")
    (folder / "mine.py").write_text(
        "import json\n"
        f"text = open({str(place / 'word')!r}).read()\n"
        "print(json.dumps({'type': 'result', 'status': 'ok', 'output': {'word': text}}))\n"
    )
    with pytest.raises(AgentError, match="exit status 1"):
        await run(Programs([folder]).find("mine"), {})
    change(folder, sandbox=f"{{read: [{place}]}}")
    outcome = await run(Programs([folder]).find("mine"), {})

    assert outcome.result.output == {"word": "open"}


@pytest.mark.parametrize(
    ("file", "what"), [("mine.py", "program"), ("lib/data.txt", "file"), ("mine.yaml", "template")]
)
def test_another_byte_makes_another_program(folder, file, what):
    change(folder, files="[beside.py, lib]")
    programs = Programs([folder])
    before = programs.digest("mine")
    with (folder / file).open("a") as opened:
        opened.write("\n# another\n")

    assert programs.digest("mine") != before, what


def test_what_it_does_not_name_is_no_part_of_it(folder):
    programs = Programs([folder])
    before = programs.digest("mine")
    (folder / "private.txt").write_text("changed")

    assert programs.digest("mine") == before


async def test_a_program_replaced_before_it_starts_does_not_run(run, folder):
    program = Programs([folder]).find("mine")
    (folder / "mine.py").write_text("raise SystemExit('another')")
    with pytest.raises(DeniedError, match="was changed while it was to start: mine"):
        await run(program, {})


async def test_one_that_is_replaced_while_it_runs_runs_on(run, folder):
    (folder / "mine.py").write_text(
        "import json, pathlib, sys\n"
        "print(json.dumps({'type': 'progress', 'message': 'begun'}), flush=True)\n"
        "text = pathlib.Path(__file__).read_text()\n"
        "output = {'same': 'begun' in text}\n"
        "print(json.dumps({'type': 'result', 'status': 'ok', 'output': output}))\n"
    )

    def replace(_event: Any) -> None:
        (folder / "mine.py").unlink()
        (folder / "mine.py").write_text("another")

    outcome = await run(Programs([folder]).find("mine"), {}, on_event=replace)

    assert outcome.result.output == {"same": True}


def test_no_copy_is_left_behind(folder):
    program = Programs([folder]).find("mine")
    with program.copied() as (copy, argv):
        assert argv[:2] == [sys.executable, "-E"]
        assert (copy.parent.stat().st_mode & 0o777, copy.joinpath("mine.py").exists()) == (
            0o700,
            True,
        )

    assert not copy.parent.exists()


def test_a_program_that_is_not_there(folder):
    (folder / "mine.py").unlink()

    assert refusal(folder) == (
        f"template 'mine': program {folder}/mine.py: no such file or directory"
    )


@pytest.mark.parametrize("kind", ["file", "directory", "inner"])
def test_links_do_not_lead_out_of_its_directory(folder, tmp_path, kind):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.py").write_text("print()")
    match kind:
        case "file":
            (folder / "mine.py").unlink()
            (folder / "mine.py").symlink_to(outside / "x.py")
        case "directory":
            (folder / "bin").symlink_to(outside)
            change(folder, program="./bin/x.py")
        case _:
            (folder / "lib" / "more").symlink_to(outside)
            change(folder, files="[lib]")

    assert "leads out of" in refusal(folder) or "is no regular file" in refusal(folder)


def test_links_within_its_directory_are_followed(folder):
    """As Kubernetes lays out a ConfigMap."""
    (folder / "..data").mkdir()
    shutil.move(folder / "mine.py", folder / "..data" / "mine.py")
    (folder / "mine.py").symlink_to("..data/mine.py")

    assert Programs([folder]).find("mine").files[0].place == "mine.py"


def test_a_program_without_an_interpreter_must_be_executable(folder):
    (folder / "mine.yaml").write_text(TEMPLATE.replace("interpreter: python\n", ""))

    assert refusal(folder) == (
        f"template 'mine': {folder}/mine.py is not executable: chmod +x it, or name its interpreter"
    )


def test_what_is_no_file_is_no_program(folder):
    (folder / "mine.py").unlink()
    os.mkfifo(folder / "mine.py")

    assert "is no regular file" in refusal(folder)


def test_a_program_of_endless_files_is_refused(folder, monkeypatch):
    monkeypatch.setattr("integrations.agents.programs.catalogue.PROGRAM_FILES_MAX", 2)
    change(folder, files="[beside.py, lib]")

    assert "are more than 2 files or 128 MiB" in refusal(folder)


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("{any_of: [no-such, nor-this], install: buy it}", "no-such or nor-this"),
        ("{distribution: no-such-package, install: buy it}", "no-such-package"),
    ],
)
def test_a_tool_that_is_not_installed_says_how_to_get_it(folder, tool, name):
    change(folder, requires_tools=f"[{tool}]")

    assert refusal(folder) == (
        f"template 'mine' needs {name}, not installed for the worker: buy it"
    )


def test_one_of_several_tools_is_enough(folder):
    change(folder, requires_tools="[{any_of: [no-such, sh], install: buy it}]")

    assert require_runnable(Programs([folder]), "mine", tuple).name == "mine"


def test_no_template_opens_what_is_the_engines_own(folder, tmp_path):
    change(folder, sandbox=f"{{read: [{tmp_path}/templates]}}")

    assert "where the engine keeps its own" in refusal(folder, tmp_path)
    assert require_runnable(Programs([folder]), "mine", tuple).name == "mine"


def test_an_opened_path_that_is_not_there(folder):
    change(folder, sandbox="{read: [/opt/no-such-place]}")

    assert "sandbox.read names /opt/no-such-place, which is not there" in refusal(folder)


def test_who_has_no_such_template_is_told_where_was_looked(folder):
    with pytest.raises(NotFoundError, match=f"it looks in {folder}, beside what comes with"):
        Programs([folder]).find("another")
