"""An answer that nobody waits for needs a deadline: without one, a batch API would only hide its wait."""

from evalgate.core.budgets import Limit, Rules
from evalgate.core.comparison import Comparison
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Estimate
from evalgate.gate.limits import Finding
from evalgate.gate.wording import subject

_WAITS: frozenset[Metric] = frozenset(
    {"latency_p95", "latency_geomean", "ttft_p95", "tpot_p95", "latency_p95_under_load"}
)


def without_deadline(limit: Limit, comparison: Comparison, rules: Rules) -> Finding | None:
    """Return why a limit on waits says too little: nothing limits the time of what it leaves out."""
    limited = any(_is_deadline(each, comparison) for each in rules.limits)
    if limit.metric not in _WAITS or not comparison.batched or limited or comparison.identical:
        return None
    cases = "1 case is" if comparison.batched == 1 else f"{comparison.batched:,} cases are"
    return Finding(
        "inconclusive",
        f"{subject(limit)} leaves out what a batch API serves: {cases} answered within hours, and no budget "
        "limits that; add turnaround: {max: 24h}",
    )


def _is_deadline(limit: Limit, comparison: Comparison) -> bool:
    """Whether ``limit`` ends the wait for a batch; a rise does where there is a batch to rise from."""
    if limit.metric != "turnaround" or limit.limit == "max":
        return limit.metric == "turnaround"
    change = comparison.find("turnaround")
    return change is not None and change.gated and isinstance(change.change, Estimate)
