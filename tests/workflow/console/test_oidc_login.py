"""Somebody who logs in to Vault by OIDC votes at the console: the issuer is OpenBao's own provider.

OpenBao comes without its Web UI here, so the issuer's page is asked as a program asks it; the rest
is what people do: the token that the login came to is given to the console, in a real browser.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, expect

from tests.fixtures.engine import Engine, after_look, gate
from tests.fixtures.notify.site import site_of
from tests.fixtures.servers.openbao import OpenBao, People
from tests.fixtures.servers.visits import gate_address

BACK = "http://localhost:8250/oidc/callback"
WAIT_MS = 60_000


class Issuer:
    """OpenBao as who says who people are, and its own login by that."""

    def __init__(self, server: OpenBao) -> None:
        self._server, self._ask = server, server.as_root
        self._password = secrets.token_urlsafe(16)

    def make(self, entity: str) -> None:
        """Have an account at the issuer that is the person of ``entity``."""
        ask, issuer = self._ask, f"{self._server.url}/v1/identity/oidc/provider/people"
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
            redirect_uris=[BACK],
            assignments=["allow_all"],
        )
        ask("POST", "identity/oidc/provider/people", allowed_client_ids=["*"])
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
            allowed_redirect_uris=[BACK],
        )
        there = self._there()["entity_id"]
        mount = ask("GET", "sys/auth")["data"]["oidc/"]["accessor"]
        alias = {"name": there, "mount_accessor": mount, "canonical_id": entity}
        ask("POST", "identity/entity-alias", **alias)

    def token(self) -> str:
        """Log in by OIDC; return the token."""
        call = self._server.call
        order = {"role": "people", "redirect_uri": BACK}
        address = call("", "POST", "auth/oidc/oidc/auth_url", **order)["data"]["auth_url"]
        asked = urlsplit(address).query
        path = f"identity/oidc/provider/people/authorize?{asked}"
        code = call(self._there()["client_token"], "GET", path)["code"]
        state = parse_qs(asked)["state"][0]
        reply = call("", "GET", f"auth/oidc/oidc/callback?state={state}&code={code}")
        return str(reply["auth"]["client_token"])

    def _there(self) -> dict[str, str]:
        path, given = "auth/issuer/login/ann-there", {"password": self._password}
        found: dict[str, str] = self._server.call("", "POST", path, **given)["auth"]
        return found


@pytest.fixture
def issuer(openbao: OpenBao, people: People) -> Issuer:
    found = Issuer(openbao)
    found.make(people.entity("ann"))
    return found


async def test_who_logs_in_by_oidc_approves_what_the_page_shows(
    engine: Engine, people: People, issuer: Issuer, browser: Browser, tmp_path: Path
):
    async with site_of(engine, people, tmp_path) as site:
        run = await engine.start(after_look(gate("sign-off", identity=["verified"])))
        await engine.pending(run, "sign-off")
        page = await browser.new_page()
        page.set_default_timeout(WAIT_MS)
        await page.goto(f"{site.console.url}{gate_address(run.id)}")
        await page.click("main a.button")
        for name, said in (("bob", "the token belongs to 'ann'"), ("ann", "")):
            await page.fill("#name", name)
            await page.fill("#secret", issuer.token())
            await page.check("input[name=by]")
            await page.click("main form.act button")
            if said:
                await expect(page.locator("[role=alert]")).to_contain_text(said, timeout=WAIT_MS)
        await page.click("text=Approve")
        await expect(page.locator("h1")).to_have_text("Your vote counted", timeout=WAIT_MS)
        await page.close()
        report = await run.result()

    [vote] = report["approvals"][0]["votes"]
    assert (vote["voter"], vote["identity"]) == ("ann", "verified")
