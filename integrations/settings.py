"""The environment, read once and checked: what a worker process needs to know.

1. A variable that cannot be read names itself, what was expected and what was got.
2. Secrets are never in the environment: it names the files that hold them.
3. What an agent may never read is derived here: everything the engine keeps its state in, and
   where people who run it keep their logins.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dsl.core import DEFAULT_LEDGER_PATH, DEFAULT_REDIS_HOST, DEFAULT_REDIS_PORT, Tier
from dsl.rules.ledger.note import require_origin
from dsl.stages.fields import parse_tier
from integrations.ledger.anchors.specs import require_specs

DEFAULT_VAULT_URL: Final = "http://127.0.0.1:8200"
DEFAULT_TEMPORAL: Final = "127.0.0.1:7233"
DEFAULT_QUEUES: Final = ("mandate", "mandate-t3", "mandate-trust", "mandate-ledger")
NOTIFY_QUEUE: Final = "mandate-notify"  # served where a file of destinations is named
DEFAULT_AUTHORS: Final = "plan-authors"
_DEFAULT_PORTS: Final = {
    "http": 80,
    "https": 443,
    "redis": DEFAULT_REDIS_PORT,
    "rediss": DEFAULT_REDIS_PORT,
    "temporal": 7233,
}
_PORT_MAX: Final = 65_535
_CONSOLE: Final = re.compile(
    r"(?:https://[A-Za-z0-9.-]+|http://(?:127\.0\.0\.1|localhost|\[::1\])(?=:))(:\d{1,5})?"
)
_IDENTITIES: Final = ("claimed", "verified")


class SettingsError(ValueError):
    """A variable of the environment cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the environment decides."""

    temporal: str
    ui: str  # URL of the Web UI, which carries Temporal's API; empty: there is none
    console: str  # URL that people use for the console, likewise
    vault_url: str
    vault_trust: bool | str  # True, or the file of who signed its certificate
    vault_roles: Path
    logins: Path | None  # where people on this machine keep theirs, as far as is known
    dragonfly_url: str
    dragonfly_password_file: Path | None
    ledger: Path
    ledger_origin: str  # what its checkpoints call it
    anchors: tuple[str, ...]  # where these are kept, besides Temporal
    artifacts: Path
    pipelines: tuple[Path, ...]
    templates: tuple[Path, ...]
    usual_templates: tuple[Path, ...]
    tools: tuple[Path, ...]  # where tool servers are declared
    agent_path: tuple[Path, ...]  # where agents find tools, besides the system's own places
    workspace: Path
    writable: tuple[Path, ...]  # where agents may be let write
    further_ports: frozenset[int]  # of the engine's servers, beyond those in the addresses
    queues: tuple[str, ...]
    inline_tier: Tier
    initial_tier: Tier
    gate_identity: str
    gate_heads: bool  # whether first lines of what is approved may stand in history
    authors: str  # the Vault group whose members vouch for plans
    promotion: Path | None  # criteria of promotion; None: those shipped
    breakers: Path | None  # settings of circuit breakers; None: those shipped
    door_key_file: Path | None  # of who serves Slack and GitHub, and of the ledger's worker
    notify: Path | None  # destinations, people and doors; None: nobody is told of anything
    health_port: int | None  # on loopback; 0: any free one; None: health is not served
    build_id: str | None
    registers_catalogue: bool

    @property
    def hidden_from_agents(self) -> tuple[Path, ...]:
        """Directories no agent may read (3)."""
        paths = [self.ledger.parent, self.artifacts, self.vault_roles]
        if self.dragonfly_password_file is not None:
            paths.append(self.dragonfly_password_file.parent)
        if self.logins is not None:
            paths.append(self.logins)
        return tuple(dict.fromkeys(path.resolve() for path in paths))

    @property
    def engine_ports(self) -> frozenset[int]:
        """TCP ports of the engine's own servers, which no agent may reach."""
        web = (self.ui, self.console)
        addresses = (f"temporal://{self.temporal}", *web, self.vault_url, self.dragonfly_url)
        urls = [urlsplit(address) for address in addresses]
        named = {url.port or _DEFAULT_PORTS.get(url.scheme) for url in urls}
        own = {self.health_port} if self.health_port else set()
        return self.further_ports | own | {port for port in named if port}


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings in ``environment``.

    Raises:
        SettingsError: a variable has no usable value (1).
    """
    get = environment.get
    data = Path(DEFAULT_LEDGER_PATH).parent
    password_file = get("MANDATE_DRAGONFLY_PASSWORD_FILE")
    return Settings(
        temporal=get("TEMPORAL_ADDRESS", DEFAULT_TEMPORAL),
        ui=get("MANDATE_UI", ""),
        console=_console(get("MANDATE_CONSOLE", "")),
        vault_url=get("VAULT_ADDR", DEFAULT_VAULT_URL),
        vault_trust=vault_trust(environment),
        vault_roles=Path(get("MANDATE_VAULT_ROLES", str(data / "roles"))),
        logins=Path(get("MANDATE_HOME", "")) if get("MANDATE_HOME") else None,
        dragonfly_url=get(
            "MANDATE_DRAGONFLY_URL", f"redis://{DEFAULT_REDIS_HOST}:{DEFAULT_REDIS_PORT}"
        ),
        dragonfly_password_file=Path(password_file) if password_file else None,
        ledger=Path(get("MANDATE_LEDGER", DEFAULT_LEDGER_PATH)),
        ledger_origin=ledger_origin(environment),
        anchors=_anchors(get("MANDATE_ANCHORS", "")),
        artifacts=Path(get("MANDATE_ARTIFACTS", str(data / "artifacts"))),
        pipelines=_directories(get("MANDATE_PIPELINES", "")),
        templates=template_directories(environment),
        usual_templates=usual_template_directories(environment),
        tools=_directories(get("MANDATE_TOOLS", "")),
        agent_path=agent_directories(environment),
        workspace=Path(get("MANDATE_WORKSPACE") or Path.cwd()).resolve(),
        writable=_directories(get("MANDATE_WRITABLE", "")),
        further_ports=_ports(get("MANDATE_ENGINE_PORTS", "")),
        queues=_queues(get("MANDATE_QUEUES", "")),
        # The defaults of a production worker; the embedded stack asks for more.
        inline_tier=_tier("MANDATE_INLINE_TIER", get("MANDATE_INLINE_TIER", "T0")),
        initial_tier=_tier("MANDATE_INITIAL_TIER", get("MANDATE_INITIAL_TIER", "T0")),
        gate_identity=_identity(get("MANDATE_GATE_IDENTITY", "verified")),
        gate_heads=_switch("MANDATE_GATE_HEADS", get("MANDATE_GATE_HEADS") or "1"),
        authors=get("MANDATE_AUTHORS") or DEFAULT_AUTHORS,
        promotion=Path(get("MANDATE_PROMOTION", "")) if get("MANDATE_PROMOTION") else None,
        breakers=Path(get("MANDATE_BREAKERS", "")) if get("MANDATE_BREAKERS") else None,
        door_key_file=Path(get("MANDATE_DOOR_KEY_FILE", ""))
        if get("MANDATE_DOOR_KEY_FILE")
        else None,
        notify=Path(get("MANDATE_NOTIFY", "")) if get("MANDATE_NOTIFY") else None,
        health_port=_port("MANDATE_HEALTH_PORT", get("MANDATE_HEALTH_PORT", "")),
        build_id=get("MANDATE_BUILD_ID") or None,
        registers_catalogue=get("MANDATE_REGISTER_CATALOGUE", "") == "1",
    )


def template_directories(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where people's own templates lie; default: beside the directories of pipelines."""
    given = environment.get("MANDATE_TEMPLATES")
    if given is not None:
        return _directories(given)
    return usual_template_directories(environment)[:-1]


def usual_template_directories(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where templates lie by default, beside pipelines and at last here: they need not.

    A stack names these among the others: so whoever has none of his own has named none.
    """
    pipelines = _directories(environment.get("MANDATE_PIPELINES", ""))
    places = [each.resolve().parent / "templates" for each in pipelines]
    return (*dict.fromkeys(places), Path("templates").resolve())


def agent_directories(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where agents find tools, besides the system's own places.

    Raises:
        SettingsError: one of them is not absolute.
    """
    return _absolute("MANDATE_AGENT_PATH", environment.get("MANDATE_AGENT_PATH", ""))


def ledger_origin(environment: Mapping[str, str]) -> str:
    """Return what the ledger's checkpoints call it; default: a name made of where it lies."""
    given = environment.get("MANDATE_LEDGER_ORIGIN")
    if not given:
        path = Path(environment.get("MANDATE_LEDGER", DEFAULT_LEDGER_PATH)).resolve()
        return f"mandate.local/{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    try:
        return require_origin(given)
    except ValueError as error:
        raise SettingsError(f"MANDATE_LEDGER_ORIGIN: {error}") from None


def vault_trust(environment: Mapping[str, str]) -> bool | str:
    """Return what Vault's certificate is verified against, as its client takes it.

    Raises:
        SettingsError: the file that is named holds no certificate.
    """
    value = environment.get("VAULT_CACERT")
    if not value:
        return True
    try:
        ssl.create_default_context(cafile=value)
    except OSError as error:  # which a file that holds no certificate is as well
        why = "no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise SettingsError(
            f"VAULT_CACERT: expected a file of certificates in PEM, got {value!r}: {why}"
        ) from None
    return str(Path(value).absolute())


def _anchors(value: str) -> tuple[str, ...]:
    anchors = tuple(part.strip() for part in value.split(",") if part.strip())
    try:
        require_specs(anchors)
    except ValueError as error:
        raise SettingsError(f"MANDATE_ANCHORS: {error}") from None
    return anchors


def _absolute(name: str, value: str) -> tuple[Path, ...]:
    directories = _directories(value)
    for each in directories:
        if not each.is_absolute():
            raise SettingsError(f"{name}: expected absolute directories, got {str(each)!r}")
    return directories


def _directories(value: str) -> tuple[Path, ...]:
    return tuple(Path(part) for part in value.split(":") if part)


def _ports(value: str) -> frozenset[int]:
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise SettingsError(
            f"MANDATE_ENGINE_PORTS: expected port numbers with ',' between, got {value!r}"
        )
    return frozenset(map(int, parts))


def _port(name: str, value: str) -> int | None:
    if not value:
        return None
    # Not int() alone: it takes signs, spaces and digits of other scripts.
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and int(value) <= _PORT_MAX):  # noqa: PLR2004
        raise SettingsError(f"{name}: expected a port, 0 to {_PORT_MAX}, got {value!r}")
    return int(value)


def _queues(value: str) -> tuple[str, ...]:
    queues = tuple(part.strip() for part in value.split(",") if part.strip()) or DEFAULT_QUEUES
    every = (*DEFAULT_QUEUES, NOTIFY_QUEUE)
    unknown = sorted(set(queues) - set(every))
    if unknown:
        raise SettingsError(
            f"MANDATE_QUEUES: expected some of {', '.join(every)}, got {', '.join(unknown)}"
        )
    return queues


def _tier(name: str, value: str) -> Tier:
    try:
        tier = parse_tier(value)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None
    if tier > Tier.T2:
        raise SettingsError(f"{name}: expected T0, T1 or T2, got {tier.name}: promote agents above")
    return tier


def _switch(name: str, value: str) -> bool:
    if value not in ("0", "1"):
        raise SettingsError(f"{name}: expected 0 or 1, got {value!r}")
    return value == "1"


def _console(value: str) -> str:
    found = _CONSOLE.fullmatch(value)
    if value and (found is None or int((found[1] or ":0")[1:]) > _PORT_MAX):
        raise SettingsError(
            f"MANDATE_CONSOLE: expected https://NAME, or http://127.0.0.1:PORT, got {value!r}"
        )
    return value


def _identity(value: str) -> str:
    if value not in _IDENTITIES:
        raise SettingsError(f"MANDATE_GATE_IDENTITY: expected claimed or verified, got {value!r}")
    return value
