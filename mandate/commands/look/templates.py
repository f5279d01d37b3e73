"""``mandate template``: what an agent stage may be, and what it starts from.

Reads the templates that pipelines may name here, and the digest of the program behind each, as a
worker on this machine would. A program that is not there is told, and is no failure of the command.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from activities.runtime.programs import program_digest
from dsl.models import InputSpec
from dsl.shown.surfaces import Terminal
from dsl.templates import Template, shipped
from dsl.values.durations import render_duration
from dsl.values.suggestions import suggest
from integrations.errors import IntegrationError
from mandate._entry import EXIT_USAGE
from mandate.columns import columns
from mandate.terminal import note, say, say_json

_HEAD = ("TEMPLATE", "TIER", "PHASES", "PROGRAM", "DESCRIPTION")
_NONE = "none in this release"


def known() -> Mapping[str, Template]:
    """Return the templates that a pipeline may name, by name."""
    return shipped()


def table() -> list[Terminal]:
    """Return every template as one line."""
    rows = [
        (each.name, each.tier.name, ", ".join(each.phases), each.program or _NONE, each.description)
        for _, each in sorted(known().items())
    ]
    return columns([_HEAD, *rows])


def records() -> list[dict[str, Any]]:
    """Return every template for a program."""
    return [_record(each) for _, each in sorted(known().items())]


def show(name: str, *, as_json: bool) -> int:
    """Print one template; return 2 when there is none of that name."""
    templates = known()
    found = templates.get(name)
    if found is None:
        hint = suggest(name, templates, what="templates")
        note(Terminal.of("mandate template show: no template is named {}: {}", repr(name), hint))
        return EXIT_USAGE
    if as_json:
        say_json(_record(found))
    else:
        say(*_page(found))
    return 0


def _page(template: Template) -> Iterator[Terminal]:
    yield Terminal.of("template  {}", template.name)
    yield Terminal.of("what      {}", template.description)
    yield Terminal.of("tier      {}, {}", template.tier.name, template.tier.title)
    yield Terminal.of("timeout   {}", render_duration(template.timeout))
    yield Terminal.of("phases    {}", Terminal.listed(template.phases))
    yield Terminal.of("program   {}", template.program or _NONE)
    yield Terminal.of("digest    {}", _digest(template) or "none: its stages fail at BOOTSTRAP")
    if template.inputs is None:
        yield Terminal("inputs    any: it does not say which it takes")
        return
    yield Terminal.of("inputs    {}", len(template.inputs) or "none")
    for name, spec in sorted(template.inputs.items()):
        yield Terminal.of("  {}: {}{}", name, spec.type, _more(spec))


def _more(spec: InputSpec) -> Terminal:
    one_of = Terminal.of(", one of {}", Terminal.listed(spec.enum)) if spec.enum else Terminal()
    needed = Terminal() if spec.required is False else Terminal(", required")
    default = needed if spec.default is None else Terminal.of(", default {}", repr(spec.default))
    about = Terminal.of(": {}", spec.description) if spec.description else Terminal()
    return Terminal.of("{}{}{}", one_of, default, about)


def _record(template: Template) -> dict[str, Any]:
    return {
        "kind": "template",
        "name": template.name,
        **template.model_dump(mode="json", exclude={"name", "tier"}),
        "tier": template.tier.name,
        "digest": _digest(template),
    }


def _digest(template: Template) -> str:
    try:
        return program_digest(template.program) if template.program else ""
    except IntegrationError as error:
        note(Terminal.of("the program of {}: {}", template.name, error))
        return ""
