"""What opens a destination may lie in Vault: read there by whom it is for, and told by nobody."""

from __future__ import annotations

import smtplib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dsl.notify.destinations import EmailDestination, GitHubDestination
from dsl.notify.secrets import SecretPlace
from dsl.rules.notify.changes import changes
from dsl.rules.notify.snapshot import RunSnapshot
from integrations.errors import DeniedError, IntegrationError, NotFoundError
from integrations.github.channel import GitHubChannel
from integrations.notify import secrets
from integrations.notify.mail import MailChannel
from integrations.notify.secrets import SiteSecrets
from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.login.approle import Login
from integrations.vault.site_secrets import NotifySecrets
from tests.fixtures.notify.github import fake_github, key_in
from tests.fixtures.servers.openbao import OpenBao

ABOUT = {"repository": "acme/shop", "commit": "a" * 40}
RUN = RunSnapshot(workflow="w", run="r", pipeline="p", subject=ABOUT, status="failed", ended=True)


@pytest_asyncio.fixture
async def vault_of(openbao: OpenBao) -> AsyncIterator[NotifySecrets]:
    found = NotifySecrets(openbao.url, openbao.roles_dir)
    yield found
    await found.aclose()


async def test_the_key_of_an_app_is_read_there_and_a_new_one_after_a_while(
    openbao: OpenBao, vault_of: NotifySecrets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(secrets, "KEPT_S", 0.0)
    openbao.put_secret("kv-notify/apps/one", key="none yet")
    with fake_github() as github:
        where = GitHubDestination(
            app="1",
            installation=2,
            key_vault="kv-notify/apps/one#key",
            repositories=("acme/shop",),
            api=github.http.url,
        )
        telling = GitHubChannel(where, SiteSecrets(vault_of), has_door=False)
        with pytest.raises(DeniedError, match="kv-notify/apps/one#key of vault holds no private"):
            await telling.deliver(None, RUN, {}, again=False)
        openbao.put_secret("kv-notify/apps/one", key=key_in(tmp_path / "key").read_text())
        await telling.deliver(None, RUN, {}, again=False)

    assert len(github.checks) == 1
    assert github.wrong == []


async def test_it_is_asked_for_once_in_a_while_and_not_for_each_message(
    openbao: OpenBao, vault_of: NotifySecrets
):
    openbao.put_secret("kv-notify/once", token=" first\n")
    reading, place = SiteSecrets(vault_of), SecretPlace(vault="kv-notify/once#token")
    first = await reading.read(place)
    openbao.put_secret("kv-notify/once", token="second")

    assert (first, await reading.read(place)) == ("first", "first")
    assert await SiteSecrets(vault_of).read(place) == "second"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("kv-notify/nowhere#token", "there is no secret kv-notify/nowhere#token in vault"),
        ("kv-notify/bad#other", "there is no secret kv-notify/bad#other in vault"),
        ("kv-notify/bad#number", "expected text"),
        ("kv-notify/bad#empty", "is empty"),
        ("kv-shared/docs/a#x", "refused"),
    ],
)
async def test_what_cannot_be_read_is_a_sentence_without_the_secret(
    openbao: OpenBao, vault_of: NotifySecrets, place: str, said: str
):
    openbao.put_secret("kv-notify/bad", number=5, empty=" ", hidden="do not say this")

    with pytest.raises(IntegrationError) as caught:
        await SiteSecrets(vault_of).read(SecretPlace(vault=place))

    assert said in str(caught.value) or said == "refused"
    assert "do not say this" not in str(caught.value)


async def test_without_its_role_a_mail_is_refused_and_nothing_is_sent(
    openbao: OpenBao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(smtplib, "SMTP", lambda *_: pytest.fail("it was sent"))
    where = EmailDestination.model_validate(
        {
            "host": "127.0.0.1",
            "from": "a@b.c",
            "to": ["d@e.f"],
            "tls": "none",
            "user": "mandate",
            "password_vault": "kv-notify/mail#password",
        }
    )
    [event] = changes(None, RUN)
    for reading, said in (
        (SiteSecrets(NotifySecrets(openbao.url, tmp_path)), "cannot read the role file"),
        (SiteSecrets(), "no Vault is named here"),
    ):
        with pytest.raises(DeniedError, match=said):
            await MailChannel("m", where, reading).deliver(event, RUN, {}, again=False)


@pytest.mark.parametrize("identity", [n for n in naming.IDENTITIES if n != naming.NOTIFIER])
async def test_no_other_worker_reads_there(openbao: OpenBao, vault: Vault, identity: str):
    openbao.put_secret("kv-notify/mine", token="x")
    login = Login(vault, openbao.roles_dir, identity)

    with pytest.raises((DeniedError, NotFoundError)):
        await vault.run_as(login, lambda client: client.adapter.get("/v1/kv-notify/data/mine"))
    await login.aclose()
