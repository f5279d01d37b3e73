"""The board in Temporal's Web UI: its own renderer, a real browser, the fifty texts."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.async_api import Browser, BrowserContext, Error, Page
from temporalio.client import WorkflowHandle

from dsl.limits import REASON_LENGTH_MAX
from dsl.shown.foreign import legible
from dsl.shown.surfaces import NO_COMMAND, Markdown, pasteable
from integrations.agents.contract.protocol import FAILED, AgentError, Request
from tests.fixtures.engine import Behaviour, Engine, failure_of, gate, hang, pipeline, stage
from tests.fixtures.hostile.foreign_texts import ISOLATE, SENDABLE, TEXTS, faults
from tests.fixtures.servers.browser import pictured
from tests.fixtures.voting import vote_of

OURS = {"p", "code", "h3", "ul", "li"}
HEADINGS = {"Waiting for approval", "Stages"}
READ = """() => {
  const texts = (what) => [...document.querySelectorAll('main ' + what)].map((e) => e.textContent);
  const tags = [...document.querySelectorAll('main *')].map((e) => e.tagName.toLowerCase());
  return {tags, items: texts('li'), headings: texts('h3'), blocks: texts('pre'),
          text: document.querySelector('main').textContent};
}"""
GATES = 10  # on one page
IDS = ("heading", "end of a tag", "erase the line", "end of a span", "backslashes")


class Shape(HTMLParser):
    """The elements of a page, and the text of those that hold code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.codes: list[str] = []
        self._inside = False
        self.feed(page.partition("<main>")[2].partition("</main>")[0])

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag == "code":
            self._inside = True
            self.codes.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "code"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.codes[-1] += data


def rendered(ui: str, markdown: str) -> Shape:
    query = urllib.parse.urlencode({"content": markdown, "theme": "light"})
    with urllib.request.urlopen(f"{ui}/render?{query}") as answer:
        return Shape(answer.read().decode())


def check(ui: str, text: str) -> None:
    """Fail unless the Web UI draws a text as one span of code, wherever the board puts it."""

    def page(word: str) -> Markdown:
        rows = (Markdown.of("- completed: {} (agent): {}", word, word), Markdown("- next\n"))
        return Markdown.joined(
            "\n", (Markdown.of("Run of {}\n", word), *rows, Markdown("### Last"))
        )

    found = rendered(ui, page(text))

    assert found.tags == rendered(ui, page("x")).tags
    assert [code.strip(ISOLATE) for code in found.codes] == [legible(text)] * 3


@pytest.mark.parametrize("text", SENDABLE, ids=TEXTS.keys())
def test_the_renderer_of_the_web_ui_reads_nothing_in_a_text(web_ui: str, text: str):
    check(web_ui, text)


@given(st.text(st.sampled_from("`` -*_#[](){}<>!|~:$\\&;=+a1/.\"'"), min_size=1, max_size=40))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nor_in_whatever_is_put_together_of_its_characters(web_ui: str, text: str):
    if legible(text):
        check(web_ui, text)


@pytest.mark.parametrize("first", range(0, len(SENDABLE), GATES))
async def test_the_page_where_people_approve_cannot_be_written_by_others(
    engine: Engine, web_ui: str, browser: Browser, first: int
):
    texts = SENDABLE[first : first + GATES]
    branches = [
        {"name": f"b{n}", "stages": [{**gate("ask"), "description": text}]}
        for n, text in enumerate(texts)
    ]
    sides = {"name": "sides", "type": "parallel", "branches": branches}
    run = TEXTS[IDS[first // GATES]]
    definition = pipeline(sides, version=texts[0])
    handle = await engine.client.start_workflow(
        "Pipeline", {"definition": definition}, id=run, task_queue="mandate"
    )
    engine.started.append(handle)
    try:
        await engine.until(handle, lambda status: len(status["waiting_for"]) == len(texts))
        shown = await drawn(browser, web_ui, handle, f"board-{first}")
    finally:
        await handle.terminate()

    assert [item[7:] for item in shown["items"] if item.startswith("about: ")] == [
        legible(text) for text in texts
    ]
    if pasteable("{}", run) is None:
        assert shown["text"].count(NO_COMMAND) == len(texts)
    else:
        assert len(shown["blocks"]) == len(texts)


async def drawn(
    browser: Browser, web_ui: str, handle: WorkflowHandle[Any, Any], picture: str
) -> dict[str, Any]:
    """Return what the board of a run has become in a browser, which must hold only what is ours."""
    page = await browser.new_page(viewport={"width": 1400, "height": 2400})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    place = f"{urllib.parse.quote(handle.id, safe='')}/{handle.first_execution_run_id}"
    await page.goto(f"{web_ui}/namespaces/default/workflows/{place}/user-metadata")
    shown = await board_on(page)
    await pictured(page, picture, full_page=True)
    await page.close()

    assert set(shown["tags"]) - {"pre"} == OURS
    assert set(shown["headings"]) == HEADINGS
    assert faults("".join(shown["items"])) == []
    hosts = {urllib.parse.urlsplit(url).hostname for url in asked}
    assert not any(host and host.endswith("example.org") for host in hosts)
    return shown


async def test_a_run_and_its_stage_say_what_they_do_and_how_they_ended(
    engine: Engine, web_ui: str, browser: Browser
):
    engine.runner.behaviours["slow"] = hang
    first = {**gate("ask"), "requires": ["first"]}
    run = await engine.start(pipeline(stage("first"), first, stage("slow", requires=["first"])))
    await engine.pending(run, "ask")
    await engine.runner.until_running("slow")
    child = await engine.child(run, "slow")
    context = await browser.new_context(viewport={"width": 1400, "height": 1200})
    doing, at_work = await asyncio.gather(
        shown_of(context, web_ui, run, "run-doing"),
        shown_of(context, web_ui, child, "stage-doing"),
    )
    await run.signal("revoke", {"stage": "slow", "reason": "enough"})
    await failure_of(run)
    over, left = await asyncio.gather(
        shown_of(context, web_ui, run, "run-over"),
        shown_of(context, web_ui, child, "stage-over"),
    )
    await context.close()

    assert "running: slow (agent)" in doing["items"]
    assert "It ended" not in doing["text"]
    assert [item[:2] for item in doing["items"] if "- tries: 1" in item] == ["| "]  # of the report
    assert [item for item in at_work["items"] if item.startswith("now: EXECUTE, try 1, since ")]
    assert at_work["items"][-1] == "EXECUTE: running"
    assert "It ended as Revoked: stage 'slow' revoked: stopped: enough" in over["text"]
    assert "revoked: stopped: enough" in left["items"]
    assert [item.split(":")[0] for item in left["items"][2:]] == [
        *("BOOTSTRAP", "PREFLIGHT", "PLAN", "EXECUTE", "REVOKED")
    ]


async def shown_of(
    context: BrowserContext, web_ui: str, handle: WorkflowHandle[Any, Any], picture: str
) -> dict[str, Any]:
    """Return what the page of a workflow has become in a browser."""
    page = await context.new_page()
    place = f"{urllib.parse.quote(handle.id, safe='')}/{handle.first_execution_run_id}"
    await page.goto(f"{web_ui}/namespaces/default/workflows/{place}/user-metadata")
    shown = await board_on(page)
    await pictured(page, picture, full_page=True)
    await page.close()
    return shown


async def board_on(page: Page) -> dict[str, Any]:
    """Wait until the frame of the details has been drawn; return what is in it."""
    async with asyncio.timeout(60):
        while True:
            for frame in page.frames:
                with contextlib.suppress(Error):  # the page has drawn it anew meanwhile
                    if "/render?content=" in frame.url and await frame.query_selector("main li"):
                        shown: dict[str, Any] = await frame.evaluate(READ)
                        shown["items"] = [without_isolates(item) for item in shown["items"]]
                        return shown
            await asyncio.sleep(0.05)


def without_isolates(item: str) -> str:
    return "".join(each for each in item.strip() if each not in ISOLATE)


@pytest.mark.parametrize("first", range(0, len(SENDABLE), GATES))
async def test_nor_by_what_agents_and_voters_have_said_there(
    engine: Engine, web_ui: str, browser: Browser, first: int
):
    texts = SENDABLE[first : first + GATES]
    said = dict(zip((f"says-{n}" for n in range(len(texts))), texts, strict=True))
    engine.runner.behaviours |= {name: saying(text) for name, text in said.items()}
    agents = [{"name": f"a{n}", "stages": [stage(name)]} for n, name in enumerate(said)]
    voters = [
        {"name": f"v{n}", "stages": [gate(f"heard-{n}", approvers=["ann"])]}
        for n in range(len(texts))
    ]
    holds_on = {"name": "open", "stages": [gate("last")]}  # what has failed ends the run after it
    everybody = {
        "name": "all",
        "type": "parallel",
        "branches": [*agents, *voters, holds_on],
        "config": {"on_failure": "continue"},
    }
    handle = await engine.start(pipeline(everybody))
    try:
        await engine.until(handle, lambda status: len(status["waiting_for"]) == len(texts) + 1)
        for n, text in enumerate(texts):
            path = f"all/v{n}/heard-{n}"
            await handle.signal("vote", vote_of(path, "ann", "reject", text[:REASON_LENGTH_MAX]))
        await engine.until(handle, lambda status: ended(status, "all/") == 2 * len(texts))
        shown = await drawn(browser, web_ui, handle, f"said-{first}")
    finally:
        await handle.terminate()

    for n, text in enumerate(texts):
        heard = [item for item in shown["items"] if f"all/v{n}/heard-{n} " in item]
        told = [item for item in shown["items"] if f"all/a{n}/says-{n} " in item]
        assert [legible(" ".join(text.split()), 40).rstrip("…") in item for item in heard] == [True]
        assert [legible(text, 40).rstrip("…") in item for item in told] == [True]


def saying(text: str) -> Behaviour:
    """Return an agent that fails in these words."""

    async def behave(_request: Request) -> dict[str, Any]:
        raise AgentError(FAILED, text, retryable=False)

    return behave


def ended(status: dict[str, Any], inside: str) -> int:
    """Return how many stages of that place are over, its branches' own ones alone."""
    return sum(
        row["status"] in ("failed", "rejected")
        for path, row in status["stages"].items()
        if path.startswith(inside)
    )
