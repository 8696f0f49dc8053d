"""What prompt caches do for a policy and for a comparison, found cold and found warm."""

import math
from collections.abc import Sequence

from evalgate.core.comparison import Change, Comparison
from evalgate.core.numbers import Unmeasured
from evalgate.core.outcome import Cost, Graded
from evalgate.core.prompt_cache import CostInState, CostInStates, SideInState, SidePromptCache
from evalgate.core.prompt_cache_file import CacheState
from evalgate.core.run import Run


def side_prompt_cache(run: Run) -> SidePromptCache | None:
    """Return what prompt caches do for one policy; None where it declares none that is ever used."""
    used = [graded for graded in run.results if graded.prompt_cache is not None]
    if not used:
        return None
    recorded = [
        (graded.weight, graded.prompt_cache.recorded_tokens)
        for graded in used
        if graded.prompt_cache is not None and graded.prompt_cache.recorded_tokens is not None
    ]
    whole = math.fsum(graded.weight for graded in run.results)
    return SidePromptCache(
        prompt_tokens=_mean(
            [(e.weight, e.prompt_cache.prompt_tokens) for e in used if e.prompt_cache], whole
        ),
        recorded_tokens=_mean(recorded, whole) if recorded else None,
        cold=_in_state(run.results, "cold", whole),
        warm=_in_state(run.results, "warm", whole),
    )


def cost_in_states(comparison: Comparison) -> CostInStates | None:
    """Return the cost per correct of both sides in both states; None where nothing is predicted."""
    change = comparison.find("cost_per_correct")
    other = None if change is None else change.other_state
    if change is None or other is None:
        return None
    here, there = _cost(change), _cost(other.change)
    cold, warm = (here, there) if other.state == "cold" else (there, here)
    return CostInStates(other.state, other.declared, cold, warm)


def _cost(change: Change) -> CostInState:
    return CostInState(change.baseline, change.candidate, change.change)


def _in_state(results: Sequence[Graded], state: CacheState, whole: float) -> SideInState:
    found = [
        (each.weight, each.prompt_cache.found(state)) for each in results if each.prompt_cache is not None
    ]
    return SideInState(
        read_tokens=_mean([(weight, tokens.read) for weight, tokens in found], whole),
        written_tokens=_mean([(weight, tokens.written) for weight, tokens in found], whole),
        cost_per_request_usd=_cost_per_request(results, state, whole),
    )


def _cost_per_request(results: Sequence[Graded], state: CacheState, whole: float) -> float | Unmeasured:
    amounts: list[tuple[float, float]] = []
    for graded in results:
        match graded.cost:
            case Cost(total_usd=usd):
                found = None if graded.prompt_cache is None else graded.prompt_cache.found(state).total_usd
                amounts.append((graded.weight, usd if found is None else found))
            case Unmeasured():
                return graded.cost
    return _mean(amounts, whole)


def _mean(numbers: Sequence[tuple[float, float]], whole: float) -> float:
    return math.fsum(weight * number for weight, number in numbers) / whole
