"""What ``deploy/`` says, held against what the code says."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

from activities.contracts import specs
from activities.contracts.notify.specs import QUEUE_NOTIFY
from integrations.health.page import HealthPages, ProcessState
from integrations.settings import read_settings
from integrations.vault import naming
from integrations.web.app import LIVE
from mandate.stack.servers import temporal
from mandate.work.operate.serve import Place, names_in, refuse_plain
from tests.docs.test_facts import read_by_us
from tests.fixtures.servers.temporal import temporal_cli
from tests.unit.mandate.programs import ROOT, mandate

COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
OURS = "mandate"
VERSIONED = re.compile(r"[a-z0-9./-]+:v?\d+(\.\d+)+(-[a-z]+)?")
WORDS = {  # of Compose; what is misspelt would be taken for nothing at all
    *("image", "build", "command", "entrypoint", "environment", "secrets", "volumes", "ports"),
    *("depends_on", "healthcheck", "user", "profiles", "ulimits", "restart", "cap_drop"),
    *("security_opt", "read_only", "tmpfs", "stop_grace_period"),
}
WORKERS = {
    "worker": specs.QUEUE,
    "t3": specs.QUEUE_T3,
    "trust": specs.QUEUE_TRUST,
    "ledger": specs.QUEUE_LEDGER,
    "notify": QUEUE_NOTIFY,
}
IDENTITIES = {specs.QUEUE_TRUST: naming.OF_TRUST, QUEUE_NOTIFY: (naming.NOTIFIER,)}


@pytest.mark.parametrize(("service", "queue"), WORKERS.items())
def test_each_workers_environment_is_one_our_settings_accept(service, queue):
    settings = read_settings(COMPOSE["services"][service]["environment"])

    assert settings.queues == (queue,)
    assert settings.gate_identity == "verified"
    assert settings.inline_tier == settings.initial_tier == 0


@pytest.mark.parametrize("is_ready", [True, False])
@pytest.mark.parametrize("service", WORKERS)
async def test_each_worker_is_healthy_when_it_is_ready(service, is_ready):
    worker = COMPOSE["services"][service]
    asked_at = worker["environment"]["MANDATE_HEALTH_PORT"]
    how, program, *words = worker["healthcheck"]["test"]

    async def no_numbers() -> str:
        return ""

    pages = HealthPages(lambda: ProcessState(is_ready=is_ready, states={}), no_numbers)
    async with pages.served(0) as port:
        typed = [word.replace(f":{asked_at}/", f":{port}/") for word in words]
        checked = await asyncio.create_subprocess_exec(
            sys.executable, *typed, stderr=asyncio.subprocess.DEVNULL
        )
        code = await checked.wait()

    assert (how, program, typed != words) == ("CMD", "python", True)
    assert (code == 0) is is_ready


def test_only_the_ledger_worker_may_write_the_ledger():
    writers = [
        name
        for name in WORKERS
        for volume in COMPOSE["services"][name]["volumes"]
        if volume == "ledger:/data"
    ]

    assert writers == ["ledger"]


def test_each_worker_is_handed_its_own_roles_and_keeps_them_where_it_may_write():
    handed_out = COMPOSE["services"]["roles"]["command"][0].splitlines()
    for name, queue in WORKERS.items():
        identities = IDENTITIES.get(queue, (queue,))
        mounted = [v for v in COMPOSE["services"][name]["volumes"] if v.startswith("role")]
        own = [line for line in handed_out if line.endswith(f"/roles/{name}/")]

        assert mounted == [f"role-{name}:/run/mandate"]
        assert own == [
            f"install -m 0600 /run/mandate/roles/{identity}.json /roles/{name}/"
            for identity in identities
        ]
        assert COMPOSE["services"][name]["environment"]["MANDATE_VAULT_ROLES"] == "/run/mandate"
    assert len(handed_out) == len(naming.IDENTITIES)


def test_the_console_has_the_role_of_who_tells_people_and_what_it_reads_it_cannot_write():
    console, notify = COMPOSE["services"]["console"], COMPOSE["services"]["notify"]
    volumes = [each for each in console["volumes"] if not each.endswith(":ro")]
    place = serve_place(console["command"])

    assert volumes == [each for each in notify["volumes"] if each.startswith("role-")]
    assert place.origin == notify["environment"]["MANDATE_CONSOLE"]
    refuse_plain(place)
    assert names_in(place.origin)
    assert console["ports"] == [f"127.0.0.1:{place.port}:{place.port}"]
    assert f"127.0.0.1:{place.port}{LIVE}" in console["healthcheck"]["test"][-1]


def serve_place(command: list[str]) -> Place:
    """Return where that command listens."""
    said = dict(each.removeprefix("--").split("=") for each in command if "=" in each)
    origin = command[command.index("--origin") + 1]
    return Place(said["host"], int(said["port"]), origin)


def test_who_vouches_for_a_vote_and_who_checks_it_have_the_same_key_and_nobody_else_has():
    having = {
        name: service["environment"].get("MANDATE_DOOR_KEY_FILE")
        for name, service in COMPOSE["services"].items()
        if "door_key" in service.get("secrets", ())
    }

    assert having == dict.fromkeys(("ledger", "console"), "/run/secrets/door_key")


def test_roles_are_wrapped_on_their_way():
    assert "--wrapped" in COMPOSE["services"]["install"]["command"]
    assert "roles:/run/mandate:ro" in COMPOSE["services"]["roles"]["volumes"]


def test_temporal_gets_the_search_attributes():
    command = COMPOSE["services"]["temporal"]["command"]

    for name, kind in temporal.SEARCH_ATTRIBUTES.items():
        assert f"--search-attribute={name}={kind}" in command


def test_no_secret_stands_in_the_file_and_nothing_listens_beyond_loopback():
    for name, service in COMPOSE["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        for variable in service.get("environment", {}):
            assert not variable.endswith(("PASSWORD", "TOKEN", "SECRET")), name
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True


def test_every_secret_of_the_file_is_made_by_the_readme():
    readme = (ROOT / "deploy" / "README.md").read_text()

    for secret in COMPOSE["secrets"].values():
        assert f"> {secret['file'].removeprefix('./')}" in readme


def test_every_image_is_ours_or_of_a_version_that_is_named():
    images = [service["image"] for service in COMPOSE["services"].values()]
    bases = [line.split()[1] for line in DOCKERFILE if line.startswith("FROM ")]

    assert [each for each in images if each != OURS and not VERSIONED.fullmatch(each)] == []
    assert [each for each in bases if not VERSIONED.fullmatch(each)] == []


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_what_a_service_names_is_there(service):
    said = COMPOSE["services"][service]
    secrets, waited_for = said.get("secrets", ()), said.get("depends_on", {})
    volumes = [each.split(":")[0] for each in said.get("volumes", ()) if each[0] not in "./"]
    completes = {name for name, how in waited_for.items() if "completed" in how["condition"]}
    healthy = [name for name in waited_for if name not in completes]

    assert set(said) <= WORDS
    assert set(secrets) <= set(COMPOSE["secrets"])
    assert set(volumes) <= set(COMPOSE["volumes"])
    assert all("healthcheck" in COMPOSE["services"][name] for name in healthy)
    assert all(COMPOSE["services"][name]["restart"] == "no" for name in completes)
    for name, value in said.get("environment", {}).items():
        asked = value.removeprefix("/run/secrets/")
        assert asked == value or asked in secrets, f"{name} of {service}"


def test_every_variable_of_the_file_is_one_that_somebody_reads():
    ours = [each for each in COMPOSE["services"].values() if each["image"] == OURS]
    said = {name for each in ours for name in each.get("environment", {})}

    assert said - read_by_us() == {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "VAULT_ADDR"}


@pytest.mark.parametrize(
    "service",
    [
        name
        for name, each in COMPOSE["services"].items()
        if each["image"] == OURS and "entrypoint" not in each
    ],
)
def test_every_command_of_ours_is_one(service, tmp_path):
    done = mandate(*COMPOSE["services"][service]["command"], "--help", cwd=tmp_path)

    assert done.returncode == 0, done.stderr


def test_temporal_knows_every_flag_that_it_is_started_with():
    command = [temporal_cli(), *COMPOSE["services"]["temporal"]["command"], "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, "unknown flag" in done.stderr) == (0, False), done.stderr


def test_what_the_image_is_built_from_is_there_and_what_is_installed_into_it_too():
    copied = [line.split()[1:-1] for line in DOCKERFILE if line.startswith("COPY ")]
    ours = [name for names in copied if "--from=build" not in names for name in names]
    (extras,) = re.findall(r'whl\)\[([a-z,]+)\]"', "\n".join(DOCKERFILE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert [name for name in ours if not (ROOT / name).exists()] == []
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
