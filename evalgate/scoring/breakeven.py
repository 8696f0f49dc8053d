"""Two policies over traffic, from what their runs cost and took of machines, with intervals over the cases.

Costs a request and what a request takes of machines are means over cases. Drawing the cases (or groups of
them) anew, the same for both policies, gives the spread of the break-even: Efron's percentile interval, as
its distribution over steps has no better-behaved pivot.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from evalgate.core.breakeven import AtTimes, Breakeven, Crossings, Fleet, MonthlyCost, SideCost
from evalgate.core.hosting import SECONDS_PER_MONTH, goodput_of, replica_usd_per_month
from evalgate.core.hosting_file import Hosting
from evalgate.core.numbers import Estimate, Unmeasured
from evalgate.core.run import Run
from evalgate.scoring.accuracy import quality_of
from evalgate.scoring.columns import columns_of
from evalgate.scoring.cost import cost_of, spend_of
from evalgate.scoring.crossings import crossings
from evalgate.scoring.methods.arrays import Floats
from evalgate.scoring.pairs import pair
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import units_of

TIMES = (0.5, 2.0)
DRAWS = 500
# A draw whose costs differ by next to nothing could go on for ever; what is beyond this is far enough.
_STEPS_OF_A_DRAW = 20_000
_SEED = 20_261_101


@dataclass(frozen=True, slots=True)
class Served:
    """One policy's run, the same with its machines free, and for each fleet the run in units of goodput."""

    run: Run
    calls: Run
    fleets: tuple[tuple[str, Hosting, Run], ...]


@dataclass(frozen=True, slots=True)
class _Means:
    """Sums over each independent unit, whose ratio to ``sizes`` are means: USD, and units of each fleet."""

    spend: Floats
    fleets: tuple[Floats, ...]
    sizes: Floats


def breakeven(policy: Served, against: Served, alpha: float) -> Breakeven | Unmeasured:
    """Return both over traffic; Unmeasured where a cost is not known.

    Raises:
        RunsNotComparable: the runs are of different cases.

    """
    rules = against.run.manifest.rules
    setting = Setting(alpha, cleanup_usd_per_wrong=rules.cleanup_usd_per_wrong)
    pair(against.run, policy.run)
    sides = [_side(each, setting) for each in (policy, against)]
    for side in sides:
        if isinstance(side, Unmeasured):
            return side
    (first, means), (second, other) = (side for side in sides if not isinstance(side, Unmeasured))
    found = crossings(first.monthly, second.monthly)
    wins, stays = _intervals(found, (first.monthly, second.monthly), (means, other), setting)
    return Breakeven(
        suite=policy.run.manifest.suite,
        cases=len({graded.outcome.case_id for graded in policy.run.results}),
        policy=first,
        against=second,
        crossings=found,
        wins_from=wins,
        stays_from=stays,
        at_times=tuple(_at(times, first.monthly, second.monthly) for times in TIMES),
        requests_per_month=against.run.manifest.requests_per_month,
        cleanup_usd_per_wrong=rules.cleanup_usd_per_wrong,
    )


def fleet_of(alias: str, hosting: Hosting, per_request: float) -> Fleet:
    """Return the machines behind ``alias``, of whose goodput a request takes ``per_request``."""
    goodput = goodput_of(hosting)
    # The loader has refused hosting of which no level meets the objective.
    assert not isinstance(goodput, Unmeasured)
    return Fleet(
        deployment=alias,
        per_request=per_request,
        per_month=goodput.per_s * hosting.utilisation * SECONDS_PER_MONTH,
        utilisation=hosting.utilisation,
        replica_usd=replica_usd_per_month(hosting),
        ops_usd=hosting.ops_usd_per_month,
        min_replicas=hosting.min_replicas,
    )


def _side(served: Served, setting: Setting) -> tuple[SideCost, _Means] | Unmeasured:
    columns = columns_of(served.run)
    per_correct = cost_of(columns, setting)
    calls = columns_of(served.calls)
    for unknown in (columns.cost_unknown, calls.cost_unknown):
        if unknown:
            return Unmeasured(unknown)
    units = units_of(columns)
    taken = [columns_of(run) for _, _, run in served.fleets]
    means = _Means(
        units.sums(spend_of(calls, setting)[0]),
        tuple(units.sums(each.mean(each.cost_usd)) for each in taken),
        units.sizes,
    )
    fleets = tuple(
        fleet_of(alias, hosting, float(sums.sum() / means.sizes.sum()))
        for (alias, hosting, _), sums in zip(served.fleets, means.fleets, strict=True)
    )
    monthly = MonthlyCost(served.run.manifest.policy, float(means.spend.sum() / means.sizes.sum()), fleets)
    graded = columns.take(columns.graded)
    return SideCost(monthly, quality_of(graded, "accuracy", setting), per_correct), means


def _at(times: float, policy: MonthlyCost, against: MonthlyCost) -> AtTimes:
    filled = policy.filled(times), against.filled(times)
    return AtTimes(
        times,
        tuple(
            dict.fromkeys((fleet.deployment, fleet.utilisation) for each in filled for fleet in each.fleets)
        ),
        crossings(*filled),
    )


def _intervals(
    found: Crossings,
    costs: tuple[MonthlyCost, MonthlyCost],
    means: tuple[_Means, _Means],
    setting: Setting,
) -> tuple[Estimate | None, Estimate | None]:
    """Return where the policy first costs less, and where it stays so, each with its interval."""
    stated = found.wins("policy")
    if stated is None:
        return None, None
    draws = np.random.default_rng(_SEED)
    count = len(means[0].sizes)
    drawn: list[tuple[float, float]] = []
    for _ in range(DRAWS):
        weights = draws.multinomial(count, np.full(count, 1 / count)).astype(np.float64)
        again = [_drawn(cost, side, weights) for cost, side in zip(costs, means, strict=True)]
        drawn.append(crossings(again[0], again[1], _STEPS_OF_A_DRAW).wins("policy") or (inf, inf))
    ends = [_percentiles([each[at] for each in drawn], setting.alpha) for at in (0, 1)]
    return tuple(  # type: ignore[return-value]
        setting.estimate(value, (min(low, value), max(high, value)), "bootstrap")
        for value, (low, high) in zip(stated, ends, strict=True)
    )


def _drawn(cost: MonthlyCost, means: _Means, weights: Floats) -> MonthlyCost:
    size = float(means.sizes @ weights)
    fleets = tuple(
        replace(fleet, per_request=float(sums @ weights) / size)
        for fleet, sums in zip(cost.fleets, means.fleets, strict=True)
    )
    return replace(cost, per_request_usd=float(means.spend @ weights) / size, fleets=fleets)


def _percentiles(values: Sequence[float], alpha: float) -> tuple[float, float]:
    """Return the ends of the percentile interval; infinities sort last and may be an end."""
    ordered = sorted(values)
    low = ordered[int(alpha * len(ordered))]
    high = ordered[min(len(ordered) - 1, int((1 - alpha) * len(ordered)))]
    return low, high
