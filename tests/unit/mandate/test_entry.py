"""How a short-lived process of ours ends; each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.unit.mandate.programs import ROOT


def ending_of(body: str) -> subprocess.CompletedProcess[str]:
    program = f"from mandate._entry import run_main\nimport sys, atexit, asyncio\n{body}\n"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("returned", "code"),
    [("None", 0), ("0", 0), ("1", 1), ("2", 2), ("True", 0), ("'text'", 0)],
)
def test_what_a_function_returns_is_the_exit_code_only_when_it_is_a_number(returned, code):
    assert ending_of(f"run_main(lambda: {returned})").returncode == code


def test_coroutines_and_coroutine_functions_are_run():
    body = "async def main():\n    await asyncio.sleep(0)\n    return 7\n"

    assert ending_of(f"{body}run_main(main)").returncode == 7
    assert ending_of(f"{body}run_main(main())").returncode == 7


def test_output_that_was_not_flushed_yet_is_not_lost():
    ended = ending_of("run_main(lambda: (sys.stdout.write('a' * 9999), None)[1])")

    assert len(ended.stdout) == 9999


def test_an_exception_is_told_and_is_a_failure():
    ended = ending_of("def main():\n    raise ValueError('broken')\nrun_main(main)")

    assert ended.returncode == 1
    assert "ValueError: broken" in ended.stderr


def test_sys_exit_keeps_its_meaning():
    assert ending_of("run_main(lambda: sys.exit(3))").returncode == 3
    assert ending_of("run_main(lambda: sys.exit())").returncode == 0
    ended = ending_of("run_main(lambda: sys.exit('no such thing'))")
    assert (ended.returncode, ended.stderr) == (1, "no such thing\n")


def test_an_interrupt_is_no_traceback():
    ended = ending_of("def main():\n    raise KeyboardInterrupt\nrun_main(main)")

    assert (ended.returncode, ended.stderr) == (130, "")


MODELS = """
import os
import signal
from pydantic_core import SchemaValidator, core_schema

class Interrupted:
    def __repr__(self):
        os.kill(os.getpid(), signal.SIGINT)
        return ""

    def __set_name__(self, owner, name):
        repr(self)

def define():
    class Model:
        field = Interrupted()

def build():
    return SchemaValidator(core_schema.literal_schema([Interrupted()]))
"""


@pytest.mark.parametrize("imported", ["build()", "define()"])
def test_an_interrupt_that_an_import_makes_an_error_of_its_own_is_none(imported, tmp_path):
    (tmp_path / "models.py").write_text(f"{MODELS}{imported}\n")
    ended = ending_of(
        f"sys.path.insert(0, {str(tmp_path)!r})\nrun_main(lambda: __import__('models'))"
    )

    assert (ended.returncode, ended.stderr) == (130, "")


def test_an_error_that_only_quotes_an_interrupt_is_told(tmp_path):
    (tmp_path / "models.py").write_text(MODELS)
    body = f"sys.path.insert(0, {str(tmp_path)!r})\nimport models\nrun_main(models.build)"
    ended = ending_of(body)

    assert ended.returncode == 1
    assert "KeyboardInterrupt" in ended.stderr


def test_nothing_is_torn_down_after_the_work():
    # The SDK aborts in tear-down; a thread that never ends stands for what it leaves behind.
    ended = ending_of(
        "import threading, time\n"
        "atexit.register(lambda: print('torn down'))\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "run_main(lambda: 0)"
    )

    assert (ended.returncode, ended.stdout) == (0, "")


def test_a_reader_that_went_away_does_not_change_the_code():
    program = "from mandate._entry import run_main\nrun_main(lambda: print('x' * 100_000) or 5)"
    ended = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -c "{program}" | true; exit 0'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "Exception ignored" not in ended.stderr
