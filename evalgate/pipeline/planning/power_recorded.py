"""Budgets that a recorded comparison shows to be more likely inconclusive than not."""

from collections.abc import Iterator
from dataclasses import replace

from evalgate.core.comparison import Comparison
from evalgate.core.errors import CannotJudge
from evalgate.core.metrics import METRICS
from evalgate.core.numbers import Unmeasured
from evalgate.core.suite import Project, Suite
from evalgate.pipeline.comparing.bench import Bench
from evalgate.pipeline.planning.budget_power import budgets_of
from evalgate.pipeline.planning.power_warnings import graded_cases, independent_cases
from evalgate.pricing.prices import resolve_prices
from evalgate.scoring.compare import compare
from evalgate.store.recordings import Recordings


def recorded_warnings(project: Project, suite: Suite, recordings: Recordings) -> Iterator[str]:
    """Yield a sentence for each relative limit on cost or time that stays open more often than not.

    That is where nothing changes; how much they vary is taken from the baseline and the first proposal, where
    both are recorded. Accuracy is the business of :mod:`evalgate.pipeline.planning.power_warnings`.

    Raises:
        BadInput: a deployment has no price.

    """
    compared = _compared(project, suite, recordings)
    if compared is None:
        return
    names = {(limit.metric, limit.allowance): limit.limit for limit in suite.rules.limits}
    graded = independent_cases(graded_cases(suite))
    varies = f"if it varies as between {compared.baseline} and {compared.candidate}"
    for row in budgets_of(suite, graded, 0.0, compared, {}):
        chance, needed = row.inconclusive, row.cases
        if row.metric in {"accuracy", "score"} or isinstance(chance, Unmeasured):
            continue
        share = METRICS[row.metric].unit == "share"
        if share and chance == 1:
            continue  # too few cases whatever is recorded, which the same module says
        if chance > 0.5 and not isinstance(needed, Unmeasured):
            unit = "pp" if share else "%"
            written = f"{row.metric} {names[row.metric, row.allowance]} {row.allowance * 100:g}{unit}"
            yield (
                f"{written} stays inconclusive {chance:.0%} of the time even where nothing changes, "
                f"{varies}: the suite has {len(suite.cases):,} cases, and about {needed:,} would do"
            )


def _compared(project: Project, suite: Suite, recordings: Recordings) -> Comparison | None:
    if suite.baseline is None or not suite.proposals:
        return None
    baseline, candidate = suite.baseline, suite.proposals[0]
    suite = replace(suite, proposals=(candidate,))
    prices = {
        policy.name: resolve_prices(policy.deployments.values(), project.prices, project.price_at)
        for policy in (baseline, candidate)
    }
    bench = Bench(project, suite, prices, recordings, "replay", keep=False)
    try:
        before = bench.measured(baseline)
        return compare(before, bench.measured(candidate, against=before))
    except CannotJudge:
        return None
