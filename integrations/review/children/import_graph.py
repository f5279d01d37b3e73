"""Build the import graph of packages, and tell its cycles and what breaks contracts.

A process of its own. It reads one JSON object and writes one. Packages are found where it is told
they are, and are read as text by grimp: nothing of them is imported.

1. An import for type checkers alone, or within a function, needs nobody when a module is loaded, so
   it makes no cycle.
2. Contracts are those of import-linter that it ships itself: a type of the repository's own would
   be its code.
3. A broken contract is never passed over: a module that a list which is to be complete does not
   name, and packages that import each other, are told as well as chains of imports are.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import grimp
from grimp.application.config import settings as grimp_settings
from grimp.application.ports.packagefinder import AbstractPackageFinder

CYCLES_MAX: Final = 200
CHAINS_MAX: Final = 500

Deferred = dict[str, list[int]]  # of each module, the lines of imports within functions


class ToldWhere(AbstractPackageFinder):
    """Finds packages where it was told that they are."""

    def __init__(self, places: dict[str, str]) -> None:
        self.places = places

    def determine_package_directories(self, package_name: str, file_system: Any) -> set[str]:
        """Return the folder of a package."""
        if package_name not in self.places:
            raise ValueError(f"no package {package_name!r}")
        return {self.places[package_name]}


def main() -> None:
    """Answer."""
    asked = json.loads(sys.stdin.read())
    grimp_settings.configure(PACKAGE_FINDER=ToldWhere(asked["packages"]))
    graph = grimp.build_graph(
        *sorted(asked["packages"]), cache_dir=None, exclude_type_checking_imports=True
    )
    answer = {
        "modules": len(graph.modules),
        "cycles": cycles(graph, asked["deferred"])[:CYCLES_MAX],
        "breaches": [],
        "invalid": "",
    }
    if asked.get("contracts"):
        answer.update(checked(asked["session"], asked["contracts"]))
    sys.stdout.write(json.dumps(answer))


def cycles(graph: grimp.ImportGraph, deferred: Deferred) -> list[list[dict[str, Any]]]:
    """Return a shortest round trip of each knot of modules that load each other (1)."""
    loads = {
        module: sorted(
            other
            for other in graph.find_modules_directly_imported_by(module)
            if other != module and lines(graph, module, other, deferred)
        )
        for module in sorted(graph.modules)
    }
    found = []
    for knot in knots(loads):
        trip = round_trip(loads, knot)
        steps = zip(trip, [*trip[1:], trip[0]], strict=True)
        found.append([step(graph, one, other, deferred) for one, other in steps])
    return found


def step(
    graph: grimp.ImportGraph, importer: str, imported: str, deferred: Deferred
) -> dict[str, Any]:
    """Return where one module imports another."""
    at = lines(graph, importer, imported, deferred)
    return {"importer": importer, "imported": imported, "line": min(at, default=0)}


def lines(graph: grimp.ImportGraph, importer: str, imported: str, deferred: Deferred) -> list[int]:
    """Return where one module loads another when it is loaded itself (1)."""
    late = deferred.get(importer, ())
    return [
        each["line_number"]
        for each in graph.get_import_details(importer=importer, imported=imported)
        if each["line_number"] not in late and not each.get("is_lazy")
    ]


def knots(loads: dict[str, list[str]]) -> list[list[str]]:
    """Return the knots: modules that are strongly connected (Kosaraju's algorithm)."""
    loaded_by: dict[str, list[str]] = {}
    for module, others in loads.items():
        for other in others:
            loaded_by.setdefault(other, []).append(module)
    order: list[str] = []
    seen: set[str] = set()
    for module in loads:
        order += finished(module, loads, seen)
    found = []
    taken: set[str] = set()
    for module in reversed(order):
        knot = finished(module, loaded_by, taken)
        if len(knot) > 1:
            found.append(sorted(knot))
    return sorted(found)


def finished(start: str, edges: dict[str, list[str]], seen: set[str]) -> list[str]:
    """Return what is reached from ``start`` and was not seen, in the order in which it is done."""
    done: list[str] = []
    waiting = [] if start in seen else [(start, iter(edges.get(start, ())))]
    seen.add(start)
    while waiting:
        module, others = waiting[-1]
        new = next((each for each in others if each not in seen), None)
        if new is None:
            waiting.pop()
            done.append(module)
        else:
            seen.add(new)
            waiting.append((new, iter(edges.get(new, ()))))
    return done


def round_trip(loads: dict[str, list[str]], knot: list[str]) -> list[str]:
    """Return the shortest way round that leads through the knot, beginning with its first name."""
    within = set(knot)
    best: list[str] = []
    for start in knot:
        before: dict[str, str] = {}
        waiting = [start]
        for module in waiting:
            for other in loads.get(module, []):
                if other == start:
                    way = [module]
                    while way[-1] != start:
                        way.append(before[way[-1]])
                    way.reverse()
                    if not best or len(way) < len(best):
                        best = way
                    break
                if other in within and other not in before:
                    before[other] = module
                    waiting.append(other)
            else:
                continue
            break
    first = best.index(min(best))
    return best[first:] + best[:first]


def checked(session: dict[str, Any], contracts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the imports that contracts forbid (2)."""
    from importlinter.application.use_cases import (  # noqa: PLC0415  # where there are contracts
        _register_contract_types,
        create_report,
    )
    from importlinter.application.user_options import UserOptions  # noqa: PLC0415
    from importlinter.configuration import configure  # noqa: PLC0415

    configure()
    options = UserOptions(session_options=session, contracts_options=contracts)
    try:
        _register_contract_types(UserOptions({}, []))
        report = create_report(options, cache_dir=None)
    except Exception as error:  # noqa: BLE001 - whatever a contract of strangers makes of it
        return {"invalid": f"{type(error).__name__}: {error}"}
    if report.could_not_run:
        return {"invalid": "; ".join(map(str, report.invalid_contract_options.values()))}
    breaches: dict[tuple[str, str, str], dict[str, Any]] = {}
    for contract, check in report.get_contracts_and_checks():
        for each in [] if check.kept else breaches_in(contract.name, check.metadata):
            key = each["contract"], each["importer"], each["imported"]
            breaches.setdefault(key, each)
    return {"breaches": list(breaches.values())[:CHAINS_MAX]}


def breaches_in(contract: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is against a broken contract: one thing at least (3)."""
    # A chain is broken where it begins; several that begin so are mended by one edit.
    found = [
        {
            "importer": chain[0]["importer"],
            "imported": chain[0]["imported"],
            "line": lines_in(chain[0])[0],
            "through": [link["imported"] for link in chain[:-1]],
            "reaches": chain[-1]["imported"],
        }
        for chain in chains_in(told)
    ]
    for breakers in told.get("cycle_breakers_by_package", {}).values():
        found += [breach(*each) for each in sorted(breakers)]
    found += [breach(module) for module in sorted(told.get("undeclared_modules", ()))]
    return [{"contract": contract, **each} for each in found or [breach("")]]


def breach(importer: str, imported: str = "") -> dict[str, Any]:
    """Return a breach that has no line of its own."""
    return {
        "importer": importer,
        "imported": imported,
        "line": 0,
        "through": [],
        "reaches": imported,
    }


def chains_in(told: Any) -> list[list[dict[str, Any]]]:
    """Return the chains of imports that a broken contract names, wherever they stand in it."""
    if is_link(told):
        return [[told]]
    if isinstance(told, dict):
        # What only says by which other modules the same chain may begin or end is no other chain.
        values = [value for key, value in told.items() if not str(key).startswith("extra_")]
        return [chain for value in values for chain in chains_in(value)]
    if isinstance(told, (list, tuple, set)):
        links = list(told)
        if links and all(map(is_link, links)):
            return [links]
        return [chain for value in links for chain in chains_in(value)]
    return []


def is_link(told: Any) -> bool:
    """Tell whether it is one import, with its lines."""
    return isinstance(told, dict) and {"importer", "imported"} <= set(told) and any(lines_in(told))


def lines_in(link: dict[str, Any]) -> list[int]:
    """Return the lines on which an import stands."""
    return [each for each in link.get("line_numbers", (link.get("line_number"),)) if each]


if __name__ == "__main__":
    main()
