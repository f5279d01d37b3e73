"""Starting a run: what is in the catalogue, and the inputs of one pipeline.

A field that is left empty takes the default that stands in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dsl.plan import InputPlan, Plan
from dsl.shown.diagram import diagram
from dsl.shown.surfaces import Html
from mandate.console.pages.frame import Viewed, address, href, link, token_field
from mandate.console.sessions import WebSession

FIELD_NAME: Final = "input-"  # before the name of an input


def start_page(names: Sequence[str]) -> Viewed:
    """Return what can be started."""
    rows = (Html.of("<li>{}</li>", link(href("/start", pipeline=each), each)) for each in names)
    body = Html.of(
        '<h1>Start a run</h1><p class="lead">Of a pipeline in the catalogue.</p>'
        '<ul class="choices">{}</ul>',
        Html.joined("", rows),
    )
    return Viewed(Html("Start"), body)


def pipeline_page(plan: Plan, digest: str, session: WebSession | None, why: str = "") -> Viewed:
    """Return one pipeline, and the form that starts it."""
    told = Html.of('<p class="bad" role="alert">{}</p>', Html.of("{}", why, limit=2_000))
    here = href("/start", pipeline=plan.name)
    if session is None:
        form = Html.of(
            '<p class="act"><a class="button" href="{}">Log in to start it</a></p>',
            address(href("/login", next=here)),
        )
    else:
        fields = (_field(name, each) for name, each in sorted(plan.inputs.items()))
        form = Html.of(
            '<form class="act" method="post" action="{}">{}{}<p><button>Start</button></p>'
            '<p class="quiet">Started by <bdi>{}</bdi>, which is proven to its gates.</p></form>',
            *(address(here), token_field(session), Html.joined("", fields), session.login.name),
        )
    body = Html.of(
        '<p class="crumb">Start a run of</p><h1><bdi>{}</bdi> {}</h1>'
        '<p><code class="digest">{}</code></p>{}'
        '<div class="split"><div class="card wide">{}</div><div class="decide">{}</div></div>',
        *(plan.name, plan.version, digest, told if why else Html(), diagram(plan), form),
    )
    return Viewed(Html.of("{}", plan.name), body)


def _field(name: str, declared: InputPlan) -> Html:
    at = Html.of("{}{}", Html(FIELD_NAME), name)
    default = Html() if declared.default is None else Html.of("{}", declared.default)
    if declared.enum:
        options = (
            Html.of('<option value="{}">{}</option>', number, each)
            for number, each in enumerate(declared.enum)
        )
        return Html.of(
            '<p><label for="{}"><bdi>{}</bdi></label><select id="{}" name="{}">'
            '<option value="">{}</option>{}</select></p>',
            *(at, name, at, at, Html.of("(default: {})", default) if default else Html("-")),
            Html.joined("", options),
        )
    return Html.of(
        '<p><label for="{}"><bdi>{}</bdi> <span class="quiet">{}</span></label>'
        '<input id="{}" name="{}" placeholder="{}" maxlength="4000" autocomplete="off"></p>',
        *(at, name, declared.type, at, at, default),
    )
