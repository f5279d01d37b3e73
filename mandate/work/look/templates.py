"""``mandate template``: what an agent stage may be, and what it starts from.

Reads the templates that pipelines may name here, and the digest of the program behind each, as a
worker on this machine would. A program that is not there is told, and is no failure of the command.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dsl.compiler import runtime_of
from dsl.models import InputSpec
from dsl.shown.surfaces import Terminal
from dsl.templates import Template
from dsl.values.durations import render_duration
from dsl.values.suggestions import suggest
from integrations.agents.programs.catalogue import Programs
from integrations.errors import IntegrationError
from mandate import catalogue
from mandate._entry import EXIT_USAGE
from mandate.columns import columns
from mandate.stack import environment
from mandate.terminal import note, say, say_json

_HEAD = ("TEMPLATE", "TIER", "PHASES", "PROGRAM", "DESCRIPTION")
_NONE = "none in this release"


def table(data_dir: Path | None = None) -> list[Terminal]:
    """Return every template as one line; what is wrong with others is noted."""
    view = _programs(data_dir).folders.view()
    rows = [
        (each.name, each.tier.name, ", ".join(each.phases), _work(each), each.description)
        for each in (file.template for _, file in sorted(view.files.items()))
    ]
    for name, why in sorted(view.refused.items()):
        note(Terminal.of("template {} cannot be used: {}", name, why))
    for path, why in view.problems:
        if not path.exists():  # where templates may lie; who names one that is not there is told
            continue
        note(Terminal.of("{}: {}", path, why))
    return columns([_HEAD, *rows])


def records(data_dir: Path | None = None) -> list[dict[str, Any]]:
    """Return every template for a program."""
    programs = _programs(data_dir)
    return [_record(each, programs) for _, each in sorted(programs.folders.look().items())]


def show(name: str, *, as_json: bool, data_dir: Path | None = None) -> int:
    """Print one template; return 2 when there is none of that name."""
    programs = _programs(data_dir)
    templates = programs.folders.look()
    found = templates.get(name)
    if found is None:
        hint = templates.refused.get(name) or suggest(name, templates, what="templates")
        note(Terminal.of("mandate template show: no template is named {}: {}", repr(name), hint))
        return EXIT_USAGE
    if as_json:
        say_json(_record(found, programs))
    else:
        say(*_page(found, programs))
    return 0


def _programs(data_dir: Path | None) -> Programs:
    return catalogue.programs(environment.present(data_dir))


def _page(template: Template, programs: Programs) -> Iterator[Terminal]:
    yield Terminal.of("template  {}", template.name)
    yield Terminal.of("what      {}", template.description)
    yield Terminal.of("tier      {}, {}", template.tier.name, template.tier.title)
    yield Terminal.of("timeout   {}", render_duration(template.timeout))
    yield Terminal.of("phases    {}", Terminal.listed(template.phases))
    yield Terminal.of("runtime   {}", template.runtime)
    if template.is_delegated:
        yield Terminal.of("work      {}, in no sandbox and without secrets", runtime_of(template))
    else:
        yield Terminal.of("program   {}", template.program or _NONE)
    yield Terminal.of(
        "digest    {}", _digest(template, programs) or "none: its stages fail at BOOTSTRAP"
    )
    if template.inputs is None:
        yield Terminal("inputs    any: it does not say which it takes")
        return
    yield Terminal.of("inputs    {}", len(template.inputs) or "none")
    for name, spec in sorted(template.inputs.items()):
        yield Terminal.of("  {}: {}{}", name, spec.type, _more(spec))


def _work(template: Template) -> str:
    return str(runtime_of(template)) if template.is_delegated else template.program or _NONE


def _more(spec: InputSpec) -> Terminal:
    one_of = Terminal.of(", one of {}", Terminal.listed(spec.enum)) if spec.enum else Terminal()
    needed = Terminal() if spec.required is False else Terminal(", required")
    default = needed if spec.default is None else Terminal.of(", default {}", repr(spec.default))
    about = Terminal.of(": {}", spec.description) if spec.description else Terminal()
    return Terminal.of("{}{}{}", one_of, default, about)


def _record(template: Template, programs: Programs) -> dict[str, Any]:
    return {
        "kind": "template",
        "name": template.name,
        **template.model_dump(mode="json", exclude={"name", "tier"}),
        "tier": template.tier.name,
        "digest": _digest(template, programs),
    }


def _digest(template: Template, programs: Programs) -> str:
    try:
        return programs.digest(template.name)
    except IntegrationError as error:
        note(Terminal.of("the program of {}: {}", template.name, error))
        return ""
