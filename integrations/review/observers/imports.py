"""Who imports whom: cycles, and what the repository's own contracts forbid.

1. Packages are found by their ``__init__``; what has none takes part in no graph.
2. Contracts are read from ``pyproject.toml``, ``setup.cfg`` or ``.importlinter`` as data. A type of
   contract that is the repository's own code is left out, with a note.
3. Between a package and what is below it cycles are common and harmless in most cases: milder.
"""

from __future__ import annotations

import configparser
import json
import tomllib
from pathlib import PurePosixPath
from typing import Any, Final

from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.review.sighting import Sighting
from integrations.review.observation import Observation
from integrations.review.observers.observer import TOOL_LIMIT_S, Observer, Scene, answer_of
from integrations.review.outlines import CHILDREN
from integrations.review.running import python, run
from integrations.review.snapshot import Snapshot

CONFIG_BYTES_MAX: Final = 1 << 20
PACKAGES_MAX: Final = 100
SHOWN_MAX: Final = 8  # modules of a cycle
TOOL: Final = "grimp"
CONFIG: Final = "pyproject.toml"
SHIPPED: Final = ("layers", "forbidden", "independence", "acyclic_siblings", "protected")
_CHILD: Final = "import_graph.py"
_INIT: Final = "__init__.py"


def _observe(scene: Scene, seen: Observation) -> None:
    packages = packages_of(scene.snapshot)
    if not packages:
        seen.notes.append("imports: no package (a folder with __init__.py) was found: no cycles")
        return
    session, contracts = _contracts(scene.snapshot, packages, seen)
    copy = scene.snapshot.copy
    asked = {
        "packages": {name: str(copy / folder) for name, folder in packages.items()},
        "deferred": _deferred(scene, packages),
        "session": session,
        "contracts": contracts,
    }

    ran = run(
        python(str(CHILDREN / _CHILD)),
        cwd=copy,
        limit_s=TOOL_LIMIT_S,
        given=json.dumps(asked).encode(),
    )
    answer = answer_of(ran)
    if answer["invalid"]:
        seen.notes.append(f"imports: the contracts could not be checked: {answer['invalid']}")
    for trip in answer["cycles"]:
        seen.sightings.append(_cycle(packages, scene.snapshot, trip))
    for breach in answer["breaches"]:
        seen.sightings.append(_breach(packages, scene.snapshot, breach))


def packages_of(snapshot: Snapshot) -> dict[str, str]:
    """Return the folder of each package at the top, by its name (1)."""
    inits = {path.removesuffix(_INIT) for path in snapshot.files if path.endswith(f"/{_INIT}")}
    found: dict[str, str] = {}
    if _INIT in snapshot.files:
        return {snapshot.root.name: "."} if snapshot.root.name.isidentifier() else {}
    for folder in sorted(inits, key=lambda each: (each.count("/"), each)):
        above = f"{PurePosixPath(folder).parent}/"
        name = PurePosixPath(folder).name
        if above not in inits and name.isidentifier() and name not in found:
            found[name] = folder.rstrip("/")
    return dict(list(found.items())[:PACKAGES_MAX])


def _deferred(scene: Scene, packages: dict[str, str]) -> dict[str, list[int]]:
    """Return the lines of imports within functions, by module."""
    found: dict[str, list[int]] = {}
    for name, folder in packages.items():
        start = "" if folder == "." else f"{folder}/"
        for path, outline in scene.outlines.items():
            if outline.deferred and path.startswith(start):
                stem = path[len(start) :].removesuffix(".py").removesuffix("/__init__")
                module = name if stem == "__init__" else f"{name}.{stem.replace('/', '.')}"
                found[module] = sorted(outline.deferred)
    return found


def _contracts(
    snapshot: Snapshot, packages: dict[str, str], seen: Observation
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what import-linter is told of the session, and the contracts (2)."""
    try:
        told = _declared(snapshot)
    except (ValueError, configparser.Error, RecursionError) as error:
        seen.notes.append(f"imports: the contracts cannot be read: {error}")
        return {}, []
    contracts = []
    for number, each in enumerate(told.pop("contracts", [])):
        if not isinstance(each, dict) or each.get("type") not in SHIPPED:
            kind = each.get("type") if isinstance(each, dict) else each
            seen.notes.append(f"imports: a contract of type {kind!r} is code, and is not run")
            continue
        options = {key: _option(value) for key, value in each.items()}
        contracts.append({"name": f"contract {number + 1}", **options})
    roots = told.get("root_packages") or [told.get("root_package", "")]
    if not contracts:
        return {}, []
    unknown = [each for each in roots if each not in packages]
    if unknown:
        seen.notes.append(f"imports: no contract was checked: no package {', '.join(unknown)}")
        return {}, []
    external = str(told.get("include_external_packages", "")).lower() == "true"
    session = {"root_packages": roots, "include_external_packages": external}
    return session, contracts


def _declared(snapshot: Snapshot) -> dict[str, Any]:
    """Return what the repository says of its contracts, whatever file it says it in."""
    data = snapshot.read(CONFIG, CONFIG_BYTES_MAX)
    if data is not None:
        tool = tomllib.loads(data.decode("utf-8", "replace")).get("tool", {})
        told = tool.get("importlinter") if isinstance(tool, dict) else None
        if isinstance(told, dict):
            return dict(told)
    for name in (".importlinter", "setup.cfg"):
        data = snapshot.read(name, CONFIG_BYTES_MAX)
        if data is not None and (found := _of_ini(data.decode("utf-8", "replace"))):
            return found
    return {}


def _of_ini(text: str) -> dict[str, Any]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    if not parser.has_section("importlinter"):
        return {}
    told: dict[str, Any] = {key: _value(value) for key, value in parser["importlinter"].items()}
    if isinstance(told.get("root_packages"), str):
        told["root_packages"] = [told["root_packages"]]
    told["contracts"] = [
        {key: _value(value) for key, value in parser[section].items()}
        for section in parser.sections()
        if section.startswith("importlinter:contract:")
    ]
    return told


def _value(text: str) -> str | list[str]:
    return text.strip().split("\n") if "\n" in text.strip() or text.startswith("\n") else text


def _option(value: Any) -> Any:
    """Return a value as import-linter's own readers hand it over: yes and no are words there."""
    return str(value) if isinstance(value, bool) else value


def _file_of(packages: dict[str, str], snapshot: Snapshot, module: str) -> str:
    top, _, rest = module.partition(".")
    folder = packages.get(top, top)
    parts = [*([] if folder == "." else [folder]), *(rest.split(".") if rest else [])]
    candidates = ("/".join(parts) + ".py", "/".join([*parts, _INIT]))
    return next((path for path in candidates if path in snapshot.files), candidates[0])


def _cycle(packages: dict[str, str], snapshot: Snapshot, trip: list[dict[str, Any]]) -> Sighting:
    modules = [step["importer"] for step in trip]
    shown = " → ".join([*modules[:SHOWN_MAX], "…" if len(modules) > SHOWN_MAX else modules[0]])
    nested = any(
        one != other and one.startswith(f"{other}.") for one in modules for other in modules
    )
    return Sighting(
        kind=AnomalyKind.IMPORT_CYCLE,
        # (3) milder
        severity=AnomalySeverity.LOW if nested else AnomalySeverity.MEDIUM,
        confidence=0.95,
        path=_file_of(packages, snapshot, modules[0]),
        line=trip[0]["line"],
        message=f"{len(modules)} modules load each other: {shown}",
        evidence="; ".join(f"{each['importer']}:{each['line']}" for each in trip),
        tool=TOOL,
        rule="cycle",
        symbol=modules[0],
        mark=" ".join(sorted(modules)),
    )


def _breach(packages: dict[str, str], snapshot: Snapshot, breach: dict[str, Any]) -> Sighting:
    importer, imported, contract = breach["importer"], breach["imported"], breach["contract"]
    return Sighting(
        kind=AnomalyKind.LAYER_BREACH,
        severity=AnomalySeverity.HIGH,
        confidence=0.95,
        path=_file_of(packages, snapshot, importer) if importer else CONFIG,
        line=breach["line"] or 0,
        message=_against(breach),
        tool="import-linter",
        rule="contract",
        symbol=importer,
        mark=f"{contract} {imported}",
    )


def _against(breach: dict[str, Any]) -> str:
    """Say what is against a contract, in the words of what is known of it."""
    importer, contract = breach["importer"], breach["contract"]
    if not importer:
        return f"{contract!r} is broken: lint-imports says where"
    if not breach["reaches"]:
        return f"{importer} stands in no layer of {contract!r}, which is to name them all"
    way = f" through {', '.join(breach['through'][:SHOWN_MAX])}" if breach["through"] else ""
    return f"{importer} imports {breach['reaches']}{way}: {contract!r} forbids it"


IMPORTS: Final = Observer("imports", _observe, needs=("grimp", "importlinter"))
