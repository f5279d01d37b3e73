"""Every page of the console in a real browser: no text of others runs, and all fits a phone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from integrations.web.app import make_app
from mandate.console.assets import asset_routes
from mandate.console.pages.frame import page
from tests.fixtures.hostile.markup import PAYLOADS
from tests.fixtures.servers.browser import pictured
from tests.fixtures.servers.http import Place, place_of
from tests.fixtures.servers.pages import every_page, session_of
from tests.fixtures.servers.valkey import free_port

NAMES = [name for name, _ in every_page("x", None)]
FOREIGN = "script:not([src='/static/console.js']),iframe,object,embed,base,img,video,audio,math"


class Shape(HTMLParser):
    """The elements and the names of the attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.update([tag, *(f"{tag} {name}" for name, _ in attrs)])


def whole(text: str, name: str) -> str:
    session = session_of()
    viewed = dict(every_page(text, session))[name]
    return page(viewed, f"/run?id={name}", session)


@pytest.mark.parametrize("name", NAMES)
def test_a_text_of_others_makes_no_element_and_no_attribute(name: str):
    plain = Shape(whole("x", name)).found

    for payload in PAYLOADS:
        assert Shape(whole(payload, name)).found == plain, payload


async def shown(request: Request) -> Response:
    name, number = request.query_params["page"], int(request.query_params["text"])
    return HTMLResponse(whole(PAYLOADS[number], name))


async def stream(_request: Request) -> Response:
    """Tell of every page with every text, and then that it is over."""

    async def told() -> AsyncIterator[str]:
        for payload in PAYLOADS:
            for name, viewed in every_page(payload, session_of()):
                if viewed.moving and name != "system 2":
                    yield f"data: {json.dumps(viewed.moving)}\n\n"
        yield 'data: "<p id=\\"end\\">the end</p>"\n\n'

    return StreamingResponse(told(), media_type="text/event-stream")


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Place]:
    port = free_port()
    live = [Route(f"/live/{each}", stream) for each in ("runs", "run", "waiting", "system")]
    routes = [Route("/shown", shown), *live, *asset_routes()]
    async with place_of(make_app(routes=routes, hosts=[f"127.0.0.1:{port}"]), port) as found:
        yield found


async def test_nothing_of_fifty_texts_runs_even_where_no_policy_forbids_it(
    browser: Browser, place: Place
):
    context = await browser.new_context(bypass_csp=True)
    opened = await context.new_page()
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    for number in range(0, len(PAYLOADS), 5):
        await opened.goto(f"http://{place.host}/shown?page=gate&text={number}")
        await opened.mouse.move(200, 200)
        assert await opened.evaluate("window.struck === undefined"), PAYLOADS[number]
        assert await opened.locator(FOREIGN).count() == 0
    await opened.goto(f"http://{place.host}/shown?page=waiting&text=0")
    await opened.wait_for_selector("#end", timeout=60_000)
    struck = await opened.evaluate("window.struck")
    await context.close()

    assert struck is None
    assert {url for url in asked if not url.startswith(f"http://{place.host}/")} == set()


async def test_the_policy_lets_our_pages_be_as_they_are(browser: Browser, place: Place):
    context = await browser.new_context()
    opened = await context.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    for name in NAMES:
        await opened.goto(f"http://{place.host}/shown?page={name}&text=0")
    await context.close()

    assert said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_fits_a_phone(browser: Browser, place: Place, scheme: Any):
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme=scheme, java_script_enabled=True
    )
    opened = await context.new_page()
    wide = {}
    for name in NAMES:
        await opened.goto(f"http://{place.host}/shown?page={name}&text=7")
        wide[name] = await opened.evaluate("document.documentElement.scrollWidth")
    await pictured(opened, f"console-phone-{scheme}")
    ground = await opened.evaluate("getComputedStyle(document.body).backgroundColor")
    await context.close()

    assert {name: width for name, width in wide.items() if width > 390} == {}
    assert ground == ("rgb(244, 246, 248)" if scheme == "light" else "rgb(13, 17, 23)")
