"""What a deployment behind a batch API cannot be: something that somebody waits for."""

from collections.abc import Iterator

from evalgate.core.cascade_file import Verifier
from evalgate.core.errors import Problem
from evalgate.core.policy_file import PolicyFile, SemanticCache
from evalgate.load.syntax.documents import Document


def check_batches(document: Document[PolicyFile]) -> Iterator[Problem]:
    """Yield the deployments with ``batch`` that are streamed, asked by a cache or cascade, or self-hosted."""
    policy = document.value
    helpers = policy.cache.helpers.values() if isinstance(policy.cache, SemanticCache) else ()
    for alias, each in policy.deployments.items():
        if each.batch is None:
            continue
        params = {**({} if alias in helpers else policy.params), **(each.params or {})}
        hosted = each.price is not None and each.price.hosting is not None
        if params.get("stream") is True:
            why = "a batch API answers all at once", "remove stream: true here, or batch"
        elif alias in helpers:
            why = f"the cache asks {alias!r} while a user waits", "remove batch"
        elif alias in _of_cascade(policy):
            cure = "use a router, which decides before any call, or remove batch"
            why = "a cascade asks one deployment after another, and each would take a whole window", cure
        elif hosted:
            why = "machines of your own have no price for batches", "remove batch, or the price's hosting"
        else:
            continue
        yield document.problem(("deployments", alias, "batch"), *why, at_key=True)


def check_microbatches(document: Document[PolicyFile]) -> Iterator[Problem]:
    """Yield the deployments with ``microbatch`` that have a batch API, stream, or batch by themselves."""
    policy = document.value
    for alias, each in policy.deployments.items():
        if each.microbatch is None:
            continue
        if each.batch is not None:
            why = "a batch API collects requests by itself", "remove one of the two"
        elif {**policy.params, **(each.params or {})}.get("stream") is True:
            why = "one call answers several requests, all at once", "remove stream: true here, or microbatch"
        elif each.service_time is not None:
            cure = "remove microbatch, which such an engine makes needless, or service_time"
            why = "service_time is of an engine that batches requests by itself", cure
        else:
            continue
        yield document.problem(("deployments", alias, "microbatch"), *why, at_key=True)


def _of_cascade(policy: PolicyFile) -> tuple[str, ...]:
    if policy.cascade is None:
        return ()
    asked = policy.cascade.confidence
    return (*policy.cascade.order, *((asked.deployment,) if isinstance(asked, Verifier) else ()))
