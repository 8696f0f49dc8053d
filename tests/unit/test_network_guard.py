import asyncio
import socket

import pytest

from tests.conftest import OutsideNetwork


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, ("192.0.2.1", 80)),
        (socket.AF_INET, ("example.com", 80)),
        (socket.AF_INET6, ("2001:db8::1", 80)),
    ],
)
def test_leaving_the_machine_raises(family, address):
    with socket.socket(family) as sock, pytest.raises(OutsideNetwork):
        sock.connect(address)
    with socket.socket(family) as sock, pytest.raises(OutsideNetwork):
        sock.connect_ex(address)
    with socket.socket(family, socket.SOCK_DGRAM) as sock, pytest.raises(OutsideNetwork):
        sock.sendto(b"x", address)


def test_looking_up_a_name_raises():
    with pytest.raises(OutsideNetwork):
        socket.getaddrinfo("example.com", 80)


def test_event_loops_are_guarded_too():
    with pytest.raises(OutsideNetwork):
        asyncio.run(asyncio.open_connection("192.0.2.1", 80))


def test_loopback_and_unix_sockets_work(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection(("localhost", listener.getsockname()[1])).close()
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(path)
        listener.listen()
        client.connect(path)
