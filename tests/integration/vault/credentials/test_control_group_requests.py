"""Requests wait in Vault until a person authorises them, and end when they are taken back."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import uuid

import pytest

from dsl.core import Tier
from dsl.limits import SECRETS_MAX
from integrations.errors import ConflictError, DeniedError, NotFoundError
from integrations.vault.credentials.control_group_requests import ControlGroupRequests, Filing
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.identity.registry import Registrar
from tests.fixtures.servers.openbao import OpenBao, People
from tests.integration.stack.probes import eventually
from tests.integration.vault.holders import executor, living_tokens, mint_order, register, set_tier

SECRET = SecretRef.parse("kv-prod/requests/db#password")
OTHER = SecretRef.parse("kv-prod/requests/api#key")
BUILD = SecretRef.parse("kv-build/requests#v")
MISSING = SecretRef.parse("kv-prod/requests/none#v")


@pytest.fixture(autouse=True)
def zones_filled(openbao: OpenBao) -> None:
    openbao.put_secret("kv-prod/requests/db", password="the password", count=3)
    openbao.put_secret("kv-prod/requests/api", key="the key")
    openbao.put_secret("kv-build/requests", v="x")


@pytest.fixture
def run() -> str:
    return str(uuid.uuid4())


def kept(server: OpenBao) -> set[str]:
    """Return the filings there are; those of others may be taken back meanwhile."""
    reply = server.raw(server.root_token, "LIST", "kv-gates/metadata/")
    return set(reply.json()["data"]["keys"]) if reply.ok else set()


async def authorised(people: People, name: str, filing: Filing) -> list[bool]:
    person = await people.login(name)
    return [await person.authorise(each.accessor) for each in filing.requests]


async def test_a_request_is_redeemed_once_a_person_has_authorised_it(
    openbao: OpenBao, registrar: Registrar, requests: ControlGroupRequests, people: People, run: str
) -> None:
    agent, entity_id = await executor(openbao, registrar)

    filing = await requests.file(run, "deploy", agent, entity_id, [SECRET], 600)

    assert filing.enforced
    [filed] = filing.requests
    assert filed.place == "kv-prod/requests/db"
    with pytest.raises(
        DeniedError, match="waits for an approval in vault: `mandate approve RUN GATE`"
    ):
        await requests.read_secret(run, "deploy", SECRET)
    assert not await requests.authorised(run, "deploy")
    bob = await people.login("bob")
    shown = await bob.request(filed.accessor)
    assert (shown.path, shown.operation) == ("kv-prod/data/requests/db", "read")
    assert (shown.entity_name, shown.approved) == (f"agent-{agent}", False)
    assert await bob.authorise(filed.accessor)
    assert (await bob.request(filed.accessor)).authorised_ids == (people.entity("bob"),)
    assert await requests.authorised(run, "deploy")
    for _ in range(2):  # a repeated attempt
        assert await requests.read_secret(run, "deploy", SECRET) == "the password"


async def test_who_is_no_approver_opens_nothing_and_who_is_by_another_group_does(
    openbao: OpenBao, registrar: Registrar, requests: ControlGroupRequests, people: People, run: str
) -> None:
    agent, entity_id = await executor(openbao, registrar)
    filing = await requests.file(run, "deploy", agent, entity_id, [SECRET], 600)

    assert await authorised(people, "eve", filing) == [False]
    assert await authorised(people, "cyd", filing) == [False]  # of the council, and not of sre
    with pytest.raises(DeniedError, match="waits for an approval"):
        await requests.read_secret(run, "deploy", SECRET)
    assert await authorised(people, "ann", filing) == [True]
    assert await authorised(people, "ann", filing) == [True]  # a second time is fine
    assert await requests.read_secret(run, "deploy", SECRET) == "the password"


async def test_only_what_vault_holds_back_is_filed(
    openbao: OpenBao, registrar: Registrar, requests: ControlGroupRequests, people: People, run: str
) -> None:
    agent, entity_id = await executor(openbao, registrar)

    filing = await requests.file(run, "s", agent, entity_id, [BUILD, SECRET, OTHER, MISSING], 600)

    places = [each.place for each in filing.requests]
    assert places == ["kv-prod/requests/api", "kv-prod/requests/db", "kv-prod/requests/none"]
    assert await requests.read_secret(run, "s", BUILD) is None
    assert await requests.read_secret(run, "another", SECRET) is None
    await authorised(people, "ann", filing)
    assert await requests.read_secret(run, "s", OTHER) == "the key"
    with pytest.raises(NotFoundError, match="there is no secret kv-prod/requests/none"):
        await requests.read_secret(run, "s", MISSING)
    with pytest.raises(NotFoundError, match="no field 'other'"):
        await requests.read_secret(run, "s", SecretRef.parse("kv-prod/requests/db#other"))
    with pytest.raises(DeniedError, match="expected text"):
        await requests.read_secret(run, "s", SecretRef.parse("kv-prod/requests/db#count"))


async def test_where_nothing_is_held_back_nothing_is_left(
    openbao: OpenBao, registrar: Registrar, requests: ControlGroupRequests, run: str
) -> None:
    agent, entity_id = await executor(openbao, registrar)
    lower, lower_id = await register(registrar, Tier.T2)
    before = kept(openbao)

    assert await requests.file(run, "a", agent, entity_id, [BUILD], 600) == Filing(False, ())
    assert await requests.file(run, "b", agent, entity_id, [], 600) == Filing(False, ())
    assert await requests.file(run, "c", lower, lower_id, [SECRET], 600) == Filing(False, ())

    assert kept(openbao) <= before
    assert living_tokens(openbao, entity_id) == living_tokens(openbao, lower_id) == []
    assert await requests.authorised(run, "a")


async def test_taking_back_ends_every_token_and_may_be_repeated(
    openbao: OpenBao, registrar: Registrar, requests: ControlGroupRequests, people: People, run: str
) -> None:
    agent, entity_id = await executor(openbao, registrar)
    before = kept(openbao)
    filing = await requests.file(run, "deploy", agent, entity_id, [SECRET, OTHER], 600)
    await authorised(people, "ann", filing)
    record = stored(openbao)

    assert await requests.withdraw(run, "deploy") == 2
    assert await requests.withdraw(run, "deploy") == 0

    assert kept(openbao) <= before
    assert living_tokens(openbao, entity_id) == []
    assert await requests.read_secret(run, "deploy", SECRET) is None
    for each in record["requests"].values():
        reply = openbao.raw(each["token"], "POST", "sys/wrapping/unwrap")
        assert reply.status_code in (400, 403)
    with pytest.raises(DeniedError, match="has ended, or was taken back"):
        await (await people.login("ann")).authorise(filing.requests[0].accessor)


async def test_taking_back_finishes_what_an_earlier_try_left(
    openbao: OpenBao, registrar: Registrar, requests: ControlGroupRequests, run: str
) -> None:
    agent, entity_id = await executor(openbao, registrar)
    filing = await requests.file(run, "deploy", agent, entity_id, [SECRET, OTHER], 600)
    openbao.as_root("POST", "auth/token/revoke-accessor", accessor=filing.requests[0].accessor)
    for accessor in living_tokens(openbao, entity_id):
        openbao.as_root("POST", "auth/token/revoke-accessor", accessor=accessor)

    with pytest.raises(DeniedError, match="has ended"):
        await requests.read_secret(run, "deploy", OTHER)
    assert await requests.withdraw(run, "deploy") == 2
    assert await requests.withdraw(run, "deploy") == 0


async def test_a_filing_that_broke_off_before_its_reads_can_be_taken_back(
    openbao: OpenBao, registrar: Registrar, requests: ControlGroupRequests, run: str
) -> None:
    agent, entity_id = await executor(openbao, registrar)
    path = f"auth/token/create/gov3-gate-agent-{agent}"
    auth = openbao.as_root("POST", path, **mint_order(agent, "gov-t3"))["auth"]
    key = hashlib.sha256(f"{run}\ndeploy".encode()).hexdigest()
    half = {"token": auth["accessor"], "requests": {}}
    openbao.as_root("POST", f"kv-gates/data/{key}", data=half)

    assert await requests.read_secret(run, "deploy", SECRET) is None
    assert await requests.withdraw(run, "deploy") == 0
    assert living_tokens(openbao, entity_id) == []


async def test_a_caller_who_is_cancelled_leaves_nothing_that_cannot_be_taken_back(
    openbao: OpenBao, registrar: Registrar, requests: ControlGroupRequests, run: str
) -> None:
    agent, entity_id = await executor(openbao, registrar)
    filing = asyncio.create_task(requests.file(run, "deploy", agent, entity_id, [SECRET], 600))
    for _ in range(1_000):
        await asyncio.sleep(0.001)
        if living_tokens(openbao, entity_id):
            break
    filing.cancel()

    async def is_taken_back() -> bool:  # the thread that files goes on for a while
        await requests.withdraw(run, "deploy")
        return living_tokens(openbao, entity_id) == []

    await asyncio.sleep(0.5)
    await eventually(is_taken_back)


async def test_a_new_filing_takes_the_earlier_one_back(
    openbao: OpenBao, registrar: Registrar, requests: ControlGroupRequests, people: People, run: str
) -> None:
    agent, entity_id = await executor(openbao, registrar)
    first = await requests.file(run, "deploy", agent, entity_id, [SECRET], 600)
    await authorised(people, "ann", first)

    second = await requests.file(run, "deploy", agent, entity_id, [SECRET], 600)

    assert first.requests[0].accessor != second.requests[0].accessor
    assert len(living_tokens(openbao, entity_id)) == 1
    with pytest.raises(DeniedError, match="waits for an approval"):
        await requests.read_secret(run, "deploy", SECRET)


async def test_of_many_at_once_one_is_left(
    openbao: OpenBao, registrar: Registrar, requests: ControlGroupRequests, run: str
) -> None:
    agent, entity_id = await executor(openbao, registrar)
    filings = [requests.file(run, "deploy", agent, entity_id, [SECRET], 600) for _ in range(8)]

    done = await asyncio.gather(*filings, return_exceptions=True)

    assert all(isinstance(each, Filing | ConflictError) for each in done), done
    assert any(isinstance(each, Filing) for each in done)
    assert len(living_tokens(openbao, entity_id)) <= 1
    await requests.withdraw(run, "deploy")
    assert living_tokens(openbao, entity_id) == []


async def test_requests_end_with_the_token_that_asked(
    openbao: OpenBao, registrar: Registrar, requests: ControlGroupRequests, people: People, run: str
) -> None:
    agent, entity_id = await executor(openbao, registrar)
    filing = await requests.file(run, "deploy", agent, entity_id, [SECRET], 2)
    await authorised(people, "ann", filing)

    await eventually(lambda: living_tokens(openbao, entity_id) == [])

    with pytest.raises(DeniedError, match="has ended, or its agent may no longer read it"):
        await requests.read_secret(run, "deploy", SECRET)
    assert await requests.withdraw(run, "deploy") == 1


async def test_a_request_lives_as_long_as_a_gate_and_no_longer(
    openbao: OpenBao, registrar: Registrar, requests: ControlGroupRequests, run: str
) -> None:
    agent, entity_id = await executor(openbao, registrar)
    ids = (run, "deploy", agent, entity_id)
    await requests.file(*ids, [SECRET], 10**9, workflow="a/workflow")

    [accessor] = living_tokens(openbao, entity_id)
    itself = openbao.as_root("POST", "auth/token/lookup-accessor", accessor=accessor)["data"]
    assert itself["creation_ttl"] == 744 * 3600
    assert itself["policies"] == ["gov-t3"]
    assert itself["meta"] == {"run": run, "stage": "deploy", "workflow": "a/workflow"}


@pytest.mark.parametrize("means", ["disabled", "demoted"])
async def test_an_authorised_request_is_worth_nothing_to_an_agent_that_may_no_more(
    openbao: OpenBao,
    registrar: Registrar,
    requests: ControlGroupRequests,
    people: People,
    means: str,
) -> None:
    run = str(uuid.uuid4())
    agent, entity_id = await executor(openbao, registrar)
    filing = await requests.file(run, "deploy", agent, entity_id, [SECRET], 600)
    await authorised(people, "ann", filing)
    if means == "disabled":
        openbao.as_root("POST", f"identity/entity/id/{entity_id}", disabled=True)
    else:
        set_tier(openbao, entity_id, Tier.T2)

    with pytest.raises(DeniedError, match="may no longer read it"):
        await requests.read_secret(run, "deploy", SECRET)


async def test_another_entity_than_meant_is_refused_and_nothing_is_left(
    openbao: OpenBao, registrar: Registrar, requests: ControlGroupRequests, run: str
) -> None:
    agent, entity_id = await executor(openbao, registrar)
    _, other_id = await register(registrar)

    with pytest.raises(DeniedError, match="minted something else"):
        await requests.file(run, "deploy", agent, other_id, [SECRET], 600)
    assert living_tokens(openbao, entity_id) == []


async def test_too_many_secrets_are_refused(requests: ControlGroupRequests, run: str) -> None:
    refs = [SecretRef("kv-prod", f"p{n}", "f") for n in range(SECRETS_MAX + 1)]

    with pytest.raises(ValueError, match=f"at most {SECRETS_MAX} secrets"):
        await requests.file(run, "deploy", "x", "y", refs, 600)


async def test_a_wrapping_token_is_shown_nowhere(
    openbao: OpenBao,
    registrar: Registrar,
    requests: ControlGroupRequests,
    run: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    agent, entity_id = await executor(openbao, registrar)
    with caplog.at_level(logging.DEBUG):
        filing = await requests.file(run, "deploy", agent, entity_id, [SECRET], 600)
        with pytest.raises(DeniedError) as refused:
            await requests.read_secret(run, "deploy", SECRET)
    [waiting] = stored(openbao)["requests"].values()

    assert waiting["accessor"] in repr(filing)
    for shown in (repr(filing), repr(refused.value), caplog.text, repr(requests)):
        assert waiting["token"] not in shown
    assert refused.value.__cause__ is None


def stored(server: OpenBao) -> dict[str, dict[str, dict[str, str]]]:
    """Return the youngest filing."""
    keys = server.as_root("LIST", "kv-gates/metadata/")["data"]["keys"]
    replies = [server.as_root("GET", f"kv-gates/data/{key}")["data"] for key in keys]
    youngest = max(replies, key=lambda reply: str(reply["metadata"]["created_time"]))
    return dict(youngest["data"])
