"""What a repository says it depends on: pinned, used, and complete.

1. Declarations are read as data: ``pyproject.toml`` (``[project]``), ``setup.cfg`` and
   ``requirements*.txt``. ``setup.py`` would have to be run, so it is not read, and that is noted.
2. What an application installs is pinned where it, or a lock or constraints beside it, says one
   version. A library names ranges, which is right; no bound at all is not.
3. Unused and missing ones are deptry's to say. It sees declarations that are written anew for it,
   so that none of its settings is the repository's.
4. Known vulnerabilities are read from a report of pip-audit in the repository, where there is one:
   nobody is asked over a network.
"""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from dsl.values.strict_json import JsonError, read
from integrations.review.lines import lines_of
from integrations.review.observation import Observation
from integrations.review.observers.module_names import NAME_MAP
from integrations.review.observers.observer import TOOL_LIMIT_S, Observer, Scene, within
from integrations.review.running import ToolFailedError, python, run, said
from integrations.review.snapshot import Snapshot

FILE_BYTES_MAX: Final = 4 << 20
DECLARED_MAX: Final = 2_000
AUDIT: Final = "pip-audit.json"
_LOCKS: Final = (
    *("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "constraints.txt"),
)
_REQUIREMENTS: Final = re.compile(r"(?:.*/)?requirements[^/]*\.txt|requirements/[^/]+\.txt")
# What people install to work on it, and what it does not import itself.
_OF_WORK: Final = re.compile(r"dev|test|doc|lint|ci\b|tool|build|extra|optional|type|style|bench")
_PINNING: Final = ("==", "===")
_COMMIT: Final = re.compile(r"@[0-9a-f]{40}(?:$|[#\s])|\.(?:whl|tar\.gz|zip)(?:$|#)")
_NOT_SHIPPED: Final = (
    r"(.*/)?(tests?|testing|docs?|examples?|benchmarks?|scripts?|tools?)/"
    r"|(.*/)?(setup|conftest)\.py$"
)
_DEPTRY: Final = {
    "DEP001": AnomalyKind.MISSING_DEPENDENCY,
    "DEP002": AnomalyKind.UNUSED_DEPENDENCY,
}


@dataclass(frozen=True, slots=True)
class Declared:
    """One dependency as it is declared."""

    path: str
    line: int
    text: str
    requirement: Requirement
    is_range: bool  # of a library, which names ranges (2)
    is_optional: bool = False


def _observe(scene: Scene, seen: Observation) -> None:
    snapshot = scene.snapshot
    declared = list(_declared(snapshot, seen))[:DECLARED_MAX]
    _audit(snapshot, seen)
    if "setup.py" in snapshot.files and not declared:
        seen.notes.append("dependencies: setup.py would have to be run, so it was not read")
    if not declared:
        seen.notes.append("dependencies: none are declared here, so nothing could be compared")
        return
    locked = any(name in snapshot.others for name in _LOCKS)
    seen.sightings += [s for each in declared if (s := _unpinned(each, locked=locked)) is not None]
    _used(scene, declared, seen)


def _declared(snapshot: Snapshot, seen: Observation) -> Iterator[Declared]:
    yield from _of_pyproject(snapshot, seen)
    yield from _of_setup_cfg(snapshot, seen)
    for path in snapshot.others:
        if _REQUIREMENTS.fullmatch(path):
            text = _text(snapshot, path)
            for number, line in enumerate(lines_of(text), 1):
                bare = line.partition(" #")[0].strip().rstrip("\\").strip()
                bare = bare.partition(" --hash")[0]
                if bare and not bare.startswith(("#", "-")) and (found := _parsed(bare)):
                    of_work = _OF_WORK.search(path) is not None
                    yield Declared(path, number, bare, found, is_range=False, is_optional=of_work)


def _of_pyproject(snapshot: Snapshot, seen: Observation) -> Iterator[Declared]:
    path = "pyproject.toml"
    text = _text(snapshot, path)
    try:
        project = tomllib.loads(text).get("project", {})
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        seen.notes.append(f"dependencies: pyproject.toml cannot be read: {error}")
        return
    if not isinstance(project, dict):
        return
    own = canonicalize_name(str(project.get("name", "")))
    optional = project.get("optional-dependencies", {})
    groups = list(optional.values()) if isinstance(optional, dict) else []
    for number, group in enumerate([project.get("dependencies", []), *groups]):
        for each in group if isinstance(group, list) else ():
            found = _parsed(each) if isinstance(each, str) else None
            if found is not None and canonicalize_name(found.name) != own:
                yield Declared(
                    path,
                    _line_of(text, each),
                    each,
                    found,
                    is_range=True,
                    is_optional=number > 0,
                )


def _of_setup_cfg(snapshot: Snapshot, seen: Observation) -> Iterator[Declared]:
    path = "setup.cfg"
    text = _text(snapshot, path)
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        seen.notes.append(f"dependencies: setup.cfg cannot be read: {error}")
        return
    for line in parser.get("options", "install_requires", fallback="").splitlines():
        if line.strip() and (found := _parsed(line.strip())) is not None:
            yield Declared(path, _line_of(text, line.strip()), line.strip(), found, is_range=True)


def _unpinned(each: Declared, *, locked: bool) -> Sighting | None:
    requirement = each.requirement
    if requirement.url:
        if _COMMIT.search(requirement.url):
            return None
        says, severity = "comes from wherever its address points at today", AnomalySeverity.MEDIUM
    elif locked or any(clause.operator in _PINNING for clause in requirement.specifier):
        return None  # (2) one version
    elif not requirement.specifier:
        says, severity = "may be of any version", AnomalySeverity.MEDIUM
    elif each.is_range:
        return None  # (2) a library names ranges
    else:
        says, severity = "may be of many versions, and no lock says which", AnomalySeverity.LOW
    if each.is_optional:
        severity = AnomalySeverity.LOW
    return Sighting(
        kind=AnomalyKind.UNPINNED_DEPENDENCY,
        severity=severity,
        confidence=0.85,
        path=each.path,
        line=each.line,
        message=f"{requirement.name} {says}: {each.text}",
        tool="packaging",
        rule="unpinned",
        symbol=canonicalize_name(requirement.name),
    )


def _used(scene: Scene, declared: list[Declared], seen: Observation) -> None:
    """Ask deptry which are unused and which are missing (3)."""
    scratch = scene.scratch / "dependencies"
    scratch.mkdir(exist_ok=True)
    wanted = sorted({_plain(each.requirement) for each in declared if not each.is_optional})
    extras = sorted({_plain(each.requirement) for each in declared if each.is_optional})
    config = scratch / "pyproject.toml"
    config.write_text(
        '[project]\nname = "reviewed"\nversion = "0"\n'
        f"dependencies = {json.dumps(wanted)}\n"
        f"[project.optional-dependencies]\nextras = {json.dumps(extras)}\n"
    )
    answer = scratch / "deptry.json"
    names = ",".join(f"{name}={'|'.join(modules)}" for name, modules in NAME_MAP.items())
    options = (
        *("--config", str(config), "--json-output", str(answer), "--no-ansi"),
        *("--ignore", "DEP003,DEP004,DEP005", "--package-module-name-map", names),
        *("--exclude", _NOT_SHIPPED, "--experimental-namespace-package"),
    )
    ran = run(python("-m", "deptry", ".", *options), cwd=scene.snapshot.copy, limit_s=TOOL_LIMIT_S)
    try:
        found = read(answer.read_bytes(), bytes_max=FILE_BYTES_MAX)
    except (OSError, JsonError):
        raise ToolFailedError(said(ran)) from None
    by_name = {canonicalize_name(each.requirement.name): each for each in declared}
    for item in found:
        sighting = _of_deptry(scene, item, by_name)
        if sighting is not None:
            seen.sightings.append(sighting)


def _of_deptry(
    scene: Scene, item: dict[str, Any], by_name: Mapping[NormalizedName, Declared]
) -> Sighting | None:
    kind, module = _DEPTRY.get(item["error"]["code"]), str(item["module"])
    if kind is AnomalyKind.UNUSED_DEPENDENCY:
        each = by_name.get(canonicalize_name(module))
        if each is None or each.is_optional:
            return None
        place, severity = (each.path, each.line), AnomalySeverity.LOW
        says = f"{each.requirement.name} is declared, and nothing here imports it"
        return Sighting(kind, severity, 0.7, *place, says, "deptry", kind.value, symbol=module)
    if kind is not AnomalyKind.MISSING_DEPENDENCY:
        return None
    path = within(scene.snapshot.copy, item["location"]["file"])
    line = item["location"]["line"] or 0
    outline = scene.outlines.get(path)
    if _is_ours(scene.snapshot, module) or (outline and line in outline.guarded):
        return None  # the code lives without it
    says = f"{module} is imported, and nothing declares it"
    severity = AnomalySeverity.MEDIUM
    return Sighting(kind, severity, 0.8, path, line, says, "deptry", kind.value, symbol=module)


def _is_ours(snapshot: Snapshot, module: str) -> bool:
    """Tell whether a module of that name is somewhere in the repository."""
    ends = (f"/{module}.py", f"/{module}/__init__.py")
    starts = (f"{module}.py", f"{module}/")
    return any(path.endswith(ends) or path.startswith(starts) for path in snapshot.files)


def _audit(snapshot: Snapshot, seen: Observation) -> None:
    """Read a report of pip-audit (4)."""
    if AUDIT not in snapshot.others:
        seen.notes.append(
            f"dependencies: no {AUDIT} here: known vulnerabilities were not looked up"
        )
        return
    try:
        told = read(snapshot.read(AUDIT, FILE_BYTES_MAX) or b"", bytes_max=FILE_BYTES_MAX)
        listed = told["dependencies"] if isinstance(told, dict) else told
        for each in listed:
            for flaw in each.get("vulns", ()):
                seen.sightings.append(_vulnerable(each, flaw))
    except (JsonError, KeyError, TypeError, AttributeError) as error:
        seen.notes.append(f"dependencies: {AUDIT} is no report of pip-audit: {error}")


def _vulnerable(each: dict[str, Any], flaw: dict[str, Any]) -> Sighting:
    name, version, identity = str(each["name"]), str(each.get("version", "")), str(flaw["id"])
    mended = ", ".join(map(str, flaw.get("fix_versions", ()))) or "none yet"
    return Sighting(
        kind=AnomalyKind.VULNERABLE_DEPENDENCY,
        severity=AnomalySeverity.HIGH,
        confidence=0.9,
        path=AUDIT,
        line=0,
        message=f"{name} {version} has {identity}; mended in: {mended}",
        evidence=str(flaw.get("description", "")),
        tool="pip-audit",
        rule="known-vulnerability",
        symbol=name,
        mark=identity,
    )


def _plain(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


def _parsed(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _text(snapshot: Snapshot, path: str) -> str:
    return (snapshot.read(path, FILE_BYTES_MAX) or b"").decode("utf-8", "replace")


def _line_of(text: str, word: str) -> int:
    for number, line in enumerate(lines_of(text), 1):
        if word in line:
            return number
    return 0


DEPENDENCIES: Final = Observer("dependencies", _observe, needs=("deptry",))
