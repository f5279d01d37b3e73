"""What stands around every page: the way to the others, who is logged in, and addresses.

1. A page reads without script. With it, the part in ``#live`` is made anew when something changes.
2. An address is put together here alone: words of others stand in it percent-encoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from dsl.shown.markup import table
from dsl.shown.surfaces import Html
from mandate.console.sessions import TOKEN_FIELD, WebSession

ADDRESS_MAX: Final = 12_000  # characters: ids of 1,000, percent-encoded
STYLE_PATH: Final = "/static/console.css"
SCRIPT_PATH: Final = "/static/console.js"
ICON_PATH: Final = "/static/icon.svg"
AGAIN_S: Final = 10  # without script a page that moves is loaded again
_PLACES: Final = (
    ("/", "Runs"),
    ("/waiting", "Waiting"),
    ("/start", "Start"),
    ("/agents", "Agents"),
    ("/system", "System"),
)


_SIGN: Final = Html(
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 1.5 3 5v6.5c0 5.3 3.8 9.3 9 11 '
    '5.2-1.7 9-5.7 9-11V5z"/><path class="tick" d="m7.8 12.2 3 3 5.6-6"/></svg>'
)


@dataclass(frozen=True, slots=True)
class Viewed:
    """A page as it is to be framed."""

    title: Html
    body: Html
    stream: str = ""  # address of what tells of changes of ``moving``
    moving: Html = Html()  # noqa: RUF009 - immutable
    after: Html = Html()  # noqa: RUF009 - immutable; below what moves


def page(viewed: Viewed, here: str, session: WebSession | None) -> Html:
    """Return the whole page.

    Args:
        viewed: what it shows.
        here: the address it has, for the way back from a login.
        session: of whoever looks.
    """
    again = Html()
    live = viewed.moving
    if viewed.stream:
        again = Html.of('<noscript><meta http-equiv="refresh" content="{}"></noscript>', AGAIN_S)
        live = Html.of(
            '<div id="live" data-stream="{}">{}</div>', address(viewed.stream), viewed.moving
        )
    head = Html.of(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>{} · Mandate</title><link rel="stylesheet" href="{}">'
        '<link rel="icon" href="{}">{}<script src="{}" defer></script></head>',
        *(viewed.title, Html.of("{}", STYLE_PATH), Html.of("{}", ICON_PATH), again),
        Html.of("{}", SCRIPT_PATH),
    )
    parts = [
        head,
        Html('<body><a class="skip" href="#main">To the content</a>'),
        _bar(here, session),
        Html('<main id="main" tabindex="-1">'),
        viewed.body,
        live,
        viewed.after,
        Html("</main></body></html>"),
    ]
    return Html.of("{}\n", Html.joined("\n", [each for each in parts if each]))


def href(path: str, **words: str) -> str:
    """Return an address of ours (2)."""
    asked = urlencode(words, quote_via=quote, errors="replace")
    return f"{path}?{asked}" if asked else path


def address(of: str) -> Html:
    """Return an address that ``href`` has made, for an attribute."""
    return Html.of("{}", of, limit=ADDRESS_MAX)


def link(of: str, text: object) -> Html:
    """Return a link to an address of ours."""
    return Html.of('<a href="{}"><bdi>{}</bdi></a>', address(of), text)


def outside(of: str, text: Html) -> Html:
    """Return a link into the Temporal Web UI; nothing where there is none."""
    if not of.startswith(("http://", "https://")):
        return Html()
    return Html.of('<a class="out" href="{}" rel="noreferrer">{} ↗</a>', address(of), text)


def listed(head: Sequence[str], rows: Iterable[Sequence[Html]]) -> Html:
    """Return a table in a card of its own."""
    return Html.of('<div class="card list">{}</div>', table(head, rows))


def empty(said: Html) -> Html:
    """Return what stands where there is nothing to show."""
    return Html.of('<p class="none">{}</p>', said)


def token_field(session: WebSession) -> Html:
    """Return the word that a form of this session carries."""
    return Html.of(
        '<input type="hidden" name="{}" value="{}">', Html.of("{}", TOKEN_FIELD), session.token
    )


def _bar(here: str, session: WebSession | None) -> Html:
    path = here.partition("?")[0]
    places = (
        Html.of('<a href="{}"{}>{}</a>', Html.of("{}", each), _current(each == path), name)
        for each, name in _PLACES
    )
    if session is None:
        who = Html.of('<a href="{}">Log in</a>', address(href("/login", next=here)))
    else:
        who = Html.of(
            '<form method="post" action="/logout">{}<span class="quiet"><bdi>{}</bdi></span> '
            '<button class="plain">Log out</button></form>',
            *(token_field(session), session.login.name),
        )
    return Html.of(
        '<header class="bar"><div><a class="brand" href="/">{}Mandate</a>'
        '<nav aria-label="Pages">{}</nav><div class="who">{}</div></div></header>',
        *(_SIGN, Html.joined("", places), who),
    )


def _current(is_here: bool) -> Html:  # noqa: FBT001 - a word for it
    return Html(' aria-current="page"') if is_here else Html()
