"""Data of the repository that would like to keep us busy, or send us somewhere: it does neither."""

from __future__ import annotations

import ast
import json
import os
import sqlite3
import stat
from contextlib import closing

import pytest

from integrations.review import outlines
from integrations.review.children import outline
from integrations.review.observers import coverage, pipelines
from integrations.review.observers.observer import Observer
from integrations.review.running import ToolFailedError
from integrations.review.snapshot import NotReviewableError
from integrations.review.watcher import watch
from tests.integration.review.repositories import committed, seen_by, written

BIG = "def run(x):\n    x += 1\n    x += 2\n    x += 3\n    return x\n"
FILE = "CREATE TABLE file (id INTEGER, path TEXT); INSERT INTO file VALUES (1, 'app.py');"
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT"
DATABASES = {
    "a view that never ends": (
        f"{FILE} CREATE VIEW line_bits AS {ENDLESS} 1 AS file_id, x'00' AS numbits FROM n;",
        "has not the tables",
    ),
    "a number in place of bits": (
        f"{FILE} CREATE TABLE line_bits (file_id, numbits); INSERT INTO line_bits VALUES (1, 9e9);"
        "INSERT INTO line_bits VALUES (1, 9000000000000);",
        "not told as coverage tells",
    ),
    "more lines than a file has bytes": (
        f"{FILE} CREATE TABLE line_bits (file_id, numbits);"
        "INSERT INTO line_bits VALUES (1, zeroblob(200000));",
        "not told as coverage tells",
    ),
    "a value that is made when it is asked for": (
        f"{FILE} CREATE TABLE line_bits (file_id, numbits AS (zeroblob(900000000)) VIRTUAL);"
        "INSERT INTO line_bits VALUES (1);",
        "has not the tables",
    ),
    "two tables that never end": (
        "CREATE TABLE file (id INTEGER, path TEXT); CREATE TABLE line_bits (file_id, numbits);"
        + (
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000)"
            " INSERT INTO file SELECT 1, 'p' || x FROM n;"
        )
        + (
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000)"
            " INSERT INTO line_bits SELECT 1, zeroblob(1) FROM n;"
        ),
        "interrupted",
    ),
}


@pytest.mark.parametrize("name", DATABASES)
def test_a_database_of_strangers_computes_nothing(tmp_path, monkeypatch, name):
    script, why = DATABASES[name]
    if why == "interrupted":
        monkeypatch.setattr(coverage, "QUERY_LIMIT_S", 0.0)
    written(tmp_path, {"app.py": BIG})
    with closing(sqlite3.connect(tmp_path / ".coverage")) as database:
        database.executescript(script)

    (note,) = seen_by(tmp_path, "coverage").notes

    assert why in note


def test_more_lines_than_are_taken_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(coverage, "LINES_MAX", 7)
    written(tmp_path, {"app.py": BIG})
    with closing(sqlite3.connect(tmp_path / ".coverage")) as database, database:
        database.executescript(f"{FILE} CREATE TABLE line_bits (file_id, numbits);")
        database.execute("INSERT INTO line_bits VALUES (1, ?)", (b"\xff",))

    assert any("takes more than 7 lines" in note for note in seen_by(tmp_path, "coverage").notes)


def test_files_that_only_say_name_hide_no_pipeline_behind_them(tmp_path, monkeypatch):
    monkeypatch.setattr(pipelines, "PIPELINES_MAX", 2)
    some = {f"a{number}.yaml": "name: x\n" for number in range(4)}
    some |= {f"b{number}.yaml": "name: b\nstages:\n- 7\n" for number in range(3)}
    written(tmp_path, some)

    seen = seen_by(tmp_path, "pipelines")

    assert {each.place.path for each in seen.anomalies} == {"b0.yaml", "b1.yaml"}
    assert len(seen.notes) == 2


def test_entities_are_not_declared_in_another_encoding(tmp_path):
    text = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "a">]><coverage/>'
    written(tmp_path, {"app.py": BIG})
    (tmp_path / "coverage.xml").write_bytes(text.encode("utf-16"))

    assert any("is not UTF-8" in note for note in seen_by(tmp_path, "coverage").notes)


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("app.py", "app.py"),
        ("/build/app.py", "app.py"),
        ("C:\\build\\pkg\\app.py", "pkg/app.py"),
        ("deep/app.py", "src/more/deep/app.py"),
        ("per.py", ""),
        ("/build/upper.py", ""),
    ],
)
def test_a_report_names_files_from_wherever_it_was_made(told, meant):
    files = ("app.py", "pkg/app.py", "src/deep/app.py", "src/more/deep/app.py", "super.py")

    assert coverage._Names(files).meant(told) == meant


def test_each_function_is_looked_at_once_however_they_call_each_other(monkeypatch):
    looked = []
    asserts = outline.asserts

    def counted(function, known):
        looked.append(function.name)
        return asserts(function, known)

    monkeypatch.setattr(outline, "asserts", counted)
    chain = "".join(f"def f{n}():\n    f{n + 1}()\n" for n in range(300))
    text = (
        f"{chain}def f300():\n    assert g()\ndef test_it():\n    f0()\ndef test_no():\n    g()\n"
    )

    assert list(outline.empty_tests(ast.parse(text))) == [(605, "test_no", True)]
    assert len(looked) == 303


def test_each_link_of_a_chain_of_calls_is_passed_once():
    known: dict[int, str] = {}
    (function,) = ast.parse("def f():\n    a" + ".b()" * 300 + "\n").body
    assert isinstance(function, ast.FunctionDef)

    assert outline.asserts(function, known) == (False, {"a", "b"})
    assert len(known) == 600 - 1


def test_a_part_of_a_batch_has_less_time_and_all_of_them_an_end(tmp_path, monkeypatch):
    limits = {}

    def slow(_command, *, limit_s, given, **_):
        limits[len(given.splitlines())] = limit_s
        raise ToolFailedError("took longer")

    monkeypatch.setattr(outlines, "run", slow)
    files = [f"m{n}.py" for n in range(400)]
    outlines._batch(tmp_path, files, float("inf"))
    monkeypatch.setattr(outlines, "ALL_LIMIT_S", 0.0)
    report = seen_by(written(tmp_path, {"app.py": BIG}), "readability")

    assert limits == {400: 60.0, 200: 30.0, 100: 15.0, 50: 7.5} | dict.fromkeys(
        (25, 13, 12, 7, 6, 4, 3, 2, 1), 5.0
    )
    assert [each.message for each in report.anomalies] == [
        "Python cannot parse this file: no time was left to read it"
    ]


@pytest.mark.parametrize("error", [OSError(28, "no space"), MemoryError(), RecursionError()])
def test_an_observer_that_cannot_look_is_a_note(tmp_path, error):
    def fail(*_):
        raise error

    report = watch(written(tmp_path, {"app.py": BIG}), observers=[Observer("own", fail)])

    assert any(note.startswith("own: could not look") for note in report.notes)


RULES = """\
rules:
  - {id: pattern, languages: [python], severity: ERROR, message: m, pattern: eval(...)}
  - {id: joined, mode: join, join: {refs: [{rule: "http://127.0.0.1:1/x"}]}, message: m}
  - {id: unsaid, join: {refs: [{rule: p/python}]}, message: m}
  - {id: asking, mode: search, validators: [{http: {}}], message: m}
  - p/default
"""


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A program in place of semgrep that keeps the rules it is given."""
    kept = tmp_path / "kept"
    program = tmp_path / "bin" / "semgrep"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\nfor each; do case $each in --config=*) "
        f'cat "${{each#--config=}}" > {kept};; esac; done\necho \'{{"results": []}}\'\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return kept


def test_rules_that_ask_a_server_are_left_out(tmp_path, asked):
    root = written(tmp_path / "root", {"app.py": BIG, ".semgrep.yml": RULES})

    notes = seen_by(root, "semgrep").notes

    assert [each["id"] for each in json.loads(asked.read_text())["rules"]] == ["pattern"]
    assert [note.split("'")[1] for note in notes] == ["joined", "unsaid", "asking", "p/default"]


@pytest.mark.parametrize("rules", ["rules: &a [*a]\n", "[", "rules: 7\n", "- x\n", "\0"])
def test_rules_that_cannot_be_read_are_a_note_and_nobody_is_asked(tmp_path, asked, rules):
    root = written(tmp_path / "root", {"app.py": BIG, ".semgrep.yml": rules})

    (note,) = seen_by(root, "semgrep").notes

    assert note.startswith("semgrep: .semgrep.yml ")
    assert not asked.exists()


def test_a_git_folder_is_read_through_no_link_and_keeps_nobody_waiting(tmp_path):
    (tmp_path / "secret").write_text("secret")
    for name in ("head", "pipe", "bytes"):
        root = written(tmp_path / name, {"app.py": BIG})
        if name == "pipe":
            os.mkfifo(root / ".git")
        else:
            committed(root)
    (tmp_path / "head/.git/HEAD").unlink()
    (tmp_path / "head/.git/HEAD").symlink_to(tmp_path / "secret")
    (tmp_path / "bytes/.git/refs/heads/main").write_bytes(b"\xff\xfe")

    for name, why in (("head", "is a link"), ("pipe", "no file that"), ("bytes", "no commit")):
        with pytest.raises(NotReviewableError, match=why):
            seen_by(tmp_path / name, since="HEAD")
