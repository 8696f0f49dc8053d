"""What prompt caches do to the money, found cold and found warm, by both sides alike."""

from collections.abc import Callable

from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.core.prompt_cache import CostInState, SidePromptCache
from evalgate.core.verdict import Judgement, SideSummary
from evalgate.report.numbers import MISSING, pair, percent, with_interval

STATES = ("cold", "warm")


def rows(judgement: Judgement) -> list[tuple[str, str, str]]:
    """Return label, baseline and candidate: input that is read and written, and costs, in either state."""
    costs = [(label, *_pair(cost.baseline, cost.candidate)) for label, cost in cost_rows(judgement)]
    return [*token_rows(judgement), *costs]


def token_rows(judgement: Judgement) -> list[tuple[str, str, str]]:
    """Return label, baseline and candidate of the shares of input tokens that are read and written."""
    sides = (judgement.baseline_side, judgement.candidate_side)
    if all(side.prompt_cache is None for side in sides):
        return []
    return [
        *(_shares(f"cached input, {state}", sides, _read_in(state)) for state in STATES),
        _shares("cached input, recorded", sides, _recorded),
        *(_shares(f"cache-written, {state}", sides, _written_in(state)) for state in STATES),
    ]


def cost_rows(judgement: Judgement) -> list[tuple[str, CostInState]]:
    """Return the cost per correct in either state, with its label."""
    found = judgement.prompt_caches
    if found is None:
        return []
    return [("cost per correct, cold", found.cold), ("cost per correct, warm", found.warm)]


def change_in(cost: CostInState) -> str:
    """Return the change in cost per correct in one state, or why there is none."""
    if isinstance(cost.change, Unmeasured):
        return MISSING
    return with_interval(cost.change, "percent", signed=True)


def said(judgement: Judgement) -> str:
    """Return the change of the cost in both states, in words; empty where nothing is predicted."""
    found = judgement.prompt_caches
    if found is None:
        return ""
    decides = f"the suite says that {found.state} ones decide"
    if not found.declared:
        decides = "a verdict must hold with either"
    if not judgement.baseline:
        return f"prompt caches are predicted, cold and warm; {decides}"
    return (
        f"prompt caches: cost per correct {change_in(found.cold)} with cold ones, "
        f"{change_in(found.warm)} with warm ones, found alike by both sides; {decides}"
    )


_Tokens = Callable[[SidePromptCache], float | None]


def _read_in(state: str) -> _Tokens:
    return lambda side: (side.cold if state == "cold" else side.warm).read_tokens


def _written_in(state: str) -> _Tokens:
    return lambda side: (side.cold if state == "cold" else side.warm).written_tokens


def _recorded(side: SidePromptCache) -> float | None:
    return side.recorded_tokens


def _shares(label: str, sides: tuple[SideSummary, SideSummary], tokens: _Tokens) -> tuple[str, str, str]:
    shown = [MISSING if side.prompt_cache is None else _share(side.prompt_cache, tokens) for side in sides]
    return label, shown[0], shown[1]


def _share(side: SidePromptCache, tokens: _Tokens) -> str:
    found = tokens(side)
    return MISSING if found is None or not side.prompt_tokens else percent(found / side.prompt_tokens)


def _pair(first: Measured, second: Measured) -> tuple[str, str]:
    if isinstance(first, Estimate) and isinstance(second, Estimate):
        return pair("usd", first.value, second.value)
    shown = [
        pair("usd", e.value, e.value)[0] if isinstance(e, Estimate) else MISSING for e in (first, second)
    ]
    return shown[0], shown[1]
