"""What constraints.txt pins is what an install takes: no more, no less, in these versions.

The set is followed through the metadata of the installed packages, for every Python and
platform we support, since a package may ask for another on some of them only.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINES = [
    line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")
]
PINS = dict(line.split("==") for line in LINES)
# The first and a late release of each: what 3.11.0 needs, 3.11.14 may have built in.
PYTHONS = ("3.11.0", "3.11.14", "3.12.0", "3.12.12", "3.13.0", "3.13.9")
PLATFORMS = (("linux", "Linux"), ("darwin", "Darwin"))
MACHINES = ("x86_64", "aarch64", "arm64")


def machines() -> list[dict[str, str]]:
    return [
        {
            "python_full_version": python,
            "python_version": python.rpartition(".")[0],
            "sys_platform": platform,
            "platform_system": system,
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "implementation_name": "cpython",
            "os_name": "posix",
        }
        for python, (platform, system), machine in itertools.product(PYTHONS, PLATFORMS, MACHINES)
    ]


MACHINES_SUPPORTED = machines()


def applies(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**machine, "extra": extra}) for machine in MACHINES_SUPPORTED
    )


def asked_by_us() -> Iterator[Requirement]:
    project = PROJECT["project"]
    texts = [*project["dependencies"], *PROJECT["build-system"]["requires"]]
    texts += itertools.chain.from_iterable(project["optional-dependencies"].values())
    for text in texts:
        requirement = Requirement(text)
        if requirement.name != project["name"]:  # our own extras, all of which we walk
            yield requirement


def asked_by(name: str, extra: str) -> Iterator[Requirement]:
    try:
        texts = distribution(name).requires or ()
    except PackageNotFoundError:
        return  # needed elsewhere only
    for text in texts:
        requirement = Requirement(text)
        if applies(requirement, extra):
            yield requirement


def taken() -> set[str]:
    """Return the canonical name of every package an install may take."""
    waiting = list(asked_by_us())
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting.extend(asked_by(name, extra))
    return {name for name, _ in seen}


def test_every_package_an_install_takes_is_pinned_and_nothing_else_is():
    assert set(PINS) == taken()


def test_the_pins_are_what_these_tests_run_with():
    installed = {}
    for name, pinned in PINS.items():
        try:
            installed[name] = distribution(name).version
        except PackageNotFoundError:
            installed[name] = pinned  # not needed on this machine

    assert installed == PINS


def test_a_pin_is_a_name_and_a_version_and_no_address():
    assert [
        line for line in LINES if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.+!]*", line)
    ] == []
    assert sorted(LINES) == LINES
    assert len(PINS) == len(LINES)


def test_every_pin_satisfies_what_pyproject_asks_for():
    refused = [
        str(requirement)
        for requirement in asked_by_us()
        if not requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])
    ]

    assert refused == []
