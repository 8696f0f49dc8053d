"""Which addresses are never asked: those that hand out a machine's credentials to whoever asks."""

import ipaddress
import socket
from contextlib import suppress
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from evalgate.core.errors import ProviderRefused
from evalgate.providers.origin import is_metadata


class SafeResolver(AbstractResolver):
    """Looks names up, and refuses those that lead to metadata or link-local addresses.

    What is checked is what is connected to, so a name cannot answer differently the second time.
    """

    def __init__(self, provider: str) -> None:
        """Refuse in the name of ``provider``."""
        self._provider = provider
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of ``host``.

        Raises:
            ProviderRefused: one of them is a metadata or link-local address.

        """
        found = await self._inner.resolve(host, port, family)
        for each in found:
            if is_metadata(ipaddress.ip_address(each["host"].partition("%")[0])):
                raise ProviderRefused(
                    f"provider {self._provider!r}: {host} leads to {each['host']}, a link-local or metadata "
                    "address, which is never asked\n    correct the origin in evalgate.yaml"
                )
        return found

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()


async def check_name(provider: str, origin: str) -> None:
    """Look up the host of an origin that somebody else will connect to.

    Raises:
        ProviderRefused: it leads to a metadata or link-local address.

    """
    with suppress(OSError):
        # A name that leads nowhere is an outage, which the attempt itself will meet.
        await SafeResolver(provider).resolve(urlsplit(origin).hostname or "")
