"""``mandate review`` as people and their CI type it."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from dsl.core import Tier
from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from integrations.ledger.entries import Draft
from integrations.ledger.ledger import Ledger
from integrations.review.observers.bandit import BANDIT
from integrations.review.observers.ruff import RUFF
from integrations.review.watcher import watch
from mandate.people.errors import RefusalError
from mandate.work.review import run
from tests.integration.review.repositories import committed, seen_by, written
from tests.replay.record import file_of
from tests.unit.mandate.programs import environment, mandate

SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0-rtm.5.json").read_text())
ENDED = {"status": "completed", "errors": 0, "phases": "BOOTSTRAP EXECUTE EXIT"}
FILES = {
    "app/__init__.py": "",
    "app/run.py": "import subprocess\n\n\ndef run(given):\n    subprocess.run(given, shell=True)\n",
    "app/walk.py": "import os\n\n\ndef walk():\n    return nowhere\n",
    "app/a b.py": "import os\n",
}


@pytest.fixture
def root(tmp_path):
    return written(tmp_path / "repository", FILES)


@pytest.mark.parametrize(
    "words",
    [
        *(["-o", "none/review.md"], ["--sarif", "."], ["--patch", "none/x"]),
        *(["--write-baseline", "none/x"], ["--ledger", "none.db"], ["--histories", "none"]),
        *(["--baseline", "none"], ["--since", "none"]),
    ],
    ids=lambda each: each[0],
)
def test_what_keeps_a_review_from_coming_about_is_no_finding_and_is_found_out_before(
    root, tmp_path, words, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    looked: list[Any] = []
    monkeypatch.setattr(run, "suggestions_for", lambda *given: looked.append(given))
    option, value = words
    field = {"-o": "page"}.get(option, option.removeprefix("--").replace("-", "_"))
    asked: dict[str, Any] = {field: value if option == "--since" else Path(value)}

    assert run.run(run.ReviewRequest(root, **asked)) == 2
    assert capsys.readouterr().err.startswith("mandate review: ")
    assert not looked


def test_five_lines_the_worst_first_and_how_to_see_the_rest(root, tmp_path):
    done = mandate("review", root, cwd=tmp_path)

    first, *worst, do, last = done.stdout.splitlines()
    assert done.returncode == 0
    assert len(worst) == 2
    assert "2 high, 2 low in 4 files" in first
    assert "high" in worst[0]
    assert "high" in worst[1]
    assert do.startswith("  first app/")
    assert "2 more findings, 4 suggestions, 2 with a patch" in last
    assert last.endswith(f"mandate review {root} -o review.md")


def test_suggestions_come_with_the_review_in_rank_and_their_patches_apply(root, tmp_path):
    words = ("review", root, "--suggestions", "--patch", "r.patch", "-o", "r.md", "--json")
    told = json.loads(mandate(*words, cwd=tmp_path).stdout)["suggestions"]
    listed = mandate(*words[:3], cwd=tmp_path).stdout.partition("\n\n")[2].splitlines()
    page = (tmp_path / "r.md").read_text()
    subprocess.run(["git", "apply", "../r.patch"], cwd=root, check=True)

    assert [float(each["score"]) for each in told] == sorted(
        (float(each["score"]) for each in told), reverse=True
    )
    assert [line.split()[0] for line in listed] == ["SUGGESTION", *(each["id"] for each in told)]
    assert all(each["id"] in page for each in told)
    fixable = [each for each in told if each["auto_fixable"]]
    assert {(each["remedy"], each["trial"]) for each in fixable} == {
        ("remove-unused-import", "unchecked")
    }
    assert {each["place"]["path"] for each in fixable} == {"app/walk.py", "app/a b.py"}
    assert "import os" not in (root / "app/walk.py").read_text() + (root / "app/a b.py").read_text()


def test_what_became_of_suggestions_moves_the_rank(root, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "watch", partial(watch, observers=[RUFF, BANDIT]))
    path = tmp_path / "ledger.db"
    asked = run.ReviewRequest(root, ledger=path)
    with Ledger(path):
        pass
    (first, *_) = run.review(asked).suggestions
    refused = {"suggestion": first.id, "outcome": "rejected", "reason": "no"}
    with Ledger(path) as ledger:
        entry = Draft("k", "review", "r", "review", Tier.T0, "review.outcome", refused)
        asyncio.run(ledger.append([entry]))

    again = {each.id: each.score for each in run.review(asked).suggestions}

    assert float(again[first.id]) == pytest.approx(float(first.score) * 2 / 3, abs=1e-5)


def test_the_exit_code_is_one_only_for_what_is_new_and_as_bad(root, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "watch", partial(watch, observers=[RUFF]))

    def code(fail_on: str | None = None, **words: Any) -> int:
        least = None if fail_on is None else AnomalySeverity(fail_on)
        return run.run(run.ReviewRequest(root, fail_on=least, **words))

    known, sarif = tmp_path / "known.json", tmp_path / "known.sarif"
    assert code("high") == 1
    assert code("critical") == 0
    assert code(write_baseline=known, sarif=sarif) == 0
    for each in (known, sarif):
        assert code("low", baseline=each) == 0
    written(root, {"app/walk.py": "# a line more\n" + FILES["app/walk.py"]})
    assert code("low", baseline=known) == 0
    written(root, {"app/more.py": FILES["app/walk.py"]})
    assert code("high", baseline=known) == 1


def test_all_forms_say_the_same_and_sarif_fits_its_schema(root, tmp_path):
    soon = (datetime.now(UTC) + timedelta(days=30)).date()
    suppress = f"suppress:\n  - {{rule: B602, reason: 'a | [b](c)', until: {soon}}}\n"
    suppress += "  - {rule: B999, reason: old, until: 2020-01-01}\n"
    written(root, {".mandate-review.yaml": suppress})

    done = mandate("review", root, "--json", "--sarif", "r.sarif", "-o", "r.md", cwd=tmp_path)

    told = json.loads(done.stdout)
    document = json.loads((tmp_path / "r.sarif").read_text())
    page = (tmp_path / "r.md").read_text()
    assert list(Draft7Validator(SCHEMA).iter_errors(document)) == []
    (run,) = document["runs"]
    by_print = {each["partialFingerprints"]["mandateReview/v1"]: each for each in run["results"]}
    suppressed = [each["anomaly"] for each in told["suppressed"]]
    assert {each["fingerprint"] for each in (*told["new"], *suppressed)} == set(by_print)
    assert [bool(by_print[each["fingerprint"]].get("suppressions")) for each in suppressed] == [
        True
    ]
    assert all(each["fingerprint"] in page for each in told["new"])
    assert any("expired on 2020-01-01" in note for note in told["notes"])
    assert {
        each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for each in run["results"]
    } == {
        "app/run.py",
        "app/walk.py",
        "app/a%20b.py",
    }


def test_who_gives_up_leaves_no_tool_at_work(root, tmp_path):
    # So much of it that tools are at work for a while.
    written(root, {"app/slow.py": "x = (" + "1 + " * 20_000 + "1)\n" + "def f(): ...\n" * 30_000})
    words = [sys.executable, "-m", "mandate", "review", str(root)]
    environ = environment({"TMPDIR": str(tmp_path)})
    with subprocess.Popen(words, cwd=tmp_path, env=environ, stderr=subprocess.PIPE) as process:
        while not (tools := list(_tools(process.pid))):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert process.returncode == 130
    assert [pid for pid in tools if Path(f"/proc/{pid}").exists()] == []
    assert list(tmp_path.glob("mandate-review-*")) == []


def _tools(pid: int) -> Iterator[str]:
    """Yield the processes of tools that are at work for a review."""
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        children: list[str] = []
        with suppress(OSError):  # the thread has ended
            children = listed.read_text().split()
        for child in children:
            with suppress(OSError):
                if b"vulture" in Path(f"/proc/{child}/cmdline").read_bytes():
                    yield child


def test_text_of_the_repository_does_nothing_where_it_is_shown(root, tmp_path):
    written(root, {"app/\u202ex.py": "import os  # \x1b[2J](x) <script> `| **\n"})

    done = mandate("review", root, "-o", "r.md", cwd=tmp_path)

    assert "\x1b" not in done.stdout + (tmp_path / "r.md").read_text()
    assert "\u202e" not in done.stdout + (tmp_path / "r.md").read_text()


def test_since_a_commit_only_what_is_other_counts(root):
    committed(root)
    written(root, {"app/new.py": "import os\n", "app/run.py": FILES["app/run.py"] + "\n"})

    report = seen_by(root, "ruff", "bandit", since="HEAD")

    assert {each.place.path for each in report.anomalies} == {"app/new.py", "app/run.py"}
    assert report.files == 2


def test_a_folder_below_the_top_of_a_repository_has_its_history(root):
    committed(root)
    written(root, {"app/new.py": "import os\n"})

    (anomaly,) = seen_by(root / "app", "ruff", since="HEAD").anomalies

    assert anomaly.place.path == "new.py"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere"], "is no folder"),
        (["repository", "--since", "no-such"], "what has changed since"),
        (["repository", "--baseline", "nowhere"], "cannot be read"),
        (["repository", "--baseline", "repository/app/run.py"], "it is not JSON"),
        (["repository", "--baseline", "other.json"], "expected what --write-baseline"),
    ],
)
def test_what_was_typed_wrongly_is_said_in_one_line(root, tmp_path, words, says):
    (tmp_path / "other.json").write_text("[1]")

    done = mandate("review", *words, cwd=tmp_path)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_suppressions_that_cannot_be_read_are_a_refusal(root, tmp_path):
    written(root, {".mandate-review.yaml": "suppress:\n  - {until: 2026-12-31}\n"})

    done = mandate("review", root, cwd=tmp_path)

    assert done.returncode == 2
    assert ".mandate-review.yaml:2" in done.stderr


def test_what_a_ledger_says_of_behaviour_is_told_beside_the_code(root, tmp_path):
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        asyncio.run(
            ledger.append([Draft("k", "run/stage", "r", "a.b", Tier.T1, "agent.ended", ENDED)])
        )

    told = json.loads(mandate("review", root, "--ledger", path, "--json", cwd=tmp_path).stdout)

    (worst, *_) = told["new"]
    assert (worst["kind"], worst["severity"]) == ("phases-out-of-order", "critical")


def test_what_histories_say_is_told_and_what_is_none_is_left_out(root, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "watch", partial(watch, observers=[RUFF]))
    folder = tmp_path / "histories"
    folder.mkdir()
    text = file_of("approved/publish").read_text()
    (folder / "a.json").write_text(text.replace('"agent.execute"', '"theirs.execute"'))
    (folder / "b.json").write_text("{}")

    reviewed = run.review(run.ReviewRequest(root, histories=folder))

    worst = reviewed.verdict.new[0]
    assert (worst.kind, worst.tool) == (AnomalyKind.PHASES_OUT_OF_ORDER, "history")
    assert any("b.json is no history" in each for each in reviewed.notes)
    for wrong in (folder / "b.json", root, tmp_path / "nowhere"):
        assert run.run(run.ReviewRequest(root, histories=wrong)) == 2


@pytest.mark.parametrize("name", ["nowhere.db", "known.db"])
def test_a_ledger_that_cannot_be_read_is_said_in_one_line(
    root, tmp_path, capsys, monkeypatch, name
):
    monkeypatch.setattr(run, "watch", partial(watch, observers=[RUFF]))
    (tmp_path / "known.db").write_text("words")

    code = run.run(run.ReviewRequest(root, ledger=tmp_path / name))

    assert (code, len(capsys.readouterr().err.splitlines())) == (2, 1)


def test_suppressions_that_are_no_file_are_refused_in_a_sentence(root, tmp_path):
    (root / ".mandate-review.yaml").mkdir()

    done = mandate("review", root, cwd=tmp_path)

    assert done.returncode == 2
    assert ".mandate-review.yaml: cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_page_is_not_written_through_a_link_that_somebody_has_planted(tmp_path, monkeypatch):
    (tmp_path / "victim").write_text("mine")
    (tmp_path / ".known").symlink_to(tmp_path / "victim")
    monkeypatch.setattr(secrets, "token_hex", lambda _bytes: "known")

    with pytest.raises(RefusalError, match="is not written"):
        run._write(tmp_path / "page.md", "text")

    assert (tmp_path / "victim").read_text() == "mine"
