"""Which variables reach whom, and the file that a shell sources."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mandate.stack import environment
from mandate.stack.errors import SettingError

OPERATIONS = Path(__file__).parents[4] / "docs" / "operations.md"
# What the stack says of its own servers and workers, whatever the caller does, and by its options.
STACKS_OWN = {
    "MANDATE_VAULT_ROLES",
    "MANDATE_DRAGONFLY_URL",
    "MANDATE_DRAGONFLY_PASSWORD_FILE",
    "MANDATE_UI",
    "MANDATE_ENGINE_PORTS",
    "MANDATE_QUEUES",
    "MANDATE_HEALTH_PORT",
    "MANDATE_BUILD_ID",
}

values = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z_]{0,9}", fullmatch=True), values, max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory, variables):
    folder = tmp_path_factory.mktemp("env")

    assert environment.read(environment.write(folder, variables)) == variables


def test_the_line_that_sources_it_can_be_typed_whatever_its_folder_is_called(tmp_path):
    folder = tmp_path / "new 2ü"
    folder.mkdir()
    environment.write(folder, {"MANDATE_UI": "http://127.0.0.1:8233"})

    shown = f'{environment.sourced(folder)} && printf %s "$MANDATE_UI"'

    assert subprocess.check_output(["/bin/sh", "-c", shown], text=True) == "http://127.0.0.1:8233"


def test_a_shell_that_sources_the_file_has_the_same_values(tmp_path):
    value = "a 'quoted' $HOME `x` \\ \"y\" *"
    path = environment.write(tmp_path, {"MANDATE_UI": value})
    said = subprocess.run(
        ["sh", "-c", f". '{path}'; sh -c 'printf %s \"$MANDATE_UI\"'"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout == value
    assert path.stat().st_mode & 0o777 == 0o600


def test_servers_learn_next_to_nothing_of_the_caller(tmp_path):
    caller = {"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "s", "VAULT_TOKEN": "t", "HOME": "/root"}

    assert environment.for_servers(caller, tmp_path) == {"PATH": "/bin", "HOME": str(tmp_path)}


def test_workers_never_see_the_callers_servers_or_tokens():
    caller = {
        "VAULT_TOKEN": "s.mine",
        "BAO_TOKEN": "s.mine",
        "TEMPORAL_API_KEY": "k",
        "MANDATE_BUILD_ID": "1",
        "EDITOR": "vi",
    }

    assert environment.for_workers(caller, {"VAULT_ADDR": "http://h"}) == {
        "EDITOR": "vi",
        "VAULT_ADDR": "http://h",
    }


def test_how_to_reach_an_external_server_is_passed_on_but_for_the_callers_token():
    caller = {"TEMPORAL_API_KEY": "k", "VAULT_CACERT": "/ca", "VAULT_TOKEN": "s.mine"}

    extras = environment.connection_extras(caller, {"VAULT_ADDR": "https://vault"})

    assert extras == {"VAULT_CACERT": "/ca"}


def test_settings_are_the_callers_where_given_and_no_path_is_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = environment.settings(
        tmp_path / "data", {"MANDATE_PIPELINES": f"mine{os.pathsep}/theirs", "MANDATE_UI": "x"}
    )

    assert found["MANDATE_PIPELINES"] == f"{tmp_path}/mine{os.pathsep}/theirs"
    assert found["MANDATE_WORKSPACE"] == str(tmp_path)
    assert found["MANDATE_LEDGER"] == str(tmp_path / "data" / "ledger.db")
    assert found["MANDATE_INLINE_TIER"] == found["MANDATE_INITIAL_TIER"] == "T2"
    assert environment.settings(tmp_path, {})["MANDATE_PIPELINES"] == ""


def test_tool_servers_are_looked_for_where_the_caller_says_from_wherever_a_worker_stands(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    (tmp_path / "ops").mkdir()
    chosen = environment.settings(tmp_path, {"MANDATE_TOOLS": "ops:/etc:"})
    assert chosen["MANDATE_TOOLS"] == f"{tmp_path / 'ops'}:/etc"
    assert "MANDATE_TOOLS" not in environment.settings(tmp_path, {})


def test_every_setting_of_a_worker_that_the_caller_gives_reaches_it(tmp_path):
    documented = re.findall(r"^\| `(MANDATE_[A-Z_]+)` \|", OPERATIONS.read_text(), re.MULTILINE)
    caller = {name: str(tmp_path / name.lower()) for name in documented}
    for name in ("MANDATE_LEDGER", "MANDATE_ARTIFACTS"):  # where they lie is the stack's word
        del caller[name]
    Path(caller["MANDATE_TOOLS"]).mkdir()

    chosen = environment.settings(tmp_path, caller)

    assert len(documented) > 20
    assert {name: chosen.get(name) for name in caller if name not in STACKS_OWN} == {
        name: f"{value}:{Path('templates').resolve()}" if name == "MANDATE_TEMPLATES" else value
        for name, value in caller.items()
        if name not in STACKS_OWN
    }


@pytest.mark.parametrize("name", ["MANDATE_NOTIFY", "MANDATE_PROMOTION", "MANDATE_BREAKERS"])
def test_what_names_one_file_names_one_whatever_stands_in_its_path(tmp_path, name):
    file = str(tmp_path / "a:b" / "it.yaml")

    assert environment.settings(tmp_path, {name: file})[name] == file


@pytest.mark.parametrize("name", ["MANDATE_LEDGER", "MANDATE_ARTIFACTS"])
def test_ledger_and_artefacts_outside_the_data_directory_are_refused(tmp_path, name):
    with pytest.raises(SettingError, match=f"{name} names /elsewhere"):
        environment.settings(tmp_path, {name: "/elsewhere"})


@pytest.mark.parametrize("named", ["/nope", "{here}:/nope", "{here}/a-file"])
def test_tool_servers_that_lie_nowhere_are_refused(tmp_path, named):
    (tmp_path / "a-file").touch()

    with pytest.raises(SettingError, match="which is no directory: make it, or name another"):
        environment.settings(tmp_path, {"MANDATE_TOOLS": named.format(here=tmp_path)})


def test_a_sourced_file_of_the_same_data_directory_changes_nothing(tmp_path):
    first = environment.settings(tmp_path, {})

    assert environment.settings(tmp_path, first) == first


class TestWhatACommandWorksWith:
    @pytest.fixture(autouse=True)
    def _surroundings(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for name in list(os.environ):
            if name.startswith(("TEMPORAL_", "VAULT_", "MANDATE_")):
                monkeypatch.delenv(name)

    def write(self, folder: str, address: str) -> None:
        Path(folder).mkdir()
        environment.write(
            Path(folder), {"TEMPORAL_ADDRESS": address, "MANDATE_LEDGER": f"/{folder}"}
        )

    def test_the_file_in_the_working_directory_where_the_environment_names_no_server(self):
        self.write(".mandate", "file:1")

        assert environment.present()["TEMPORAL_ADDRESS"] == "file:1"

    def test_the_environment_alone_where_it_names_any_server(self, monkeypatch):
        self.write(".mandate", "file:1")
        monkeypatch.setenv("VAULT_ADDR", "http://mine")
        found = environment.present()

        assert found["VAULT_ADDR"] == "http://mine"
        assert "TEMPORAL_ADDRESS" not in found  # never half of each
        assert "MANDATE_LEDGER" not in found

    def test_the_data_directory_asked_for_wins_over_the_environment(self, monkeypatch):
        self.write("other", "other:1")
        monkeypatch.setenv("TEMPORAL_ADDRESS", "mine:1")
        monkeypatch.setenv("VAULT_TOKEN", "s.mine")
        found = environment.present(Path("other"))

        assert found["TEMPORAL_ADDRESS"] == "other:1"
        assert "VAULT_TOKEN" not in found

    def test_a_data_directory_asked_for_that_is_no_stack_is_refused(self, monkeypatch):
        monkeypatch.setenv("TEMPORAL_ADDRESS", "mine:1")
        for name in ("elsewhere", "x" * 300):
            with pytest.raises(SettingError, match="expected the directory of a stack, got "):
                environment.present(Path(name))

    def test_where_documents_lie_is_what_the_caller_says(self, monkeypatch):
        Path(".mandate").mkdir()
        stack = {"TEMPORAL_ADDRESS": "file:1", "MANDATE_TOOLS": "old", "MANDATE_PIPELINES": "old"}
        environment.write(Path(".mandate"), stack)
        monkeypatch.setenv("MANDATE_TOOLS", "mine")
        found = environment.present()

        names = ("TEMPORAL_ADDRESS", "MANDATE_TOOLS", "MANDATE_PIPELINES")
        assert [found[name] for name in names] == ["file:1", "mine", "old"]
        assert environment.present(Path(".mandate"))["MANDATE_TOOLS"] == "old"

    def test_the_environment_where_there_is_no_file(self, monkeypatch):
        monkeypatch.setenv("MANDATE_PIPELINES", "here")

        assert environment.present()["MANDATE_PIPELINES"] == "here"
