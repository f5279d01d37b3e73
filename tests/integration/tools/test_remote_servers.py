"""Tool servers at an address: reached, asked and called, however badly they take it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dsl.rules.tools.calls import call_of
from dsl.tools.servers import KnownServer, PinnedTool, ToolServer
from integrations.errors import DeniedError
from integrations.tools import session
from integrations.tools.calling import CallAnswer, make_call
from integrations.tools.serving import Surroundings, serving
from integrations.tools.warm import WarmServers, Whom
from integrations.tools.wire import OutcomeUnknownError, ToolServerError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "tools"
TOOLS = Path(__file__).parents[3] / ".tools"
TOKEN = "s3cr3t-of-the-payments"
HANDED = {"TOKEN": TOKEN}
ANN = Whom("ann", "run/work", "1", 1)

Declare = Callable[..., ToolServer]


def declared(port: int, **about: Any) -> ToolServer:
    url = f"http://127.0.0.1:{port}/mcp"
    return ToolServer.model_validate({"name": "pay", "tier": "T1", "url": url, **about})


@asynccontextmanager
async def at_work(*command: str) -> AsyncIterator[ToolServer]:
    """Start a server; yield it as an operator would declare it, handed a token."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    try:
        async with asyncio.timeout(120):
            port = int(await process.stdout.readline())
        yield declared(
            port,
            secrets={"TOKEN": "kv/pay#token"},
            headers={"Authorization": "Bearer ${{ secrets.TOKEN }}"},
        )
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def bad(mode: str, heard: Path | None = None) -> AsyncIterator[ToolServer]:
    words = [] if heard is None else [str(heard)]
    async with at_work(sys.executable, str(FIXTURES / "remote.py"), mode, *words) as server:
        yield server


async def known(server: ToolServer) -> KnownServer:
    async with serving(server, Surroundings(), environment=HANDED) as served:
        listed = await served.tools()
    return KnownServer(server, {each.name: PinnedTool(each.said, each.digest) for each in listed})


async def called(of: KnownServer, amount: int = 82, lend: Any = None) -> CallAnswer:
    call = call_of("pay", "refund", {"amount": amount})
    around = Surroundings()
    return await make_call(call, of, around, environment=HANDED, lend=lend)


async def test_the_official_sdk_is_called_over_http():
    python = TOOLS / "mcp" / "bin" / "python"
    if not python.exists():
        pytest.skip("the official SDK is not installed: make tools")
    async with at_work(str(python), str(FIXTURES / "fast_mcp.py")) as server:
        pay = await known(server)
        assert await called(pay) == CallAnswer(ok=True, text="paid 82")
        assert not (await called(pay, "much")).ok  # type: ignore[arg-type]


async def test_a_secret_goes_into_the_header_and_comes_back_in_nothing(tmp_path: Path):
    async with bad("leaks", tmp_path / "heard") as server:
        answer = await called(await known(server))
    heard = [json.loads(line) for line in (tmp_path / "heard").read_text().splitlines()]

    assert answer == CallAnswer(ok=True, text="with [redacted]")
    asked = ["initialize", "notifications/initialized", "tools/list"]
    assert [each["method"] for each in heard] == [*asked, "DELETE", *asked, "tools/call", "DELETE"]
    assert {each["headers"]["Authorization"] for each in heard} == {f"Bearer {TOKEN}"}
    assert {each["headers"].get("Mcp-Session-Id") for each in heard} == {None, "s-1"}
    assert heard[-2]["headers"]["MCP-Protocol-Version"] == "2025-06-18"


async def test_a_session_stays_for_a_stage_that_hands_nothing_over(tmp_path: Path):
    warm = WarmServers(Surroundings())
    async with bad("good", tmp_path / "heard") as secret:
        assert secret.url
        server = declared(int(secret.url.split(":")[2].split("/")[0]))
        pay = await known(server)
        call = call_of("pay", "refund", {"amount": 82})
        for whom in (ANN, ANN, ANN._replace(run="2")):
            lend = warm.to(whom)
            await make_call(call, pay, Surroundings(), lend=lend)
        await warm.close()
    heard = [json.loads(line)["method"] for line in (tmp_path / "heard").read_text().splitlines()]

    assert (heard.count("tools/call"), heard.count("initialize")) == (3, 3)


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("login", "it wants a login (401), and nobody is here who could"),
        ("forbidden", "it wants a login (403)"),
        ("elsewhere", "it sends us elsewhere (307): declare where it is"),
        ("broken", "it answers with status 500: xxx"),
        ("long", "a message of it is longer than 1 MiB"),
        ("floods", "it says more than 8 MiB"),
        ("other-id", "it answers request '3', and 2 is under way"),
        ("page", "it answers with text/html, and not to what it was asked"),
        ("twofold", "what it answers is no HTTP: nobody can tell how long its body is"),
        ("no-http", "what it answers is no HTTP: its first line is 'what do you want?'"),
        ("cut", "its answer ends in the middle"),
        ("no-answer", "its stream has ended without an answer"),
    ],
)
async def test_a_server_that_breaks_the_protocol_is_told_of(mode, why):
    async with bad(mode) as server:
        with pytest.raises(ToolServerError) as failed:
            await known(server)

    assert f"tool server 'pay': {why}" in str(failed.value)
    assert "s3cr" not in str(failed.value)


async def test_one_that_says_nothing_has_its_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "START_S", 2.0)
    async with bad("silent") as server:
        with pytest.raises(ToolServerError, match=r"no answer to tools/list within 2 s"):
            await known(server)


async def test_what_it_asks_of_us_it_does_not_get(tmp_path: Path):
    async with bad("asks", tmp_path / "heard") as server:
        assert list((await known(server)).pins) == ["refund"]
    heard = [json.loads(line)["method"] for line in (tmp_path / "heard").read_text().splitlines()]
    assert "answer" in heard


async def test_an_answer_that_is_lost_is_no_call_that_was_not_made():
    async with bad("lost") as server:
        with pytest.raises(OutcomeUnknownError, match="it does not answer"):
            await called(await known(server))


def certificate_of(host: str, folder: Path) -> Path:
    """Write a certificate that vouches for itself, with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    no_password = serialization.NoEncryption()
    file = folder / host
    file.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password)
        + made.public_bytes(encoding)
    )
    return file


async def test_who_answers_is_proved_by_tls(tmp_path: Path):
    vouched, other = (certificate_of(host, tmp_path) for host in ("localhost", "else.example"))
    words = [sys.executable, str(FIXTURES / "remote.py"), "good", str(tmp_path / "heard")]
    async with at_work(*words, str(vouched)) as plain:
        assert plain.url
        url = plain.url.replace("http://127.0.0.1", "https://localhost")

        def reached(ca: Path | None, at: str = url) -> ToolServer:
            about = {"name": "pay", "tier": "T1", "url": at, "ca": None if ca is None else str(ca)}
            return ToolServer.model_validate({k: v for k, v in about.items() if v})

        assert await called(await known(reached(vouched))) == CallAnswer(ok=True, text="paid 82")
        for wrong, why in (
            (reached(None), "its TLS is not proved"),
            (reached(other), "its TLS is not proved"),
            (reached(vouched, url.replace("localhost", "127.0.0.1")), "its TLS is not proved"),
            (reached(tmp_path / "none"), "none names no authorities: No such file"),
            (plain, "it does not answer"),
        ):
            with pytest.raises(ToolServerError, match=why):
                await known(wrong)


async def test_where_nobody_listens_nothing_was_made():
    with pytest.raises(ToolServerError, match="it does not answer: Connect call failed") as failed:
        await called(KnownServer(declared(9), {}))
    assert not isinstance(failed.value, OutcomeUnknownError)


async def test_the_ports_of_the_engine_are_no_servers():
    with pytest.raises(DeniedError, match="port 8200 belongs to the engine's own servers"):
        async with serving(declared(8200), Surroundings(ports=frozenset({8200}))):
            pass
