"""How fast a suite's calls are made: what every deployment allows, and how many cases are under way."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from evalgate.core.policy import Deployment, Policy
from evalgate.core.policy_file import Limits
from evalgate.core.suite import Suite
from evalgate.grading.needs import suite_judging
from evalgate.providers.live import Identity, Pace

# Where nobody says: each deployment finds its own number of attempts, and these keep it busy meanwhile.
CASES_UNDER_WAY = 64

T = TypeVar("T")


def pace_of(suite: Suite, policies: Sequence[Policy], concurrency: int | None) -> Pace:
    """Return the pace of every deployment that the calls may reach; of two limits the stricter holds."""
    limits: dict[Identity, Limits] = {}
    for deployment in _deployments(suite, policies):
        if deployment.limits is not None:
            known = limits.get(deployment.identity)
            own = deployment.limits
            limits[deployment.identity] = own if known is None else _strictest(known, own)
    return Pace(limits, concurrency)


def cases_under_way(suite: Suite, policies: Sequence[Policy], concurrency: int | None) -> int:
    """Return how many cases are called at once.

    One where order matters, and where all models are in this process: they would disturb their own timing.
    """
    kinds = {deployment.kind for policy in policies for deployment in policy.deployments.values()}
    return 1 if suite.ordered or kinds == {"function"} else concurrency or CASES_UNDER_WAY


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, on the faster event loop where there is one."""
    try:
        from uvloop import new_event_loop  # noqa: PLC0415  only where calls are made
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)


def _deployments(suite: Suite, policies: Sequence[Policy]) -> Iterable[Deployment]:
    yield from suite_judging(suite).deployments
    for policy in policies:
        yield from policy.deployments.values()


def _strictest(one: Limits, other: Limits) -> Limits:
    both = [each.model_dump(exclude_none=True) for each in (one, other)]
    names = {**both[0], **both[1]}
    return Limits(**{name: min(each[name] for each in both if name in each) for name in names})
