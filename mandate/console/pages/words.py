"""Small pages: a login, a refusal, what a vote has come to, an output as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from dsl.shown.surfaces import Html, Terminal
from mandate.console.pages.frame import Viewed, address, href, link
from mandate.console.pages.moments import small_digest

NO_WAYS: Final[Mapping[str, str]] = MappingProxyType({})
LINES_MAX: Final = 5_000  # of an output
LINE_MAX: Final = 2_000
CHARACTERS_MAX: Final = 1 << 20

_VERDICTS: Final = {
    True: (Html("Your vote counted"), Html("well")),
    False: (Html("Your vote did not count"), Html("bad")),
    None: (Html("Nobody knows yet whether your vote counts"), Html("wait")),
}


def login_page(back: str, why: str = "", elsewhere: str = "") -> Viewed:
    """Return the form of a login; ``why`` the last one was none, ``elsewhere`` one goes as well."""
    told = Html.of('<p class="bad" role="alert">{}</p>', why) if why else Html()
    body = Html.of(
        '<div class="narrow"><h1>Log in</h1>{}<form class="act" method="post" action="{}">'
        '<p><label for="name">Name</label><input id="name" name="name" autocomplete="username" '
        'maxlength="200" required autofocus></p>'
        '<p><label for="secret">Password</label><input id="secret" name="secret" type="password" '
        'autocomplete="current-password" maxlength="4096" required></p>'
        '<p><label class="check"><input type="checkbox" name="by" value="token"> What I gave is a '
        "token of mine: I log in to Vault by other means</label></p><p><button>Log in</button></p>"
        '<p class="quiet">To the Vault of this stack. The login is kept by this server, in memory, '
        "for half an hour at most; with it your votes are signed.</p></form>{}</div>",
        *(told, address(href("/login", next=back)), _elsewhere(elsewhere, back)),
    )
    return Viewed(Html("Log in"), body)


def _elsewhere(path: str, back: str) -> Html:
    if not path:
        return Html()
    return Html.of(
        '<p><a class="button" href="{}">Log in by OIDC</a></p>', address(href(path, next=back))
    )


def verdict_page(run: str, gate: str, *, counted: bool | None, line: str) -> Viewed:
    """Return what became of a vote, in the run's own words; None: nobody knows yet."""
    head, kind = _VERDICTS[counted]
    body = Html.of(
        '<div class="card"><h1>{}</h1><p class="lead {}" role="status"><bdi>{}</bdi></p>'
        "<p>Back to {}, or to {}.</p></div>",
        *(head, kind),
        Html.of("{}", line, limit=2_000),
        *(link(href("/run", id=run), run), link(href("/waiting"), "what waits")),
    )
    return Viewed(Html.of("{}", gate), body)


def refusal_page(status: int, message: str, ways: Mapping[str, str] = NO_WAYS) -> Viewed:
    """Return that something was not done, and why; ``ways`` lead back, by address."""
    head = Html("There is nothing here") if status == 404 else Html("Not done")  # noqa: PLR2004
    led = (link(of, name) for of, name in (*ways.items(), ("/", "the runs")))
    body = Html.of(
        '<div class="card"><h1>{}</h1><p class="lead bad" role="alert">{}</p><p>Back to {}</p>'
        "</div>",
        *(head, Html.of("{}", message, limit=2_000), Html.joined(", or to ", led)),
    )
    return Viewed(head, body)


def output_page(
    place: tuple[str, str, str], digest: str, lines: Sequence[str] | None, size: int
) -> Viewed:
    """Return an output as text; without lines it is none."""
    run, stage, name = place
    if lines is None:
        save = Terminal.command("mandate artifact save {} {}", f"{run}/{stage}", name)
        shown = Html.of("<p>It is no text. To have its bytes: <code>{}</code></p>", save)
    else:
        fitting = _fitting(lines)
        more = len(lines) - len(fitting)
        whole = Terminal.command("mandate artifact show {} {}", f"{run}/{stage}", name)
        cut = Html.of("<p>and {:,} more lines: <code>{}</code></p>", more, whole)
        shown = Html.of(
            '<pre tabindex="0">{}</pre>{}',
            *(Html.excerpt(fitting, LINE_MAX), cut if more > 0 else Html()),
        )
    body = Html.of(
        '<p class="crumb">Put out by <bdi>{}</bdi> of {}</p><h1><bdi>{}</bdi></h1>'
        '<p class="quiet">{:,} bytes, read here by their digest<br>{}</p>{}',
        *(stage, link(href("/run", id=run), run), name, size, small_digest(digest), shown),
    )
    return Viewed(Html.of("{}", name), body)


def _fitting(lines: Sequence[str]) -> Sequence[str]:
    """Return the first lines, as many as a page is to have."""
    taken = 0
    for number, line in enumerate(lines[:LINES_MAX]):
        taken += min(len(line), LINE_MAX)
        if taken > CHARACTERS_MAX:
            return lines[:number]
    return lines[:LINES_MAX]
