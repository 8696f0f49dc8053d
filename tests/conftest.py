"""No test reaches past this machine: connecting anywhere but to loopback raises."""

import ipaddress
import os
import socket
from collections.abc import Iterator

import hypothesis
import pytest

# evalgate asks for a spending cap where CI is set; tests say themselves when they mean that.
for name in [name for name in os.environ if name == "CI" or name.startswith("GITHUB_")]:
    del os.environ[name]


class OutsideNetwork(Exception):
    """A test tried to leave the machine. Not an OSError: code under test would take that for an outage."""


def _is_inside(host: object) -> bool:
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        # An IPv6 address may carry its scope: fe80::1%eth0.
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _guard(family: int, address: object) -> None:
    if family in (socket.AF_INET, socket.AF_INET6) and not (
        isinstance(address, tuple) and _is_inside(address[0])
    ):
        raise OutsideNetwork(f"a test may only connect to loopback, not to {address!r}")


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Refuse every connection, datagram and name lookup that leaves the machine; AF_UNIX stays allowed."""
    real_connect, real_connect_ex = socket.socket.connect, socket.socket.connect_ex
    real_sendto, real_getaddrinfo = socket.socket.sendto, socket.getaddrinfo

    def connect(self, address):
        _guard(self.family, address)
        return real_connect(self, address)

    def connect_ex(self, address):
        _guard(self.family, address)
        return real_connect_ex(self, address)

    def sendto(self, data, *rest):
        _guard(self.family, rest[-1])
        return real_sendto(self, data, *rest)

    def getaddrinfo(host, *rest, **named):
        if not _is_inside(host):
            raise OutsideNetwork(f"a test may not look up {host!r}")
        return real_getaddrinfo(host, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket.socket, "connect_ex", connect_ex)
        patch.setattr(socket.socket, "sendto", sendto)
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


# A slow machine is no reason for a law to fail: speed is measured in benchmarks/.
hypothesis.settings.register_profile("evalgate", deadline=None)
hypothesis.settings.load_profile("evalgate")
