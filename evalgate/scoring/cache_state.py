"""Whether the provider's prompt cache was as warm for one side as for the other.

A prompt whose beginning was sent a moment ago is cheaper. Called back to back in random order, both sides
find the cache alike; called at different times, a difference in cost may be the cache's, not the policy's.
"""

import math
from collections.abc import Mapping

import numpy as np

from evalgate.core.outcome import Cost, Graded
from evalgate.core.policy_file import Price
from evalgate.core.run import Run
from evalgate.scoring.methods.arrays import Bools, Ints
from evalgate.scoring.pairs import Pairs

LARGEST_SHARE = 0.01
"""Less than this of the baseline's spend is not worth a word."""


def unknown_cache_state(pairs: Pairs, runs: tuple[Run, ...], apart: Bools) -> str:
    """Return why a change of cost may be the prompt cache's; empty where it cannot.

    ``apart`` marks the cases whose differing calls were not made side by side. A saving is what cached input
    tokens cost less, and written ones more, than plain input at a price's first tier.
    """
    # Where one side's cached tokens are predicted, recorded ones of the other are no match for them.
    predicted = any(run.manifest.prompt_caches for run in runs)
    rows = np.arange(pairs.n) if predicted else np.flatnonzero(apart)
    if not len(rows):
        return ""
    before, after = (
        _saved_usd(run, at[rows]) for run, at in zip(runs, (pairs.before_at, pairs.after_at), strict=True)
    )
    spent = math.fsum(graded.cost.total_usd for graded in runs[0].results if isinstance(graded.cost, Cost))
    if not abs(after - before) > LARGEST_SHARE * spent:
        return ""
    saved = (
        f"cache state unknown: the provider's prompt cache saved ${before:.4g} on the baseline's side and "
        f"${after:.4g} on the candidate's, in calls"
    )
    if predicted:
        return f"{saved} of deployments without prompt_cache, while others declare it; declare it for all"
    return f"{saved} that were not made side by side; `evalgate record --remeasure` makes both anew"


def _saved_usd(run: Run, at: Ints) -> float:
    """What recorded calls saved; a deployment's prediction is the same whenever its calls were made."""
    prices = {
        alias: price
        for alias, price in run.manifest.prices.items()
        if alias not in run.manifest.prompt_caches
    }
    return math.fsum(
        _saved(run.results[position], prices) for position in at.ravel().tolist() if position >= 0
    )


def _saved(graded: Graded, prices: Mapping[str, Price]) -> float:
    saved = 0.0
    for step in graded.outcome.steps:
        price = prices.get(step.deployment)
        for attempt in step.attempts if price is not None else ():
            usage = attempt.usage
            if usage is None or price is None or attempt.billing == "free":
                continue
            read, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
            saved += read * _discount(price, price.cached_input_per_1m)
            saved += written * _discount(price, price.cache_write_per_1m)
    return saved / 1e6


def _discount(price: Price, rate: float | None) -> float:
    return 0.0 if rate is None else price.input_per_1m - rate
