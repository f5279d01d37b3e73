"""Why a server was not reached is said in the system's words, however it is wrapped."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from integrations.unreached import why_unreached


class TheirOwnError(Exception):
    """Of a client library; ``reason`` is what it holds in place of a cause."""

    reason: Exception | None = None


def chained(inner: Exception) -> Exception:
    wrapper = TheirOwnError("Error 111 connecting")
    wrapper.__cause__ = inner
    return wrapper


def held(inner: Exception) -> Exception:
    wrapper = TheirOwnError("Max retries exceeded")
    wrapper.reason = inner
    inner.__context__ = wrapper  # round in a circle, as urllib3 has it
    return wrapper


def given(inner: Exception) -> Exception:
    return TheirOwnError("Connection aborted.", inner)


@pytest.mark.parametrize("wrapped", [lambda inner: inner, chained, held, given])
@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), "Connection refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "No route to host"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not"),
        (ConnectionResetError("Remote end closed connection"), "the connection was closed"),
        (TimeoutError(), "no answer in time"),
        (ssl.SSLError(8, "wrong version number"), "no TLS is spoken there"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_it_is_the_systems_word(wrapped, inner, said):
    assert said in why_unreached(wrapped(inner))


def test_what_no_system_has_said_is_not_made_up():
    assert why_unreached(chained(ValueError("https://user:secret@example"))) == ""


def test_a_heap_of_wrappers_is_looked_through_as_far_as_the_limit():
    error: Exception = TimeoutError()
    for _ in range(1_000):
        error = chained(error)
    assert why_unreached(error) == ""
