"""Patches: made only where that is sure, tried in a copy, and never outside the repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.remedy import Remedy
from dsl.review.sighting import Sighting
from dsl.review.suggestion import PatchTrial, Suggestion
from dsl.rules.review.fingerprints import named
from integrations.review import suggester
from integrations.review.observers.bandit import BANDIT
from integrations.review.observers.ruff import RUFF
from integrations.review.patches import trial
from integrations.review.patches.trial import NamedChecks
from integrations.review.suggester import suggestions_for
from integrations.review.watcher import watch

IMPORTS = "import os\nimport sys, json\n\n\ndef read(text):\n    return json.loads(text)\n"
BARE = "def read(text):\n    try:\n        return int(text)\n    except:\n        return None\n"
LOAD = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"
FILES = {"imports.py": IMPORTS, "bare.py": BARE, "load.py": LOAD}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    for name, text in FILES.items():
        (root / name).write_text(text)
    return root


def suggested(root: Path, *checks: str) -> dict[Remedy, Suggestion]:
    seen = watch(root, observers=(RUFF, BANDIT))
    return {each.remedy: each for each in suggestions_for(root, seen.anomalies, {}, checks)}


def test_a_patch_does_away_with_what_it_is_for_and_nothing_else(repository):
    found = suggested(repository)

    assert (
        "-import os\n-import sys, json\n+import json\n" in found[Remedy.REMOVE_UNUSED_IMPORT].patch
    )
    assert "-    except:\n+    except Exception:\n" in found[Remedy.NARROW_EXCEPT].patch
    assert "+    return yaml.safe_load(text)\n" in found[Remedy.LOAD_SAFELY].patch
    assert {each.trial for each in found.values()} == {PatchTrial.UNCHECKED}
    assert {name: (repository / name).read_text() for name in FILES} == FILES


CHECKS = {
    "that pass": ("import imports, bare", PatchTrial.HELD, "passes with the patch"),
    "that fail without it": ("import nowhere", PatchTrial.UNCHECKED, "fails without the patch"),
    "that fail with it": (
        "assert 'except:' in open('bare.py').read()",
        PatchTrial.FAILED,
        "fails with the patch",
    ),
}


@pytest.mark.parametrize("checks", CHECKS)
def test_checks_that_were_named_say_whether_it_holds(repository, checks):
    code, trial, told = CHECKS[checks]
    found = suggested(repository, sys.executable, "-c", code)[Remedy.NARROW_EXCEPT]

    assert found.trial is trial
    assert told in found.trial_says[-1]


def test_a_check_that_is_not_there_checks_nothing(repository):
    found = suggested(repository, "no-such-command")[Remedy.NARROW_EXCEPT]

    assert found.trial is PatchTrial.UNCHECKED
    assert "could not be started" in found.trial_says[-1]


def test_checks_are_found_where_the_sandbox_finds_programs(repository, tmp_path, monkeypatch):
    program = tmp_path / "bin" / "own-check"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    assert suggested(repository, "own-check")[Remedy.NARROW_EXCEPT].trial is PatchTrial.HELD


def test_all_checks_together_have_an_end(repository, tmp_path):
    code = f"import time; time.sleep(600 if open({str(tmp_path / 'slow')!r}).read() else 0)"
    checks = NamedChecks(repository, (sys.executable, "-c", code))
    (tmp_path / "slow").write_text("")
    first = checks.try_with("bare.py", BARE)
    (tmp_path / "slow").write_text("x")
    checks.left_s = 1.0
    cut_short = checks.try_with("bare.py", BARE)
    not_begun = checks.try_with("bare.py", BARE)

    assert first.outcome is PatchTrial.HELD
    for each in (cut_short, not_begun):
        assert each.outcome is PatchTrial.UNCHECKED
        assert "no time was left" in each.says[-1]


def test_a_repository_that_cannot_be_walked_checks_nothing(repository, monkeypatch):
    def gone(_root):
        raise FileNotFoundError(2, "gone")

    monkeypatch.setattr(trial, "_too_large", gone)
    found = suggested(repository, "true")[Remedy.NARROW_EXCEPT]

    assert found.trial is PatchTrial.UNCHECKED
    assert "could not be copied" in found.trial_says[-1]


def test_no_patch_is_tried_of_which_nobody_hears(repository, monkeypatch):
    monkeypatch.setattr(suggester, "SUGGESTIONS_MAX", 1)
    seen = watch(repository, observers=(RUFF, BANDIT))

    first, *others = suggestions_for(repository, seen.anomalies, {})

    assert first.patch
    assert others
    assert not any(each.patch for each in others)


MENDED = {
    "two loads on a line": (
        "import yaml\n\nprint(yaml.load('a'), yaml.load('b'))\n",
        "print(yaml.safe_load('a'), yaml.safe_load('b'))",
    ),
    "a load by another name": ("import yaml as y\n\ny.load('a')\n", "y.safe_load('a')"),
    "a bare except with a blank": (
        "try:\n    pass\nexcept :\n    print('except:')\n",
        "except Exception :",
    ),
    "a default that calls share": ("def f(a=[]):\n    return a\n", "        a = []"),
    "two of them": ("def f(a=[], b={}):\n    return a, b\n", "        b = {}"),
    "one whose type has None": (
        "def f(a: list | None = []):\n    return a\n",
        "def f(a: list | None = None):",
    ),
    "a value compared by identity": ("def f(a):\n    return a is 1\n", "    return a == 1"),
    "a variable that nothing reads": ("def f(a):\n    b = a()\n", "    a()"),
    "super without brackets": (
        "class A:\n    def __init__(self):\n        super.__init__()\n",
        "        super().__init__()",
    ),
    "an import that comes twice": ("import os\nimport os\n\nos.sep\n", "import os"),
    "a value that stands twice in a set": ("S = {1, 1, 2}\n", "S = {1, 2}"),
    # Lines are those of Python, of ruff and of an editor: neither ends one.
    "behind a form feed": ("A = 1\n\x0c\nB = '\u2028'\nS = {1, 1, 2}\n", "S = {1, 2}"),
    "with ends of lines as Windows has them": ("A = 1\r\nS = {1, 1, 2}\r\n", "S = {1, 2}"),
    "behind a mark of byte order": ("\ufeffS = {1, 1}\n", "\ufeffS = {1}"),
}


def test_what_is_sure_is_mended_and_the_patches_apply(tmp_path):
    for name, (text, _) in MENDED.items():
        (tmp_path / f"{name}.py").write_bytes(text.encode())

    seen = watch(tmp_path, observers=(RUFF, BANDIT))
    found = [each for each in suggestions_for(tmp_path, seen.anomalies, {}) if each.patch]
    (tmp_path / "patch").write_bytes("".join(each.patch for each in found).encode())
    subprocess.run(["git", "apply", "patch"], cwd=tmp_path, check=True)

    assert {each.trial for each in found} == {PatchTrial.UNCHECKED}
    for name, (text, after) in MENDED.items():
        end = "\r\n" if "\r" in text else "\n"
        assert after in (tmp_path / f"{name}.py").read_bytes().decode().split(end), name


UNSURE = {
    "a loader that somebody has chosen": "import yaml\n\nyaml.load('a', Loader=yaml.Loader)\n",
    "a default that has a type": "def f(a: list = []):\n    return a\n",
    "a default, and nothing that uses it": "def f(a=[]): return a\n",
    "a format and its arguments": "print('%(a)s' % {'a': 1, 'b': 2})\n",
    "a name that is not there": "print(nowhere)\n",
    "an exception that nobody raises": "ValueError('no')\n",
}


def test_what_is_not_sure_makes_no_patch(tmp_path):
    for name, text in UNSURE.items():
        (tmp_path / f"{name}.py").write_text(text)
    seen = watch(tmp_path, observers=(RUFF, BANDIT))
    found = suggestions_for(tmp_path, seen.anomalies, {})

    assert {each.place.path.removesuffix(".py") for each in found} == set(UNSURE)
    assert {(each.patch, each.trial) for each in found} == {("", PatchTrial.NONE)}


def test_a_patch_is_tried_only_where_what_it_is_for_is_seen(repository):
    """Of what nobody sees without the patch, being gone says nothing."""
    seen = at("bare.py", 4, rule="E722")  # of a watcher that calls it another kind of thing
    (found,) = suggestions_for(repository, named([seen]), {})

    assert (bool(found.patch), found.trial) == (True, PatchTrial.UNTRIED)


@pytest.mark.parametrize("rule", ["ALL", "E722/../x", "config:x"])
def test_a_rule_that_is_none_of_ruff_is_never_on_its_command_line(repository, rule):
    (found,) = suggestions_for(repository, named([at("imports.py", rule=rule)]), {})

    assert found.patch == ""


def at(path: str, line: int = 1, rule: str = "F401") -> Sighting:
    return Sighting(
        kind=AnomalyKind.DEAD_CODE,
        severity=AnomalySeverity.LOW,
        confidence=0.9,
        path=path,
        line=line,
        message="`os` imported but unused",
        tool="ruff",
        rule=rule,
    )


@pytest.mark.parametrize(
    "path", ["../outside.py", "/etc/passwd.py", "link.py", "folder.py", "gone.py", "huge.py"]
)
def test_nothing_but_regular_files_of_the_repository_is_read(repository, path):
    (repository.parent / "outside.py").write_text("import os\n")
    (repository / "link.py").symlink_to(repository.parent / "outside.py")
    (repository / "folder.py").mkdir()
    (repository / "huge.py").write_text("import os\n" + "#" * (2 << 20))

    (found,) = suggestions_for(repository, named([at(path)]), {})

    assert (found.patch, found.trial) == ("", PatchTrial.NONE)


def test_a_line_that_is_not_there_any_more_makes_no_patch(repository):
    for line in (0, 3, 999):
        (found,) = suggestions_for(repository, named([at("imports.py", line)]), {})
        assert found.patch == ""


def test_a_statement_of_which_only_a_part_was_found_is_left_alone(repository):
    (repository / "imports.py").write_text("from os import path, sep\n")
    (found,) = suggestions_for(repository, named([at("imports.py")]), {})

    assert found.patch == ""
