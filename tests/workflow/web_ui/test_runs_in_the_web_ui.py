"""What somebody sees of runs in Temporal's Web UI, in a real browser: red, green, and who waits."""

from __future__ import annotations

import asyncio
import re
import urllib.parse
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Locator, Page
from temporalio.client import WorkflowHandle

from dsl.core import AgentPhase
from integrations.agents.contract.protocol import Request
from tests.fixtures.engine import Engine, fail, failure_of, gate, pipeline, stage
from tests.fixtures.servers.browser import pictured

WAIT_MS = 60_000
COLOUR = "(element, what) => getComputedStyle(element)[what]"


@pytest_asyncio.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    page = await browser.new_page(viewport={"width": 1500, "height": 1000})
    page.set_default_timeout(WAIT_MS)
    yield page
    await page.close()


def page_of(web_ui: str, handle: WorkflowHandle[Any, Any], tab: str) -> str:
    return address(web_ui, handle.id, str(handle.first_execution_run_id), tab)


def address(web_ui: str, workflow: str, run_id: str, tab: str) -> str:
    place = urllib.parse.quote(workflow, safe="")
    return f"{web_ui}/namespaces/default/workflows/{place}/{run_id}/{tab}"


async def phases_seen(page: Page, last: AgentPhase) -> set[str]:
    """Return the phases that a timeline names, when it shows ``last``."""
    await page.locator("main").get_by_text(f"agent.{last.lower()}").first.wait_for()
    words = await page.locator("main").inner_text()
    return {each.upper() for each in re.findall(r"\bagent\.([a-z]+)\b", words)}


async def is_red(element: Locator, what: str) -> bool:
    red, green, blue = re.findall(r"\d+", await element.evaluate(COLOUR, what))
    return int(red) > 2 * max(int(green), int(blue))


async def listed(engine: Engine, web_ui: str, page: Page, query: str, count: int) -> dict[str, str]:
    """Open the list when the server finds so many; return the status of each, by its id."""
    async with asyncio.timeout(60):
        while len([e async for e in engine.client.list_workflows(query)]) != count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await page.goto(f"{web_ui}/namespaces/default/workflows?query={urllib.parse.quote(query)}")
    rows = page.get_by_test_id("workflows-summary-configurable-table-row")
    await rows.nth(count - 1).wait_for()
    status = rows.get_by_test_id("execution-status")
    names = rows.get_by_role("link", name=re.compile("^t-"))
    words = [each.lower().strip() for each in await status.all_inner_texts()]
    return dict(zip([each.strip() for each in await names.all_inner_texts()], words, strict=True))


async def test_a_stage_that_failed_is_red_in_the_list_and_in_the_timeline(
    engine: Engine, web_ui: str, page: Page
):
    engine.runner.behaviours["bad"] = fail
    handle = await engine.start(pipeline(stage("good"), stage("bad", requires=["good"])))
    await failure_of(handle)

    words = await listed(engine, web_ui, page, f'WorkflowId STARTS_WITH "{handle.id}"', 3)
    await pictured(page, "runs-list")
    badges = page.get_by_test_id("execution-status").filter(has_text="Failed").locator("span")

    assert words == {
        handle.id: "failed",
        f"{handle.id}/bad": "failed",
        f"{handle.id}/good": "completed",
    }
    assert await is_red(badges.first, "color")

    await page.goto(page_of(web_ui, handle, "timeline"))
    bar = page.get_by_label("Event Agent: Failed").locator(".tl-line").last
    await bar.wait_for()
    await pictured(page, "runs-timeline")

    assert await page.get_by_label("Event Agent: Completed").count() == 1
    assert await is_red(bar, "backgroundColor")

    await page.goto(page_of(web_ui, handle, "search-attributes"))
    shown = page.locator(".cm-content").filter(has_text="MandateStatus")
    await shown.wait_for()

    assert '"MandateStatus": "failed"' in await shown.inner_text()


async def test_the_phases_of_a_stage_are_seen_while_it_is_at_work_and_when_it_is_over(
    engine: Engine, web_ui: str, page: Page
):
    done = asyncio.Event()

    async def work(_request: Request) -> dict[str, Any]:
        await done.wait()
        return {}

    engine.runner.behaviours["slow"] = work
    handle = await engine.start(pipeline(stage("slow")))
    await engine.runner.until_running("slow")
    child = engine.client.get_workflow_handle(f"{handle.id}/slow")
    run_id = (await child.describe()).run_id
    await page.goto(address(web_ui, child.id, run_id, "timeline"))
    at_work = await phases_seen(page, AgentPhase.EXECUTE)
    await pictured(page, "stage-at-work")

    done.set()
    await handle.result()
    await page.goto(address(web_ui, child.id, run_id, "timeline"))
    over = await phases_seen(page, AgentPhase.EXIT)
    await pictured(page, "stage-over")
    await page.goto(address(web_ui, child.id, run_id, "history"))
    await page.locator("main").get_by_text("agent.exit").first.wait_for()
    events = (await page.locator("main").inner_text()).splitlines()
    await pictured(page, "stage-history")

    whole = [each.value for each in AgentPhase if each is not AgentPhase.REVOKED]
    begun = whole[: whole.index("EXECUTE") + 1]

    assert at_work & set(whole) == set(begun)
    assert over & set(whole) == set(whole)
    assert events.count("Local Activity") == len(whole) - 1  # in EXECUTE a program runs


async def test_a_rejected_run_shows_its_sentence_and_no_stack_trace(
    engine: Engine, web_ui: str, page: Page
):
    handle = await engine.start(pipeline(gate("ask")))
    await engine.pending(handle, "ask")
    vote = {"gate": "ask", "decision": "reject", "voter": "ann", "reason": "not today"}
    await handle.signal("vote", vote)
    failure = await failure_of(handle)
    await page.goto(page_of(web_ui, handle, "history"))
    shown = page.get_by_text(failure.message).first
    await shown.wait_for()
    await pictured(page, "runs-rejected", full_page=True)
    words = await page.locator("main").inner_text()

    assert "GateRejected" in words
    assert "ask' rejected: rejected by ann (not today)" in words
    assert re.findall("(?i)stack.?trace|Traceback|\\.py", words) == []


async def test_the_list_shows_who_waits_and_nobody_who_is_over(
    engine: Engine, web_ui: str, page: Page
):
    name = f"ask-{uuid.uuid4().hex[:8]}"
    over, waits = [await engine.start(pipeline(gate(name))) for _ in range(2)]
    for handle in (over, waits):
        await engine.pending(handle, name)
    await over.signal("vote", {"gate": name, "decision": "approve", "voter": "ann"})
    await over.result()
    query = f'MandateStatus="waiting" AND MandateGates="{name}"'
    words = await listed(engine, web_ui, page, query, 1)
    await pictured(page, "runs-waiting")
    await waits.terminate()

    assert words == {waits.id: "running"}
