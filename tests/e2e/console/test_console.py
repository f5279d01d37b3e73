"""The console as people use it, in a real browser and by hand, against ``mandate up``."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Browser, Page, expect

from mandate.console.acting import LOGIN_RATE
from tests.e2e.console.conftest import Served
from tests.fixtures.servers.browser import pictured
from tests.fixtures.servers.visits import gate_address, hidden
from tests.fixtures.stack import until_gate

WAIT_MS = 60_000
TABS_MAX = 60
WATCHED_S = 4.0
CORE_MAX = 0.10
expect.set_options(timeout=WAIT_MS)


@asynccontextmanager
async def opened(browser: Browser, **options: Any) -> AsyncIterator[Page]:
    context = await browser.new_context(**options)
    context.set_default_timeout(WAIT_MS)
    page = await context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text) if "CSP" in message.text else None)
    try:
        yield page
        assert said == []
    finally:
        await context.close()


async def start(served: Served, name: str = "bob", **inputs: str) -> str:
    """Start a run as somebody does, without a browser; return its id once its gate is open."""
    cookie, token = await served.log_in(name)
    form = {"token": token, **{f"input-{key}": value for key, value in inputs.items()}}
    reply = await served.post("/start?pipeline=ask-first", form, cookie)
    assert reply.status == 303, reply.text
    run = parse_qs(urlsplit(reply.headers["location"]).query)["id"][0]
    await until_gate((await served.stack.client()).get_workflow_handle(run), "sign-off")
    return run


async def test_a_run_is_started_watched_approved_and_seen_to_end(served: Served, browser: Browser):
    async with opened(browser, viewport={"width": 1000, "height": 760}) as page:
        await page.goto(f"{served.url}/start?pipeline=ask-first")
        await page.click("text=Log in to start it")
        await page.fill("#name", "ann")
        await page.fill("#secret", served.passwords["ann"])
        await page.click("main button")
        await page.fill("#input-note", "two words")
        await page.click("main button")
        await expect(page.locator(".waits strong")).to_have_text("sign-off")  # by itself
        moved = await page.evaluate("performance.getEntriesByType('navigation')[0].type")
        await page.reload()
        await expect(page.locator("dt:has-text('started by') + dd")).to_have_text("ann")
        await page.click(".waits a")
        await expect(page.locator("main")).to_contain_text("two words")
        for digest in ("report.md", "inventory.json", "sha256:"):
            await expect(page.locator("main")).to_contain_text(digest)
        await pictured(page, "console-gate")
        await page.fill("#reason", "read what it found")
        await page.click("button[value=approve]")
        await expect(page.locator("h1")).to_have_text("Your vote counted")
        await page.click("main a")
        await expect(page.locator("main .lead .state")).to_have_text("completed")
        await expect(
            page.locator("section li:has-text('ann: approve (verified) read what it found')")
        ).to_be_visible()
        await page.reload()
        await expect(page.locator("dt:has-text('started by') + dd")).to_have_text("ann")
        await pictured(page, "console-run", full_page=True)
        ui = await page.locator("a.out >> nth=0").get_attribute("href")
        await page.click("text=Log out")
        await expect(page.locator("text=Log in")).to_be_visible()

    assert moved == "navigate"
    assert (ui or "").startswith(served.stack.env["MANDATE_UI"])


async def test_by_keyboard_alone(served: Served, browser: Browser):
    run = await start(served)

    async def tab_to(page: Page, what: str) -> None:
        """Go on with the tab key until that has the focus."""
        for _ in range(TABS_MAX):
            await page.keyboard.press("Tab")
            if await page.evaluate("what => document.activeElement.matches(what)", what):
                return
        raise AssertionError(f"{what} cannot be reached")

    async with opened(browser) as page:
        await page.goto(f"{served.url}{gate_address(run)}")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await tab_to(page, "a.button")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/login?*")
        await page.keyboard.type("ann")  # the field has the focus
        await page.keyboard.press("Tab")
        await page.keyboard.type(served.passwords["ann"])
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/gate?*")
        await tab_to(page, "#reason")
        await page.keyboard.type("no")
        await tab_to(page, "button[value=reject]")
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_have_text("Your vote counted")
        await tab_to(page, "main a")
        await page.keyboard.press("Enter")
        await expect(page.locator("main .lead .state")).to_have_text("rejected")


async def test_without_script_everything_reads_and_a_phone_is_wide_enough(
    served: Served, browser: Browser
):
    run = await start(served)
    pages = ("/", "/waiting", f"/run?id={run}", gate_address(run), "/start", "/agents", "/system")
    async with opened(
        browser, java_script_enabled=False, viewport={"width": 390, "height": 844}
    ) as page:
        for each in pages:
            await page.goto(f"{served.url}{each}")
            # Where no script runs, how far it goes is asked of the layout.
            box = await page.locator("body").bounding_box()
            assert box is not None
            assert box["width"] <= 390
            assert len((await page.locator("main").inner_text()).split()) > 3
        await page.goto(f"{served.url}/waiting")
        await expect(page.locator("main")).to_contain_text(run)
        await page.goto(f"{served.url}/run?id={run}")
        await pictured(page, "console-phone")
        await expect(page.locator("svg .waiting")).to_have_count(1)


async def test_a_form_that_is_none_of_ours_does_nothing(served: Served):
    run = await start(served)
    ann, word = await served.log_in("ann")
    _, other = await served.log_in("bob")
    address = gate_address(run).replace("/gate", "/vote")
    seen = hidden("shown", (await served.get(gate_address(run), ann)).text)
    vote = {"token": word, "shown": seen, "decision": "approve", "reason": "r"}

    async def status(form: dict[str, str], cookie: str = ann, **headers: str) -> int:
        return (await served.post(address, form, cookie, **headers)).status

    assert await status(vote, Origin="https://evil.example") == 403
    assert await status(vote, Origin="null") == 403
    assert await status(vote, Origin="") == 403
    assert await status({**vote, "token": other}) == 403
    assert await status({**vote, "token": ""}) == 403
    assert await status({**vote, "token": "\u00e9"}) == 403
    assert await status(vote, cookie="") == 403
    assert await status(vote, cookie=ann[:-2] + "xx") == 403
    assert await status(vote, Host="evil.example") == 421
    assert await status({**vote, "shown": "sha256:" + "0" * 64}) == 409
    assert await status({**vote, "decision": "approve it"}) == 400
    assert await status({**vote, "reason": ""}) == 400
    assert await status({**vote, "reason": "x" * 9_000}) == 400
    assert await status(vote, Content_Type="application/json") == 415
    assert await status(vote, Content_Type="multipart/form-data; boundary=x") == 415
    for body, answer in (
        (b"\xff\xfe=1", 400),
        (b"a=%ff", 400),
        (b"a=1&a=2", 400),
        (b"&" * 500, 400),
    ):
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": served.url}
        reply = await served.place.ask("POST", address, body, {**headers, "Cookie": ann})
        assert reply.status == answer, body
    too_large = await served.place.ask(
        *("POST", address, b""),
        {
            "Content-Length": "10485760",
            "Origin": served.url,
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": ann,
        },
    )
    assert too_large.status == 413
    assert (await served.get(address, ann)).status == 405
    waiting = (await served.get(gate_address(run))).text
    assert "Nobody has voted yet" in waiting  # none of that has voted

    assert await status(vote) == 200
    assert await status(vote) == 404  # a gate that is decided waits no more


async def test_what_is_not_there_is_a_sentence(served: Served):
    for path in (
        *(
            "/run?id=nobody",
            "/run",
            "/run?id=a&id=b",
            "/run?id=%00",
            "/run?id=%ff%fe",
            "/gate?run=x",
        ),
        *("/gate?run=nobody&gate=x", "/output?run=x&stage=y&name=z", "/start?pipeline=nobody"),
        *(
            "/agent?id=nobody",
            "/?before=yesterday",
            "/?before=2026-01-01",
            "/%2e%2e/%2e%2e/etc/passwd",
        ),
        *("/static/../../x", "/live/run?id=", "/start?pipeline=../../x", "/start?pipeline=x.yaml"),
    ):
        reply = await served.get(path)
        assert 400 <= reply.status < 500, path
        assert "Traceback" not in reply.text


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process has taken so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_one_who_watches_costs_no_more_than_many(served: Served):
    run = await start(served)

    async def listen() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", served.place.port, limit=1 << 22
        )
        head = f"GET /live/run?id={run} HTTP/1.1\r\nHost: {served.place.host}\r\n\r\n"
        writer.write(head.encode())
        return reader, writer

    open_ = await asyncio.gather(*(listen() for _ in range(20)))
    async with asyncio.timeout(60):
        for reader, _ in open_:
            assert b"waiting" in await reader.readuntil(b"</svg>") + await reader.readline()
    before, began = cpu_s(served.pid), time.monotonic()
    await asyncio.sleep(WATCHED_S)  # the time in which the cost is counted
    used = (cpu_s(served.pid) - before) / (time.monotonic() - began)
    cookie, token = await served.log_in("bob")
    seen = hidden("shown", (await served.get(gate_address(run), cookie)).text)
    form = {"token": token, "shown": seen, "decision": "approve", "reason": "r"}
    await served.post(gate_address(run).replace("/gate", "/vote"), form, cookie)
    async with asyncio.timeout(60):
        for reader, writer in open_:  # all are told, and that it is over
            told = await reader.readuntil(b"event: over")
            assert re.search(rb"state well\W+completed", told)
            writer.close()
    print(f"\n20 who watch one run: {used:.1%} of a core")

    assert used <= CORE_MAX


async def test_who_is_not_let_in_is_told_so_and_led_nowhere_else(served: Served):
    wrong = await served.post("/login", {"name": "ann", "secret": "wrong"})
    for name in ("", "a/b", "ann\nbob"):
        reply = await served.post("/login", {"name": name, "secret": "wrong"})
        assert reply.status in (400, 403)
        assert "set-cookie" not in reply.headers
    foreign = await served.post(
        "/login", {"name": "ann", "secret": served.passwords["ann"]}, Origin="https://evil.example"
    )
    form = {"name": "cyd", "secret": served.passwords["cyd"]}
    for there in ("//evil.example", "/\\evil.example", "/a%0d%0ab:c"):
        led = await served.post(f"/login?next={there}", form)
        assert led.headers["location"] == "/"
    tries = [await served.post("/login", form) for _ in range(LOGIN_RATE.burst)]
    cookie = led.headers["set-cookie"]

    assert (wrong.status, foreign.status) == (403, 403)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert served.passwords["ann"] not in wrong.text
    assert tries[-1].status == 429
    assert int(tries[-1].headers["retry-after"]) >= 1
