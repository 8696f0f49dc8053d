"""Where a provider is, and whether its key may go there."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from evalgate.core.errors import ProviderRefused
from evalgate.core.providers_file import LitellmProvider, OpenAIProvider, Reached, is_loopback

# Where clouds hand out credentials beside 169.254.0.0/16: AWS over IPv6, Alibaba, Azure's platform, Oracle.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"))
)
_METADATA_NAMES = frozenset({"metadata.google.internal", "metadata.goog", "instance-data"})


def endpoint_url(name: str, spec: OpenAIProvider, endpoint: str) -> str:
    """Return the address of ``endpoint`` (``chat/completions``, ``embeddings``) at the provider's origin.

    Raises:
        ProviderRefused: the origin holds a password, a query or a fragment, or its host is unreadable.

    """
    parts = _split(name, spec)
    path = parts.path.rstrip("/")
    versioned = path if path.endswith("/v1") else f"{path}/v1"
    return f"{parts.scheme}://{parts.netloc}{versioned}/{endpoint}"


def chat_url(name: str, spec: OpenAIProvider, model: str) -> str:
    """Return the address of chat completions for ``model``, which some servers want in the path.

    Raises:
        ProviderRefused: the origin is not a plain address.

    """
    if spec.path is None:
        url = endpoint_url(name, spec, "chat/completions")
    else:
        url = plain_origin(name, spec) + spec.path.replace("{model}", quote(model, safe=""))
    return f"{url}?{urlencode(spec.query)}" if spec.query else url


def plain_origin(name: str, spec: Reached | LitellmProvider) -> str:
    """Return the provider's origin with its path, without a slash at the end.

    Raises:
        ProviderRefused: the origin is not a plain address.

    """
    parts = _split(name, spec)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def is_metadata(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether an address is link-local or one at which clouds hand out a machine's credentials."""
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_link_local or (mapped or address) in _METADATA


def key_from(name: str, spec: Reached | LitellmProvider, environ: Mapping[str, str]) -> str | None:
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
    if spec.origin is None:
        return key
    parts = _split(name, spec)
    if parts.scheme == "http" and not spec.key_over_http and not is_loopback(parts.hostname or ""):
        raise ProviderRefused(
            f"provider {name!r}: the key in {spec.key_env} would cross the network unencrypted to "
            f"{parts.netloc}\n    write an https origin, or drop key_env if the server needs no key; "
            "for a server inside a network that you trust with it, declare key_over_http: true"
        )
    return key


def _split(name: str, spec: Reached | LitellmProvider) -> SplitResult:
    parts = None if spec.origin is None else _readable(spec.origin)
    # The origin is not shown: whoever writes a password into it must not find it in a log.
    if parts is None or parts.username is not None or parts.query or parts.fragment:
        raise ProviderRefused(
            f"provider {name!r}: its origin is not a plain http(s) address\n"
            "    write scheme, host, port and at most a path; the key belongs into the variable key_env names"
        )
    if _is_metadata_host(parts.hostname or ""):
        raise ProviderRefused(
            f"provider {name!r}: its origin is a link-local or metadata address, which is never asked\n"
            "    correct the origin in evalgate.yaml"
        )
    return parts


def _is_metadata_host(host: str) -> bool:
    try:
        return is_metadata(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return host.casefold().rstrip(".") in _METADATA_NAMES


def _readable(origin: str) -> SplitResult | None:
    try:
        parts = urlsplit(origin)
        readable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if readable else None
