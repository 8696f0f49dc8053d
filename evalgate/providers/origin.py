"""Where a provider is, and whether its key may go there."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from evalgate.core.errors import ProviderRefused
from evalgate.core.providers_file import OpenAIProvider


def endpoint_url(name: str, spec: OpenAIProvider, endpoint: str) -> str:
    """Return the address of ``endpoint`` (``chat/completions``, ``embeddings``) at the provider's origin.

    Raises:
        ProviderRefused: the origin holds a password, a query or a fragment, or its host is unreadable.

    """
    parts = _split(name, spec)
    path = parts.path.rstrip("/")
    versioned = path if path.endswith("/v1") else f"{path}/v1"
    return f"{parts.scheme}://{parts.netloc}{versioned}/{endpoint}"


def key_from(name: str, spec: OpenAIProvider, environ: Mapping[str, str]) -> str | None:
    """Return the provider's key, None where it needs none.

    Raises:
        ProviderRefused: the variable is missing or unusable, or the key would travel unencrypted.

    """
    if spec.key_env is None:
        return None
    key = environ.get(spec.key_env, "").strip()
    if not key:
        raise ProviderRefused(
            f"provider {name!r} needs its key in the environment variable {spec.key_env}, which is not set\n"
            "    set it, or replay recordings (--mode replay), which needs no key"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ProviderRefused(
            f"provider {name!r}: the value of {spec.key_env} is not a key: it holds spaces, control "
            "characters or letters outside ASCII"
        )
    parts = _split(name, spec)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise ProviderRefused(
            f"provider {name!r}: the key in {spec.key_env} would cross the network unencrypted to "
            f"{parts.netloc}\n    write an https origin, or drop key_env if the server needs no key"
        )
    return key


def _split(name: str, spec: OpenAIProvider) -> SplitResult:
    parts = _readable(spec.origin)
    # The origin is not shown: whoever writes a password into it must not find it in a log.
    if parts is None or parts.username is not None or parts.query or parts.fragment:
        raise ProviderRefused(
            f"provider {name!r}: its origin is not a plain http(s) address\n"
            "    write scheme, host, port and at most a path; the key belongs into the variable key_env names"
        )
    return parts


def _readable(origin: str) -> SplitResult | None:
    try:
        parts = urlsplit(origin)
        readable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if readable else None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
