"""Who owns the generic module names in a process."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

import mandate
from mandate._path import OURS, app_dir
from tests.unit.mandate.programs import ROOT, environment


def run(program: str, path: str = str(ROOT)) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment({"PYTHONPATH": path}),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("kind", ["file", "package", "namespace"])
def test_a_foreign_module_of_our_name_is_refused_by_name(tmp_path, name, kind):
    if kind == "file":
        (tmp_path / f"{name}.py").touch()
    else:
        (tmp_path / name).mkdir()
        if kind == "package":
            (tmp_path / name / "__init__.py").touch()
    program = (
        f"import sys; path, sys.path = sys.path, [{str(tmp_path)!r}]; import {name}\n"
        f"sys.path = path; import mandate; mandate.plugin()"
    )

    refused = run(program).stderr

    assert "ForeignModuleError" in refused
    assert f"module {name!r} is already loaded from {tmp_path}" in refused


def test_importing_mandate_loads_none_of_the_generic_names():
    loaded = run("import mandate, sys; print(set(sys.modules) & set(mandate._path.OURS))")

    assert loaded.stdout == "set()\n"


def test_our_folders_win_over_a_foreign_one_that_is_merely_installed(tmp_path):
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "__init__.py").write_text("raise SystemExit('foreign')")
    program = (
        "from mandate._path import claim; claim(); import workflows; print(workflows.__file__)"
    )

    loaded = run(program, f"{tmp_path}:{ROOT}")

    assert loaded.stdout.strip() == str(ROOT / "workflows" / "__init__.py"), loaded.stderr


def test_the_plugin_can_be_had_in_a_users_own_worker():
    made = run("import mandate; p = mandate.plugin(); print(p.name()); mandate.plugin()")

    assert made.stdout == "mandate.Governance\n", made.stderr


def test_the_command_line_refuses_a_foreign_module_too(tmp_path):
    (tmp_path / "dsl.py").touch()
    program = "import dsl, runpy; runpy.run_module('mandate', run_name='__main__')"

    refused = run(f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{program}")

    assert refused.returncode == 2
    assert "module 'dsl' is already loaded" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_the_extra_the_command_line_names_it():
    program = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'typer' else find(name, *rest)\n"
        "from mandate.__main__ import main; main()"
    )

    refused = run(program)

    assert refused.returncode == 2
    assert "pip install 'mandate[cli,local]'" in refused.stderr


def test_the_version_is_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert mandate.__version__ == project["version"]
    assert app_dir() == ROOT
