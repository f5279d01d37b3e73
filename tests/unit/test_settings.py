"""The environment of a worker: what is read, what is refused, what is hidden from agents."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.contracts import specs
from dsl.core import Tier
from integrations.settings import SettingsError, read_settings


def test_an_empty_environment_gives_a_production_worker():
    settings = read_settings({})

    assert settings.inline_tier is Tier.T0
    assert settings.initial_tier is Tier.T0
    assert settings.gate_identity == "verified"
    assert not settings.registers_catalogue


@pytest.mark.parametrize(("value", "allowed"), [("", True), ("1", True), ("0", False)])
def test_heads_of_outputs_stay_out_of_history_where_that_is_said(value: str, allowed: bool):
    assert read_settings({"MANDATE_GATE_HEADS": value}).gate_heads is allowed


def test_one_process_serves_every_queue_unless_told_otherwise():
    queues = (specs.QUEUE, specs.QUEUE_T3, specs.QUEUE_TRUST, specs.QUEUE_LEDGER)

    assert read_settings({}).queues == queues
    assert read_settings({"MANDATE_QUEUES": "mandate-t3"}).queues == (specs.QUEUE_T3,)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MANDATE_INLINE_TIER", "T3"),
        ("MANDATE_INITIAL_TIER", "T4"),
        ("MANDATE_INLINE_TIER", "many"),
        ("MANDATE_GATE_IDENTITY", "anyone"),
        ("MANDATE_GATE_HEADS", "no"),
        ("MANDATE_QUEUES", "mandate,mandat-ledger"),
        ("MANDATE_ENGINE_PORTS", "7001;7002"),
        ("MANDATE_HEALTH_PORT", "65536"),
        ("MANDATE_HEALTH_PORT", "-1"),
        ("MANDATE_HEALTH_PORT", "0x50"),
        ("MANDATE_HEALTH_PORT", "٩٤٦٤"),
        ("MANDATE_HEALTH_PORT", "9" * 5_000),
    ],
)
def test_a_value_that_cannot_be_used_names_its_variable(name: str, value: str):
    with pytest.raises(SettingsError, match=name):
        read_settings({name: value})


def test_agents_never_see_where_the_engine_keeps_its_state(tmp_path: Path):
    settings = read_settings(
        {
            "MANDATE_LEDGER": str(tmp_path / "data" / "ledger.db"),
            "MANDATE_ARTIFACTS": str(tmp_path / "artifacts"),
            "MANDATE_VAULT_ROLES": str(tmp_path / "roles"),
            "MANDATE_DRAGONFLY_PASSWORD_FILE": str(tmp_path / "secret" / "password"),
            "MANDATE_HOME": str(tmp_path / "home"),
        }
    )

    assert set(settings.hidden_from_agents) == {
        tmp_path / "data",
        tmp_path / "artifacts",
        tmp_path / "roles",
        tmp_path / "secret",
        tmp_path / "home",
    }


def test_the_engines_own_ports_are_known():
    settings = read_settings(
        {
            "TEMPORAL_ADDRESS": "127.0.0.1:7001",
            "VAULT_ADDR": "http://127.0.0.1:7002",
            "MANDATE_DRAGONFLY_URL": "redis://127.0.0.1:7003/0",
            "MANDATE_UI": "http://127.0.0.1:7004",
            "MANDATE_ENGINE_PORTS": "7005, 7006",
            "MANDATE_HEALTH_PORT": "7007",
            "MANDATE_CONSOLE": "http://127.0.0.1:7008",
        }
    )

    assert settings.engine_ports == {*range(7001, 7009)}


@pytest.mark.parametrize(
    "url",
    [
        "mandate.example",
        "http://mandate.example",
        "https://a/b",
        "https://a:99999",
        "http://localhost",
    ],
)
def test_messages_lead_to_a_console_over_tls_or_on_this_machine(url: str):
    with pytest.raises(SettingsError, match="MANDATE_CONSOLE: expected https"):
        read_settings({"MANDATE_CONSOLE": url})


def test_health_is_not_served_unless_somebody_asks():
    assert read_settings({}).health_port is None
    assert read_settings({"MANDATE_HEALTH_PORT": "0"}).health_port == 0


@pytest.mark.parametrize(
    ("vault", "dragonfly", "ui", "ports"),
    [
        ("https://vault", "redis://dragonfly", "http://ui", {7233, 443, 6379, 80}),
        ("http://vault", "rediss://:pass@dragonfly/0", "", {7233, 80, 6379}),
        ("http://vault:8200", "unix:///run/dragonfly.sock", "", {7233, 8200}),
    ],
)
def test_an_address_without_a_port_stands_for_the_port_of_its_scheme(
    vault: str, dragonfly: str, ui: str, ports: set[int]
):
    settings = read_settings(
        {
            "TEMPORAL_ADDRESS": "temporal.example",
            "VAULT_ADDR": vault,
            "MANDATE_DRAGONFLY_URL": dragonfly,
            "MANDATE_UI": ui,
        }
    )

    assert settings.engine_ports == ports


@pytest.mark.parametrize(
    ("what", "why"),
    [("nothing", "No such file"), ("text", "no certificate in it"), ("folder", "Is a directory")],
)
def test_what_vault_is_verified_against_has_to_be_a_file_of_certificates(
    tmp_path: Path, what: str, why: str
):
    (tmp_path / "text").write_text("no certificate\n")
    (tmp_path / "folder").mkdir()

    with pytest.raises(SettingsError, match=f"VAULT_CACERT: expected a file of .*: {why}"):
        read_settings({"VAULT_CACERT": str(tmp_path / what)})
