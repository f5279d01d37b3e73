"""Ports of the loopback interface, on real sockets."""

from __future__ import annotations

import socket

import pytest

from mandate.stack.errors import StackError
from mandate.stack.servers.ports import HOST, PORT_FIRST, PORT_LAST, Ports, is_free


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen(1)
        yield server.getsockname()[1]


def test_a_port_somebody_listens_on_is_not_free(listener):
    assert not is_free(listener)


def test_no_such_port_is_not_free():
    assert not is_free(70_000)


async def test_a_given_port_that_is_taken_is_refused_with_port_and_fix(listener):
    with pytest.raises(StackError, match=rf"port {listener} for vault is taken: give another"):
        await Ports().take(listener, name="vault", fix="give another")


async def test_the_same_port_cannot_serve_two_servers():
    ports = Ports()
    port = ports.free()

    with pytest.raises(StackError, match="is taken"):
        await ports.take(port, name="ui", fix="give another")


def test_free_ports_differ_and_lie_below_those_of_outgoing_connections():
    ports = Ports()
    given = [ports.free() for _ in range(50)]

    assert len(set(given)) == 50
    assert all(PORT_FIRST <= port < PORT_LAST < 32_768 for port in given)


def test_a_wish_is_granted_when_it_can_be(listener):
    free = Ports().free()

    assert Ports().free(wish=free) == free
    assert Ports().free(wish=listener) != listener
    assert PORT_FIRST <= Ports().free(wish=65_536) < PORT_LAST
