"""``mandate agents`` and ``mandate agent show``, before a ledger with agents on it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations.ledger.ledger import Ledger
from mandate.people.standing import likely, likely_at
from tests.fixtures.trust.facts import CRITERIA
from tests.integration.ledger.drafts import draft, intruder
from tests.unit.mandate.programs import mandate

BOUND = {"entity": "e", "pipeline": "deploy", "template": "default", "program": ""}
BUDGET = {"error_budget": {"errors": 3, "window_ms": 600_000}}
KEY = "kv-build/key#value"
LONG = "inline-0123456789ab." + "very-" * 20 + "long"


def told(n: int, agent: str, action: str, **payload: Any) -> Any:
    return draft(n, agent=agent, action=action, payload=payload, workflow_id=f"w/{agent}")


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A ledger on which one agent is worthy, one was naughty, one is revoked, one has a long id."""
    entries = [
        told(0, "checker", "agent.registered", tier="T1", **BOUND),
        *(e for n in range(2) for e in one_run(1 + 2 * n, "checker")),
        told(10, "planner", "agent.registered", tier="T2", **BOUND),
        *one_run(11, "planner", error_budget={"errors": 4, "window_ms": 86_400_000}),
        told(
            13, "planner", "agent.intended", path="look", secrets=["kv-build/key#value"], **BUDGET
        ),
        told(14, "planner", "agent.violated", kind="denied-path", consequence="demote"),
        told(15, "planner", "agent.demoted", was="T2", now="T1", because="denied-path"),
        told(20, "gone", "agent.registered", tier="T0", **BOUND),
        told(21, "gone", "agent.revoked", epoch=5, reason="it is bad", by="ann"),
        told(30, LONG, "agent.registered", tier="T0", **BOUND),
        told(32, "planner", "agent.erred", phase="PLAN", errors={"a": now_ms(), "old": 5}),
        told(33, "planner", "agent.erred", phase="EXECUTE", errors={"a": now_ms(), "b": now_ms()}),
        told(31, "checker", "agent.erred", phase="EXECUTE", errors={"e": now_ms()}),
    ]
    with Ledger(tmp_path / "ledger.db") as ledger:
        await ledger.append(entries)
    return tmp_path


def now_ms() -> int:
    return int(time.time() * 1000)


def one_run(n: int, agent: str, **said: Any) -> Iterator[Any]:
    yield told(n, agent, "agent.intended", path="look", secrets=[], **said)
    yield told(n + 1, agent, "agent.ended", status="completed", attempts=1)


def say(folder: Path, *words: str, **env: str) -> Any:
    variables = {"MANDATE_LEDGER": str(folder / "ledger.db"), "MANDATE_PROMOTION": str(CRITERIA)}
    return mandate(*words, cwd=folder, env={**variables, **env})


def test_every_agent_is_a_row_that_fits_the_screen_and_ends_with_its_whole_id(folder):
    said = say(folder, "agents")
    rows = {line.split()[-1]: line.split()[:-1] for line in said.stdout.splitlines()}

    assert (said.returncode, said.stderr) == (0, "")
    assert (
        max(
            len(line)
            for name, line in zip(rows, said.stdout.splitlines(), strict=True)
            if name != LONG
        )
        <= 100
    )
    assert rows["checker"][0] == "T1"
    assert rows["checker"][2:] == ["2", "2/2", "0", "0%", "0", "T2:", "all", "met"]
    assert rows["planner"][2:] == ["0", "1/1", "1", "0%", "1", "T2:", "3", "unmet"]
    assert (rows["gone"][0], rows["gone"][-3:]) == ("revoked", ["reinstate:", "all", "met"])
    assert LONG in rows


def test_the_same_is_told_to_programs_one_object_per_line(folder):
    said = say(folder, "agents", "--json")
    cards = {card["agent"]: card for card in map(json.loads, said.stdout.splitlines())}

    assert set(cards) == {"checker", "planner", "gone", LONG}
    assert cards["checker"]["next"]["unmet"] == []
    assert (cards["planner"]["tier"], cards["planner"]["demotions"]["total"]) == ("T1", 1)
    assert cards["planner"]["next"]["unmet"][0] == "0 compliant runs in a row at T1, 2 needed"
    assert cards["gone"]["revocations"] == {"total": 1, "revoked": True, "epoch": 5}


def test_one_agent_is_shown_with_all_there_is_and_what_is_missing(folder):
    said = say(folder, "agent", "show", "planner")

    assert said.returncode == 0
    for words in (
        "tier        T1 (operator) since 20",
        "bound to    pipeline deploy, template default",
        "runs        1 ended, 1 compliant, 0 of them in a row at T1",
        "violations  1 (denied-path 1)",
        "denied-path, demote, entry 9",
        "demotions   1, the last 20",
        "secrets     kv-build/key#value",
        "evidence    6 entries, 5 to 10",
        "the ledger verifies",
        "w/planner  since",
        "next        mandate promote planner --to T2, once this is met:",
        "- 0 compliant runs in a row at T1, 2 needed",
        "- 1 violation(s) within 1h",
        "s ago, 1h have to pass after a demotion",
        "asks 1 of group:sre, within 1h",
    ):
        assert words in said.stdout, said.stdout


def test_the_error_budget_it_was_last_begun_under_is_shown_with_what_burns(folder):
    said = say(folder, "agent", "show", "planner")
    none = say(folder, "agent", "show", "checker")
    card = json.loads(say(folder, "agent", "show", "planner", "--json").stdout)

    assert "errors      2 of 3 used within 10m, burn rate 66 %" in said.stdout
    assert "errors      no budget declared" in none.stdout
    assert (card["error_budget"]["left"], card["error_budget"]["burn_percent"]) == (1, 66)


def test_what_comes_next_is_told_as_the_command_for_it(folder):
    assert (
        "next        mandate promote checker --to T2\n"
        in say(folder, "agent", "show", "checker").stdout
    )
    assert (
        "next        mandate reinstate gone --reason REASON\n"
        in say(folder, "agent", "show", "gone").stdout
    )


def test_an_agent_nobody_knows_is_a_failure_with_a_suggestion(folder):
    said = say(folder, "agent", "show", "cheker")

    assert (said.returncode, said.stdout) == (2, "")
    assert "ledger.db knows no agent 'cheker'; did you mean 'checker'?" in said.stderr


INLINE = f"inline-{'a' * 12}.hello.greet"


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({INLINE, "other"}, f"did you mean '{INLINE}'?"),
        ({INLINE, f"inline-{'b' * 12}.hello.greet", "other"}, f"agents: {INLINE}, inline-bbbb"),
        ({"hello.great", "other"}, "did you mean 'hello.great'?"),
        (set(), ""),
    ],
)
def test_an_agent_that_is_named_without_what_its_id_begins_with_is_suggested(known, said):
    assert likely("hello.greet", known).startswith(said)


def test_which_agent_was_meant_is_not_asked_of_a_ledger_that_is_not_there(tmp_path, folder):
    assert likely_at("cheker", {"MANDATE_LEDGER": str(tmp_path / "none.db")}) == ""
    ledger = {"MANDATE_LEDGER": str(folder / "ledger.db")}
    assert likely_at("cheker", ledger) == "did you mean 'checker'?"


def test_a_name_that_is_none_moves_no_cursor(folder):
    said = say(folder, "agent", "show", "\x1b[2J{{ x }}")

    assert said.returncode == 2
    assert "\x1b" not in said.stderr


def test_evidence_that_was_altered_is_told(folder):
    with intruder(folder / "ledger.db") as connection:
        connection.execute("DROP TRIGGER ledger_no_delete")
    said = say(folder, "agent", "show", "checker", "--json")
    card = json.loads(said.stdout)

    assert card["verified"] is False
    assert "does not verify" in card["next"]["unmet"][0]

    with intruder(folder / "ledger.db") as connection:
        connection.execute("DROP TRIGGER ledger_no_update")
        connection.execute("UPDATE ledger SET payload = '{}' WHERE seq = 1")
    said = say(folder, "agents")
    assert (said.returncode, said.stdout) == (1, "")
    assert "entry 1 was altered" in said.stderr


def test_without_a_ledger_or_with_bad_criteria_there_is_one_clear_error(folder, tmp_path):
    said = say(folder, "agents", "--ledger", "none.db")
    assert (said.returncode, said.stdout) == (2, "")
    assert "none.db" in said.stderr

    (folder / "bad.yaml").write_text("tiers: {}\nafter_demotion: soon\n")
    said = say(folder, "agents", MANDATE_PROMOTION=str(folder / "bad.yaml"))
    assert (said.returncode, said.stdout) == (2, "")
    assert "bad.yaml:2:17: after_demotion" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_ledger_without_agents_says_so(tmp_path):
    Ledger(tmp_path / "ledger.db").close()
    said = say(tmp_path, "agents")

    assert (said.returncode, said.stdout[:17]) == (0, "no agent is known")
