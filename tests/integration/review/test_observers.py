"""Each observer finds what it is for, says where, and is silent beside it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.integration.review.repositories import committed, seen_by, written

CONTRACTS = """\
[tool.importlinter]
root_package = "app"
[[tool.importlinter.contracts]]
name = "layers"
type = "layers"
layers = ["app.high", "app.low"]
"""
PIPELINE = """\
name: release
version: "1.0"
stages:
  - {name: work, type: agent, template: default, config: {tier: 2}}
  - {name: review, type: gate, requires: [work], config: {approvers: [ann], exclude: [starter]}}
"""
LONG = "\n".join(f"    x = {number}" for number in range(5))
BIG = f"def seen():\n{LONG}\n    return x\n\n\ndef unseen():\n{LONG}\n    return x\n"


def found(root, *names, **words) -> set[tuple[str, str, int]]:
    report = seen_by(root, *names, **words)
    return {(each.kind.value, each.place.path, each.place.line) for each in report.anomalies}


def test_modules_that_load_each_other_and_not_those_that_wait(tmp_path):
    written(
        tmp_path,
        {
            "src/app/__init__.py": "",
            "src/app/a.py": "from app import b\n",
            "src/app/b.py": "import app.c\n",
            "src/app/c.py": "from app.a import x\n",
            "src/app/d.py": "import app.e\n",
            "src/app/e.py": "def run():\n    import app.d\n",
            "src/app/f.py": "import typing\nif typing.TYPE_CHECKING:\n    import app.g\n",
            "src/app/g.py": "import app.f\n",
        },
    )
    (anomaly,) = seen_by(tmp_path, "imports").anomalies

    assert anomaly.place.path == "src/app/a.py"
    assert anomaly.message == "3 modules load each other: app.a → app.b → app.c → app.a"


def test_a_line_is_quoted_that_an_editor_shows_under_its_number(tmp_path):
    written(tmp_path, {"a.py": "A = 1\n\x0c\nB = '\u2028'\nimport os\n"})
    (anomaly,) = seen_by(tmp_path, "ruff").anomalies

    assert (anomaly.place.line, anomaly.evidence) == (4, "import os")


def test_a_contract_of_the_repository_is_held(tmp_path):
    files = {
        "pyproject.toml": CONTRACTS,
        "app/__init__.py": "",
        "app/high.py": "import app.low\n",
        "app/low.py": "\nimport app.high\n",
    }

    assert ("layer-breach", "app/low.py", 2) in found(written(tmp_path, files), "imports")


def test_a_module_that_a_complete_list_of_layers_does_not_name_breaks_its_contract(tmp_path):
    layers = CONTRACTS.replace('["app.high", "app.low"]', '["high"]\ncontainers = ["app"]')
    files = {
        "pyproject.toml": f"{layers}exhaustive = true\n",
        "app/__init__.py": "",
        "app/high.py": "",
        "app/low.py": "",
    }
    (anomaly,) = seen_by(written(tmp_path, files), "imports").anomalies

    assert (anomaly.kind.value, anomaly.place.path) == ("layer-breach", "app/low.py")
    assert anomaly.message == "app.low stands in no layer of 'layers', which is to name them all"


def test_packages_that_import_each_other_break_their_contract_though_no_modules_do(tmp_path):
    siblings = CONTRACTS.replace('"layers"\nlayers', '"acyclic_siblings"\nancestors')
    files = {
        "pyproject.toml": siblings.replace('["app.high", "app.low"]', '["app"]'),
        "app/__init__.py": "",
        **{f"app/{name}/__init__.py": "" for name in ("high", "low")},
        "app/high/a.py": "import app.low.a\n",
        "app/low/a.py": "",
        "app/low/b.py": "import app.high.b\n",
        "app/high/b.py": "",
    }
    (anomaly,) = seen_by(written(tmp_path, files), "imports").anomalies

    assert anomaly.kind.value == "layer-breach"
    assert "'layers' forbids it" in anomaly.message


def test_a_contract_in_an_ini_file_is_held_as_well(tmp_path):
    ini = "[importlinter]\nroot_package = app\n[importlinter:contract:1]\nname = x\n"
    ini += "type = forbidden\nsource_modules =\n    app.low\nforbidden_modules =\n    app.high\n"
    files = {
        ".importlinter": ini,
        "app/__init__.py": "",
        "app/high.py": "",
        "app/low.py": "import app.high\n",
    }

    assert ("layer-breach", "app/low.py", 1) in found(written(tmp_path, files), "imports")


def test_dependencies_unpinned_unused_and_missing(tmp_path):
    files = {
        "requirements.txt": "requests\nPyYAML==6.0.3\nattrs==1.0 --hash=sha256:00\nflask>=2\n",
        "app/__init__.py": "",
        "app/run.py": "import requests, yaml, numpy\n"
        "try:\n    import simplejson\nexcept ImportError:\n    pass\n",
    }

    assert found(written(tmp_path, files), "dependencies") == {
        ("unpinned-dependency", "requirements.txt", 1),
        ("unpinned-dependency", "requirements.txt", 4),
        ("unused-dependency", "requirements.txt", 3),
        ("unused-dependency", "requirements.txt", 4),
        ("missing-dependency", "app/run.py", 1),
    }
    written(tmp_path, {"uv.lock": ""})
    assert {kind for kind, _, _ in found(tmp_path, "dependencies")} == {
        "unused-dependency",
        "missing-dependency",
    }


def test_a_library_may_name_ranges(tmp_path):
    project = '[project]\nname = "app"\ndependencies = ["requests>=2,<3", "numpy", "app[all]"]\n'
    files = {"pyproject.toml": project, "app/__init__.py": "import requests\nimport numpy\n"}

    assert found(written(tmp_path, files), "dependencies") == {
        ("unpinned-dependency", "pyproject.toml", 3)
    }


def test_known_vulnerabilities_come_from_a_report(tmp_path):
    flaw = {"id": "PYSEC-1", "fix_versions": ["2"], "description": "bad"}
    report = {"dependencies": [{"name": "x", "version": "1", "vulns": [flaw]}]}
    written(tmp_path, {"app.py": "", "pip-audit.json": json.dumps(report)})

    assert found(tmp_path, "dependencies") == {("vulnerable-dependency", "pip-audit.json", 0)}


@pytest.mark.parametrize("form", ["json", "xml", "database"])
def test_a_function_that_no_test_runs(tmp_path, form):
    written(tmp_path, {"app.py": BIG})
    ran = list(range(1, 8))
    if form == "json":
        report = {"files": {"app.py": {"executed_lines": ran}}}
        written(tmp_path, {"coverage.json": json.dumps(report)})
    elif form == "xml":
        lines = "".join(f'<line number="{n}" hits="{int(n in ran)}"/>' for n in range(1, 16))
        text = f'<coverage><class filename="app.py"><lines>{lines}</lines></class></coverage>'
        written(tmp_path, {"coverage.xml": text})
    else:
        bits = bytes([0b11111110])
        with closing(sqlite3.connect(tmp_path / ".coverage")) as database, database:
            database.execute("CREATE TABLE file (id INTEGER, path TEXT)")
            database.execute("CREATE TABLE line_bits (file_id INTEGER, numbits BLOB)")
            database.execute("INSERT INTO file VALUES (1, '/build/app.py')")
            database.execute("INSERT INTO line_bits VALUES (1, ?)", (bits,))

    assert found(tmp_path, "coverage") == {("coverage-gap", "app.py", 10)}


def test_a_report_that_declares_entities_is_not_read(tmp_path):
    text = '<!DOCTYPE x [<!ENTITY a "a">]><coverage/>'
    report = seen_by(written(tmp_path, {"app.py": BIG, "coverage.xml": text}), "coverage")

    assert any("declares entities" in note for note in report.notes)


def test_tests_that_pass_whatever_the_code_does(tmp_path):
    text = """\
import app
from .shared import compare_all


def test_nothing():
    pass


def test_always():
    assert True


def test_tuple():
    assert (app.run() == 1, "says")


def test_runs():
    app.run()


def holds(x):
    assert x


def test_by_a_function():
    holds(app.run())


def test_by_another_file():
    compare_all(app)


def test_expects(pytest):
    with pytest.raises(ValueError):
        app.run()
"""
    written(tmp_path, {"test_app.py": text})

    assert {line for _, _, line in found(tmp_path, "tests")} == {5, 9, 13, 17}


def test_a_note_is_stale_when_nobody_has_done_it_for_a_year(tmp_path):
    mark = "TO" + "DO"
    written(tmp_path, {"app.py": f"x = 1  # {mark}: later\n"})
    committed(tmp_path, at="2020-01-01T00:00:00Z")
    written(tmp_path, {"app.py": f"y = 1  # {mark}: soon\nx = 1  # {mark}: later\n"})
    committed(tmp_path, at="2026-01-01T00:00:00Z")
    written(tmp_path, {"new.py": f"# {mark} at once\n"})
    now = 1_770_000_000.0  # February of 2026

    assert found(tmp_path, "notes", now_s=now) == {("stale-note", "app.py", 2)}


def test_types_are_looked_at_where_the_repository_goes_by_them(tmp_path):
    written(tmp_path, {"app.py": "def run() -> int:\n    return 'one'\n"})
    assert found(tmp_path, "types") == set()

    written(tmp_path, {"mypy.ini": "[mypy]\nstrict = true\n"})
    assert found(tmp_path, "types") == {("type-error", "app.py", 2)}


def test_what_nothing_uses_and_what_others_may(tmp_path):
    text = "import os\n\n\ndef _unused():\n    return 1\n    return 2\n\n\ndef offered(): ...\n"
    files = {
        "app/__init__.py": "from app.b import thing\n",
        "app/a.py": text,
        "app/lent.py": "import app\n\n\n@app.later\ndef _one(): ...\n\n\n"
        "class Two(app.Base):\n    def _two(self): ...\n",
        "app/b.py": "import json as thing\ntry:\n    import yaml\nexcept ImportError:\n    pass\n",
    }

    assert found(written(tmp_path, files), "ruff", "vulture") == {
        ("dead-code", "app/a.py", 1),
        ("dead-code", "app/a.py", 4),
        ("dead-code", "app/a.py", 6),
    }


def test_a_name_that_keeps_a_task_alive_is_not_told_to_go(tmp_path):
    text = (
        "import asyncio\n\n\nasync def started(work):\n"
        "    held = asyncio.create_task(work())\n    unread = work()\n    await asyncio.sleep(1)\n"
    )

    assert found(written(tmp_path, {"app/a.py": text}), "ruff") == {
        ("defect", "app/a.py", 5),
        ("dead-code", "app/a.py", 6),
    }


def test_pipelines_are_compiled_and_doubted(tmp_path):
    broken = PIPELINE.replace("requires: [work]", "requires: [wrok]")
    foreign = PIPELINE.replace("template: default", "template: ours")
    files = {"app.py": "", "a.yaml": PIPELINE, "b.yml": broken, "c.yaml": foreign, "d.yaml": "x: 1"}
    files |= {"broken.yaml": "name: [", "other.yaml": "name: x\non: [push]\n", "e.yaml": "x: ["}
    report = seen_by(written(tmp_path, files), "pipelines")

    by_file: dict[str, set[str]] = {}
    for each in report.anomalies:
        by_file.setdefault(each.place.path, set()).add(each.kind.value)
    assert by_file["a.yaml"] >= {"unanswerable-gate", "tier-above-need", "no-package"}
    assert by_file["b.yml"] == {"pipeline-problem"}
    assert "c.yaml" not in by_file
    notes = [note for note in report.notes if note.startswith("pipelines: ")]
    assert len(notes) == 2, notes
    assert notes[0].startswith("pipelines: broken.yaml: not read, and it may be one: ")
    assert "c.yaml" in notes[1]
    assert notes[1].endswith(", which a site may have; what hangs on it was not looked at")


def test_two_reviews_say_the_same_to_the_letter(tmp_path):
    files = {
        "requirements.txt": "x\n",
        "app/__init__.py": "",
        "app/a.py": "import os, sys\nprint(a)\n",
    }
    written(tmp_path, files)

    names = ("ruff", "bandit", "vulture", "dependencies", "imports")

    assert seen_by(tmp_path, *names).anomalies == seen_by(tmp_path, *names).anomalies
