"""What calls that nobody made yet would cost: expected, and at worst."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from evalgate.core.calls import Attempt, Request, Usage
from evalgate.core.digest import canonical_json, messages_json
from evalgate.core.numbers import Unmeasured
from evalgate.core.policy_file import Price
from evalgate.pricing.calls import Identity, attempts_usd
from evalgate.pricing.cost import usage_usd
from evalgate.store.recordings import Recordings

Usd = float | Unmeasured
Pool = Mapping[Identity, Sequence[tuple[Attempt, ...]]]

# A rule of thumb for English text; only used where nothing is recorded, and then said.
CHARACTERS_PER_TOKEN = 4
_MOST_OUTPUT = ("max_completion_tokens", "max_tokens")
BY_LENGTH = "prompt length / 4, and max_tokens"


def recorded_attempts(asked: Iterable[Request], recordings: Recordings) -> Pool:
    """Return the recorded calls to each served model, by what answers, each call once."""
    found: defaultdict[Identity, dict[str, tuple[Attempt, ...]]] = defaultdict(dict)
    for request in asked:
        recorded = recordings.find(request.digest)
        if recorded is not None:
            found[identity_of(request)][request.digest] = recorded.attempts
    return {identity: list(calls.values()) for identity, calls in found.items()}


def expected(requests: Sequence[Request], price: Price, pool: Pool) -> tuple[list[Usd], str]:
    """Return what each call to one deployment would cost if it succeeds at once, and what that is taken from.

    The mean of its recorded calls where there are any, else the length of what is sent.
    """
    if not requests:
        return [], ""
    known = pool.get(identity_of(requests[0]), ())
    costs = [cost for attempts in known if not isinstance(cost := usd_of(attempts, price), Unmeasured)]
    if costs:
        mean = math.fsum(costs) / len(costs)
        calls = "1 recorded call" if len(costs) == 1 else f"mean of {len(costs):,} recorded calls"
        return [mean] * len(requests), calls
    return [_by_length(request, price) for request in requests], BY_LENGTH


def worst(request: Request, price: Price, attempts: int) -> Usd:
    """Return the most that one call can cost: every attempt billed, with all the output there can be.

    No token is shorter than a byte, so the bytes of what is sent bound its input tokens.
    """
    if price.reported and price == Price(reported=True):
        return Unmeasured(
            f"what {request.model!r} costs is known once it was called (price: {{reported: true}}); "
            "unit prices or per_request beside it bound it beforehand"
        )
    if request.kind in {"function", "http"}:
        once = usd_of((Attempt(0.0),), price)
        if isinstance(once, Unmeasured):
            return Unmeasured(f"{request.model!r} counts its own tokens")
        return once * attempts
    bytes_sent = _bytes_sent(request)
    most = most_output(request)
    # Writing to the provider's cache may cost more than plain input.
    writes = price.cache_write_per_1m is not None or any(price.tiers)
    ways = [
        _tokens_usd(bytes_sent, most, price, written) for written in ((0, bytes_sent) if writes else (0,))
    ]
    known = [usd for usd in ways if not isinstance(usd, Unmeasured)]
    if len(known) < len(ways):
        return Unmeasured(
            f"params of {request.model!r} have no max_tokens, so an answer may be of any length"
        )
    return max(known) * attempts


def _bytes_sent(request: Request) -> int:
    """Return the length of what a request says, as canonical JSON of its messages and params."""
    params = canonical_json(request.params) if request.params else "{}"
    return len(messages_json(request.messages).encode()) + len(params.encode()) + len("[,]")


def total(amounts: Iterable[Usd]) -> Usd:
    """Return the sum, or the first reason why there is none."""
    listed = list(amounts)
    unknown = next((usd for usd in listed if isinstance(usd, Unmeasured)), None)
    return unknown or math.fsum(usd for usd in listed if not isinstance(usd, Unmeasured))


def _by_length(request: Request, price: Price) -> Usd:
    characters = sum(len(message.content or "") for message in request.messages)
    usd = _tokens_usd(math.ceil(characters / CHARACTERS_PER_TOKEN), most_output(request), price)
    if isinstance(usd, Unmeasured):
        return Unmeasured(f"no call to {request.model!r} is recorded, and its params have no max_tokens")
    return usd


def most_output(request: Request) -> int | None:
    """Return the most tokens that ``request`` lets the model put out; None where it sets no limit."""
    if request.kind == "embed":
        return 0
    choices = request.params.get("n", 1)
    for name in _MOST_OUTPUT:
        most = request.params.get(name)
        if isinstance(most, int):
            return most * choices if isinstance(choices, int) else None
    return None


def _tokens_usd(input_tokens: int, output_tokens: int | None, price: Price, written: int = 0) -> Usd:
    usage = Usage(input_tokens, cache_write_tokens=written, output_tokens=output_tokens)
    return usage_usd(usage, price, "")


def usd_of(attempts: tuple[Attempt, ...], price: Price) -> Usd:
    """Return what the attempts of one call cost."""
    return attempts_usd(attempts, "", price)


def identity_of(request: Request) -> Identity:
    """Return what answers a request, apart from what it is asked."""
    return (request.provider, request.model, request.revision, request.quantization)
