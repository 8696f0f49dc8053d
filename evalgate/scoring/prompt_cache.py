"""Costs with provider prompt caches found cold or warm, by both sides alike.

One state prices everything that is shown; the cost is measured in the other one too, because a verdict that
holds in one state alone hangs on what traffic came before.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from evalgate.core.budgets import Rules
from evalgate.core.comparison import Change, OtherState
from evalgate.core.outcome import Cost, Graded
from evalgate.core.prompt_cache_file import CacheState
from evalgate.core.run import Run
from evalgate.scoring.pairs import pair

Runs = tuple[Run, ...]
"""Baseline and candidate, or one run alone."""

_FOUND = {
    "cold": "empty before the first case",
    "warm": "holding before the first case what several prompts of the suite begin with",
}


@dataclass(frozen=True, slots=True)
class States:
    """The state by which costs are judged, whether the suite chose it, and the runs priced in either."""

    state: CacheState
    declared: bool
    runs: Runs
    other: Runs

    @property
    def differ(self) -> bool:
        """Whether anything is different in the other state between the two runs."""
        return bool(self.other) and bool(pair(self.other[0], self.other[1]).differs.any.any())

    def of(self, change: Change, again: Callable[[Runs], Change]) -> Change:
        """Return a change in cost with the one in the other state, which ``again`` measures."""
        if not self.other:
            return change
        assumptions = *change.assumptions, _assumption(self.state)
        found = replace(again(self.other), mismeasured_because=change.mismeasured_because)
        return replace(
            change,
            assumptions=assumptions,
            other_state=OtherState(self.state, self.declared, found),
        )


def states_of(runs: Runs, rules: Rules) -> States:
    """Return ``runs`` in the state that ``rules`` declare, or cold, and in the other one.

    ``other`` is empty where no run predicts anything: then there is but one state.
    """
    state = rules.prompt_cache or "cold"
    predicted = any(graded.prompt_cache is not None for run in runs for graded in run.results)
    other: CacheState = "warm" if state == "cold" else "cold"
    return States(
        state,
        rules.prompt_cache is not None,
        tuple(priced_in(run, state) for run in runs),
        tuple(priced_in(run, other) for run in runs) if predicted else (),
    )


def priced_in(run: Run, state: CacheState) -> Run:
    """Return a run with the costs that it has where prompt caches are found in ``state``."""
    if state == (run.manifest.rules.prompt_cache or "cold"):
        return run
    return replace(run, results=tuple(_priced(graded, state) for graded in run.results))


def _priced(graded: Graded, state: CacheState) -> Graded:
    use, cost = graded.prompt_cache, graded.cost
    usd = None if use is None else use.found(state).total_usd
    return (
        graded
        if usd is None or not isinstance(cost, Cost)
        else replace(graded, cost=replace(cost, total_usd=usd))
    )


def _assumption(state: CacheState) -> str:
    return (
        "tokens read from and written to prompt caches are predicted by what prompt_cache declares, with "
        f"characters standing for tokens; both sides find the caches {state}: {_FOUND[state]}"
    )
