"""Somebody who logs in to Vault by OIDC votes at the console: the issuer is OpenBao's own provider.

OpenBao comes without its Web UI here. So it stands behind a server of ours, which hands on all but
that one page, and asks OpenBao for it as the page would. A real browser goes there and comes back.
"""

from __future__ import annotations

import html
import secrets
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import requests
from playwright.async_api import Browser, expect

from mandate.console.oidc import BEGIN, RETURN
from tests.fixtures.engine import Engine, after_look, gate
from tests.fixtures.notify.receiver import Heard, Reply, receiver
from tests.fixtures.notify.site import site_of
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.servers.visits import gate_address

WAIT_MS = 60_000


class Issuer:
    """OpenBao as who says who people are, and its own login by that."""

    def __init__(self, server: OpenBao, url: str) -> None:
        self._server, self._ask, self._url = server, server.as_root, url
        self._password = secrets.token_urlsafe(16)

    def make(self, entity: str, comes_back: str) -> None:
        """Have an account at the issuer that is the person of ``entity``."""
        ask, issuer = self._ask, f"{self._url}/v1/identity/oidc/provider/people"
        read = 'path "identity/oidc/provider/people/authorize" { capabilities = ["read"] }'
        ask("PUT", "sys/policies/acl/issuer", policy=read)
        ask("POST", "sys/auth/issuer", type="userpass")
        ask(
            *("POST", "auth/issuer/users/ann-there"),
            password=self._password,
            token_policies=["issuer"],
        )
        ask("POST", "identity/oidc/key/people", allowed_client_ids=["*"])
        ask(
            *("POST", "identity/oidc/client/mandate"),
            key="people",
            redirect_uris=[comes_back],
            assignments=["allow_all"],
        )
        ask(
            *("POST", "identity/oidc/provider/people"),
            allowed_client_ids=["*"],
            issuer=self._url,
        )
        client = ask("GET", "identity/oidc/client/mandate")["data"]
        ask("POST", "sys/auth/oidc", type="oidc")
        ask(
            *("POST", "auth/oidc/config"),
            oidc_discovery_url=issuer,
            oidc_client_id=client["client_id"],
            oidc_client_secret=client["client_secret"],
            default_role="people",
        )
        ask(
            *("POST", "auth/oidc/role/people"),
            user_claim="sub",
            token_policies=["gov-approver"],
            token_no_default_policy=True,
            token_ttl="8h",
            allowed_redirect_uris=[comes_back],
        )
        there = self._there()["entity_id"]
        mount = ask("GET", "sys/auth")["data"]["oidc/"]["accessor"]
        alias = {"name": there, "mount_accessor": mount, "canonical_id": entity}
        ask("POST", "identity/entity-alias", **alias)

    def answer(self, heard: Heard) -> Reply:
        """Answer as the issuer."""
        path, _, asked = heard.path.partition("?")
        if path.startswith("/v1/"):
            return self._handed_on(heard)
        there = self._there()["client_token"]
        authorize = f"identity/oidc/provider/people/authorize?{asked}"
        code = self._server.call(there, "GET", authorize)["code"]
        said = {name: words[0] for name, words in parse_qs(asked).items()}
        on = f"{said['redirect_uri']}?{urlencode({'state': said['state'], 'code': code})}"
        page = f'<a id="on" href="{html.escape(on)}">Go on as ann</a>'
        return Reply(200, {"Content-Type": "text/html"}, page.encode())

    def _handed_on(self, heard: Heard) -> Reply:
        kept = ("authorization", "content-type")
        headers = {name: value for name, value in heard.headers.items() if name.lower() in kept}
        with requests.Session() as session:
            session.trust_env = False
            url = f"{self._server.url}{heard.path}"
            reply = session.request(heard.method, url, data=heard.body, headers=headers, timeout=10)
        kind = reply.headers.get("Content-Type", "application/json")
        return Reply(reply.status_code, {"Content-Type": kind}, reply.content)

    def _there(self) -> dict[str, str]:
        path, given = "auth/issuer/login/ann-there", {"password": self._password}
        found: dict[str, str] = self._server.call("", "POST", path, **given)["auth"]
        return found


async def test_who_logs_in_by_oidc_approves_what_the_page_shows_and_nobody_else_comes_in(
    engine: Engine, openbao: OpenBao, people: People, browser: Browser, tmp_path: Path
):
    with receiver() as served:
        async with site_of(engine, people, tmp_path) as site:
            early = await site.console.get(BEGIN)
            assert (early.status, "Traceback" in early.text) in ((403, False), (404, False))
            issuer = Issuer(openbao, served.url)
            served.answers = issuer.answer
            issuer.make(people.entity("ann"), f"{site.console.url}{RETURN}")
            run = await engine.start(after_look(gate("sign-off", identity=["verified"])))
            await engine.pending(run, "sign-off")
            page = await browser.new_page()
            page.set_default_timeout(WAIT_MS)
            await page.goto(f"{site.console.url}{gate_address(run.id)}")
            await page.click("main a.button")
            await page.click("text=Log in by OIDC")
            on = await page.get_attribute("#on", "href")
            # Somebody who was sent the way back did not go: it is not theirs, and it is used up.
            stolen = await site.console.get((on or "").removeprefix(site.console.url))
            assert (stolen.status, "set-cookie" in stolen.headers) == (403, False)
            await page.click("#on")
            await expect(page.locator("main")).to_contain_text(
                "was not begun here", timeout=WAIT_MS
            )
            await page.goto(f"{site.console.url}{gate_address(run.id)}")
            await page.click("main a.button")
            await page.click("text=Log in by OIDC")
            await page.click("#on")
            await page.click("button[value=approve]")
            await expect(page.locator("h1")).to_have_text("Your vote counted", timeout=WAIT_MS)
            for query in ("", "?state=x", "?state=x&code=y", "?code=y", "?error=access_denied"):
                reply = await site.console.get(f"{RETURN}{query}")
                assert (400 <= reply.status < 500, "set-cookie" in reply.headers) == (True, False)
            await page.close()
            report = await run.result()

    [vote] = report["approvals"][0]["votes"]
    assert (vote["voter"], vote["identity"]) == ("ann", "verified")
