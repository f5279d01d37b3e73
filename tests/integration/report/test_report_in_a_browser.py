"""The report of a run in a real browser: nothing runs, it fits a phone, it prints."""

from __future__ import annotations

from playwright.async_api import Browser, Page

from mandate.work.look.report.page import POLICY, report_page
from tests.fixtures.hostile.markup import PAYLOADS
from tests.fixtures.report.made_up import hostile, large
from tests.fixtures.servers.browser import pictured


async def opened(browser: Browser, page: str, width: int = 1_100) -> Page:
    shown = await browser.new_page(viewport={"width": width, "height": 900})
    await shown.set_content(page)
    return shown


async def test_none_of_fifty_texts_is_obeyed_even_where_the_page_forbids_nothing(browser: Browser):
    bodies = []
    for payload in PAYLOADS:
        page = report_page(hostile(payload))
        assert POLICY in page
        bodies.append(page.replace(POLICY, "default-src *; script-src * 'unsafe-inline' data:"))
    shown = await browser.new_page()
    asked: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))
    for body in bodies:
        await shown.set_content(body)
        await shown.mouse.move(200, 200)
        assert await shown.evaluate("window.struck === undefined")
        assert await shown.evaluate("document.scripts.length") == 0
    await shown.close()

    assert asked == []


async def test_it_fits_a_phone_in_the_dark_and_prints(browser: Browser):
    shown = await opened(browser, report_page(large(12)), width=390)
    await shown.emulate_media(color_scheme="dark")
    await pictured(shown, "report-dark", full_page=True)
    wide = await shown.evaluate("document.documentElement.scrollWidth")
    dark = await shown.evaluate("getComputedStyle(document.body).backgroundColor")
    await shown.emulate_media(color_scheme="dark", media="print")
    paper = await shown.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--page')"
    )
    printed = await shown.pdf(format="A4")
    await shown.close()

    assert wide <= 390
    assert dark == "rgb(13, 17, 23)"
    assert paper.strip() == "#ffffff"
    assert printed.startswith(b"%PDF")
