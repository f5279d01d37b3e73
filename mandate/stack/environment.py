"""The variables by which every part finds every other, and the file that holds them.

1. The file ``<data dir>/env`` is for a shell to source: ``export NAME='value'``, 0600. It holds
   addresses, paths and settings, never a secret; secrets lie in the files it names.
2. A command that needs the servers reads its environment, and only if that names no server at
   all, the file of the data directory: never half of each. Where documents lie is no server: what
   the caller says of that counts even so. A data directory that is named by hand and holds no such
   file is refused: others would be asked instead.
3. What the caller's environment says about Temporal, Vault and us reaches a child only where the
   stack does not provide it itself; the caller's own Vault token reaches none.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from dsl.core import DEFAULT_LEDGER_PATH
from dsl.shown.surfaces import Terminal
from integrations.settings import template_directories
from mandate.stack.errors import SettingError
from mandate.stack.files import write_private

SERVER_VARIABLES = ("TEMPORAL_ADDRESS", "VAULT_ADDR", "MANDATE_DRAGONFLY_URL")
ENV_FILE = "env"
DOOR_KEY = "door.key"  # by which votes from Slack and GitHub are known
DATA_DIR = Path(".mandate")
_PREFIXES = ("TEMPORAL_", "VAULT_", "BAO_", "MANDATE_")
_SERVER_NEEDS = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TZ")

# Settings of the embedded stack where the caller gives none.
_SETTINGS = {
    "MANDATE_PIPELINES": "",  # the shipped examples only
    "MANDATE_INLINE_TIER": "T2",
    "MANDATE_INITIAL_TIER": "T2",
    "MANDATE_GATE_IDENTITY": "claimed",
    "MANDATE_AUTHORS": "council",
    "MANDATE_ANCHORS": "",  # besides Temporal: none
    "MANDATE_LEDGER_ORIGIN": "",  # made of where it lies
}
# Settings that the embedded stack has no word in: the caller's, and not set where there is none.
_HANDED_ON = ("MANDATE_AGENT_PATH", "MANDATE_CONSOLE", "MANDATE_CONSOLE_OIDC", "MANDATE_GATE_HEADS")
_HANDED_ON_PATHS = ("MANDATE_BREAKERS", "MANDATE_HOME", "MANDATE_NOTIFY", "MANDATE_PROMOTION")
_HANDED_ON_FOLDERS = ("MANDATE_TOOLS", "MANDATE_WRITABLE")  # several, ``:`` between
_DOCUMENTS = ("MANDATE_PIPELINES", "MANDATE_TEMPLATES", "MANDATE_TOOLS")  # where they lie


def settings(data_dir: Path, caller: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are no server's: the caller's where given, else the stack's.

    Raises:
        SettingError: the caller wants ledger or artefacts elsewhere than in the data directory,
            which is what agents are kept out of; or tool servers lie nowhere.
    """
    for folder in filter(None, caller.get("MANDATE_TOOLS", "").split(os.pathsep)):
        if not Path(folder).is_dir():
            raise SettingError(
                f"MANDATE_TOOLS names {folder}, which is no directory: make it, or name another"
            )
    inside = {
        "MANDATE_LEDGER": str(data_dir / "ledger.db"),
        "MANDATE_ARTIFACTS": str(data_dir / "artifacts"),
    }
    for name, path in inside.items():
        if caller.get(name) and Path(caller[name]).resolve() != Path(path):
            raise SettingError(
                f"{name} names {caller[name]}, but a stack keeps it in its data directory, "
                f"as {path}: unset {name}, or give another --data-dir"
            )
    chosen = {name: caller.get(name) or default for name, default in _SETTINGS.items()}
    # Whoever sources the file stands elsewhere: no path is relative.
    chosen["MANDATE_PIPELINES"] = _resolved(chosen["MANDATE_PIPELINES"])
    beside = (*template_directories(caller), Path("templates"))
    chosen["MANDATE_TEMPLATES"] = _resolved(os.pathsep.join(map(str, beside)))
    chosen["MANDATE_DOOR_KEY_FILE"] = caller.get("MANDATE_DOOR_KEY_FILE") or str(
        data_dir / DOOR_KEY
    )
    chosen["MANDATE_WORKSPACE"] = str(Path(caller.get("MANDATE_WORKSPACE") or ".").resolve())
    chosen |= {name: caller[name] for name in _HANDED_ON if caller.get(name)}
    paths = {name: caller[name] for name in _HANDED_ON_PATHS if caller.get(name)}
    chosen |= {name: str(Path(path).resolve()) for name, path in paths.items()}
    chosen |= {name: _resolved(caller[name]) for name in _HANDED_ON_FOLDERS if caller.get(name)}
    return inside | chosen


def _resolved(paths: str) -> str:
    folders = (str(Path(each).resolve()) for each in paths.split(os.pathsep) if each)
    return os.pathsep.join(dict.fromkeys(folders))


def ledger_of(env: Mapping[str, str]) -> Path:
    """Return the ledger that a command means where none was named."""
    return Path(env.get("MANDATE_LEDGER") or DEFAULT_LEDGER_PATH)


def for_servers(caller: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return what a server of ours needs to know of the caller: next to nothing."""
    return {name: caller[name] for name in _SERVER_NEEDS if name in caller} | {"HOME": str(home)}


def for_workers(caller: Mapping[str, str], stack: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of our workers: the caller's, less what the stack replaces."""
    # (3) only what we do not provide
    kept = {name: value for name, value in caller.items() if _is_neutral(name)}
    return kept | dict(stack)


def connection_extras(caller: Mapping[str, str], external: Mapping[str, str]) -> dict[str, str]:
    """Return how to reach servers the caller named: certificates, namespace, API key."""
    extras: dict[str, str] = {}
    for variable, prefix in (("TEMPORAL_ADDRESS", "TEMPORAL_"), ("VAULT_ADDR", "VAULT_")):
        if variable in external:
            extras |= {name: value for name, value in caller.items() if name.startswith(prefix)}
    extras.pop("VAULT_TOKEN", None)  # (3) reaches no child
    if extras.get("VAULT_CACERT"):  # it is read wherever ours are run
        extras["VAULT_CACERT"] = str(Path(extras["VAULT_CACERT"]).absolute())
    return extras


def write(data_dir: Path, variables: Mapping[str, str]) -> Path:
    """Write the file to be sourced and return its path."""
    path = data_dir / ENV_FILE
    lines = (f"export {name}={_quoted(value)}\n" for name, value in variables.items())
    write_private(path, "".join(lines))  # (1) for a shell to source
    return path


def read(path: Path) -> dict[str, str]:
    """Read the file back; what is no export line is not ours and ignored."""
    variables = {}
    for line in path.read_text().splitlines():
        words = shlex.split(line)
        if len(words) == 2 and words[0] == "export" and "=" in words[1]:  # noqa: PLR2004
            name, _, value = words[1].partition("=")
            variables[name] = value
    return variables


def sourced(data_dir: Path) -> Terminal:
    """Return the line that takes the variables of a data directory over, to be copied."""
    return Terminal.command(". {}", str(data_dir / ENV_FILE))


def present(data_dir: Path | None = None) -> dict[str, str]:
    """Return the variables a command works with: the environment, or those of a data directory.

    An explicit ``data_dir`` is asked for its file even when the environment names servers.

    Raises:
        SettingError: it has none (2).
    """
    if data_dir is not None:
        require_stack(data_dir)
    caller = dict(os.environ)
    # (2) never half of each
    if data_dir is None and any(caller.get(name) for name in SERVER_VARIABLES):
        return caller
    path = (data_dir or DATA_DIR) / ENV_FILE
    if not path.is_file():
        return caller
    said = for_workers(caller, read(path))
    if data_dir is None:  # (2) what the caller says of documents
        said |= {name: caller[name] for name in _DOCUMENTS if caller.get(name)}
    return said


def require_stack(data_dir: Path) -> None:
    """Refuse a directory that is no stack's (2).

    Raises:
        SettingError: it is none.
    """
    try:
        if (data_dir / ENV_FILE).is_file():
            return
        why = f"without a file {ENV_FILE!r} in it"
    except (OSError, ValueError) as error:  # no name at all, or in a folder that nobody may enter
        why = f"which cannot be looked at ({getattr(error, 'strerror', None) or error})"
    raise SettingError(
        f"expected the directory of a stack, got {str(data_dir)!r} {why}: name the one that "
        "`mandate up` was given, or leave it out"
    )


def _is_neutral(name: str) -> bool:
    return not name.startswith(_PREFIXES)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"
