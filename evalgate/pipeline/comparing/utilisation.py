"""Cost verdicts that rest on how full machines are, judged again at half and at twice of that.

Nobody measures the utilisation of next month, and it divides the cost. The verdict at the stated one holds;
these say how much hangs on it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from evalgate.core.hosting import SECONDS_PER_MONTH, at_utilisation, goodput_of, hosted_price, utilisation_at
from evalgate.core.hosting_file import Hosting
from evalgate.core.hosting_use import AtUtilisation, HostingUse
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Cost, Graded
from evalgate.core.policy_file import Price
from evalgate.core.run import Run
from evalgate.core.verdict import Check
from evalgate.pricing.cost import cost_of
from evalgate.pricing.hosting import served_per_request

TIMES = (0.5, 2.0)
_COST = "cost_per_correct"
# A stated utilisation that is off by more than this is worth a word.
_MUCH = 2.0

JudgeRuns = Callable[[Sequence[Run]], Sequence[Check]]


def with_sensitivity(checks: Sequence[Check], runs: Sequence[Run], judge: JudgeRuns) -> tuple[Check, ...]:
    """Return ``checks``, those of the cost with what ``judge`` makes of them at other utilisations.

    ``runs`` are the baseline's, where there is one, and the candidate's. What is the same on both sides rests
    on no utilisation.
    """
    stated = tuple(dict.fromkeys((alias, each.utilisation) for run in runs for alias, each in hosted(run)))
    resting = [
        check for check in checks if check.metric == _COST and check.method not in {"identical", "none"}
    ]
    if not stated or not resting:
        return tuple(checks)
    found: dict[tuple[str | None, str], list[AtUtilisation]] = {}
    for times in TIMES:
        again = [_filled(run, times) for run in runs]
        there = tuple(
            dict.fromkeys((alias, utilisation_at(each, times)) for run in runs for alias, each in hosted(run))
        )
        for check in judge(again):
            at = AtUtilisation(times, there, stated, check.candidate, check.change, check.verdict)
            found.setdefault((check.slice, check.limit), []).append(at)
    return tuple(
        replace(check, at_utilisation=tuple(found[check.slice, check.limit])) if check in resting else check
        for check in checks
    )


def hosted(run: Run) -> Iterator[tuple[str, Hosting]]:
    """Yield the deployments on machines of one's own that served anything of a run."""
    asked = {step.deployment for graded in run.results for step in graded.outcome.steps}
    for alias, price in run.manifest.prices.items():
        if price.hosting is not None and alias in asked:
            yield alias, price.hosting


def hosting_uses(run: Run) -> Iterator[HostingUse]:
    """Yield what the machines behind each such deployment carry, and cost a request."""
    for alias, hosting in hosted(run):
        goodput = goodput_of(hosting)
        # The loader has refused hosting of which no level meets the objective.
        assert not isinstance(goodput, Unmeasured)
        served, price = served_per_request(run, alias), hosted_price(hosting)
        unit = price.output_per_1m / 1e6 or price.per_request
        yield HostingUse(alias, hosting, goodput, served if isinstance(served, Unmeasured) else served * unit)


def utilisation_notes(run: Run) -> Iterator[str]:
    """Yield what the suite's traffic makes of each stated utilisation, where that is far off."""
    requests = run.manifest.requests_per_month
    if not requests:
        return
    for alias, hosting in hosted(run):
        served, goodput = served_per_request(run, alias), goodput_of(hosting)
        if isinstance(served, Unmeasured) or isinstance(goodput, Unmeasured):
            continue
        full = requests * served / (hosting.replicas * goodput.per_s * SECONDS_PER_MONTH)
        if full * _MUCH < hosting.utilisation or full > hosting.utilisation * _MUCH:
            machines = f"{hosting.replicas:,} × {alias} of {run.manifest.policy}"
            stated = f"not to {hosting.utilisation:.0%} as stated; `evalgate breakeven` goes by traffic"
            yield f"{requests:,} requests a month fill the {machines} to {full:.3%}, {stated}"


def _filled(run: Run, times: float) -> Run:
    """Return a run as it would be priced with its machines so many times as full, judged by cost alone."""
    manifest = run.manifest
    prices = at_utilisation(manifest.prices, times)
    limits = tuple(limit for limit in manifest.rules.limits if limit.metric == _COST)
    return Run(
        replace(manifest, prices=prices, rules=replace(manifest.rules, limits=limits)),
        tuple(_repriced(graded, prices) for graded in run.results),
    )


def _repriced(graded: Graded, prices: Mapping[str, Price]) -> Graded:
    cost, use = cost_of(graded.outcome, prices), graded.prompt_cache
    if use is not None and isinstance(cost, Cost) and isinstance(graded.cost, Cost):
        # Machines have no prompt cache to be billed by, so its part of the cost stays.
        use = use.dearer_by(cost.total_usd - graded.cost.total_usd)
    return replace(graded, cost=cost, prompt_cache=use)
