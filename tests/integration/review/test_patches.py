"""Patches: made only where that is sure, tried in a copy, and never outside the repository."""

from __future__ import annotations

import os
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


UNSURE = {
    "a loader that somebody has chosen": "import yaml\n\nyaml.load('a', Loader=yaml.Loader)\n",
    "two on a line": "import yaml\n\nprint(yaml.load('a'), yaml.load('b'))\n",
    "a name like it": "import yaml as y\n\ny.load('a')\n",
}


@pytest.mark.parametrize("text", UNSURE.values(), ids=UNSURE)
def test_what_is_not_sure_makes_no_patch(repository, text):
    (repository / "load.py").write_text(text)
    found = suggested(repository).get(Remedy.LOAD_SAFELY)

    assert found is None or (found.patch, found.trial) == ("", PatchTrial.NONE)


def at(path: str, line: int = 1) -> Sighting:
    return Sighting(
        kind=AnomalyKind.DEAD_CODE,
        severity=AnomalySeverity.LOW,
        confidence=0.9,
        path=path,
        line=line,
        message="`os` imported but unused",
        tool="ruff",
        rule="F401",
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
