"""What a provider's prompt cache is predicted to do, in both of the states that it may be found in."""

from dataclasses import dataclass, replace

from evalgate.core.numbers import Measured, Unmeasured
from evalgate.core.prompt_cache_file import CacheState


@dataclass(frozen=True, slots=True)
class CachedTokens:
    """Input tokens that the calls of one outcome read from the cache and write to it, and what they cost.

    ``total_usd`` is None where the cost is not known.
    """

    read: int
    written: int
    total_usd: float | None


@dataclass(frozen=True, slots=True)
class PromptCacheUse:
    """The predicted use of prompt caches by one outcome, its first prompts finding them cold or warm.

    ``prompt_tokens`` are all input tokens of the calls that a prediction is made for; ``recorded_tokens`` of
    them came from the cache when the calls were recorded, None where no provider said.
    """

    prompt_tokens: int
    cold: CachedTokens
    warm: CachedTokens
    recorded_tokens: int | None = None

    def found(self, state: CacheState) -> CachedTokens:
        """Return what happens in one of the two states."""
        return self.cold if state == "cold" else self.warm

    def dearer_by(self, usd: float) -> "PromptCacheUse":
        """Return the same use where all but prompt caches costs more, or less."""
        return replace(self, cold=_dearer_by(usd, self.cold), warm=_dearer_by(usd, self.warm))


def _dearer_by(usd: float, found: CachedTokens) -> CachedTokens:
    return found if found.total_usd is None else replace(found, total_usd=found.total_usd + usd)


@dataclass(frozen=True, slots=True)
class SideInState:
    """One policy's calls with prompt caches in one state: input tokens read and written, USD; per request."""

    read_tokens: float
    written_tokens: float
    cost_per_request_usd: float | Unmeasured


@dataclass(frozen=True, slots=True)
class SidePromptCache:
    """What prompt caches do for one policy, per request; cases weigh what they weigh.

    ``recorded_tokens`` is what the recorded calls read from them, None where no provider said.
    """

    prompt_tokens: float
    recorded_tokens: float | None
    cold: SideInState
    warm: SideInState


@dataclass(frozen=True, slots=True)
class CostInState:
    """Cost per correct answer of both sides, and the change between them, in one state for both."""

    baseline: Measured
    candidate: Measured
    change: Measured


@dataclass(frozen=True, slots=True)
class CostInStates:
    """The same comparison with prompt caches found cold and found warm, by both sides alike.

    ``state`` is the one by which all other numbers are priced; ``declared`` says that the suite chose it,
    so that it alone decides.
    """

    state: CacheState
    declared: bool
    cold: CostInState
    warm: CostInState
