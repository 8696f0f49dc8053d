"""What a policy's retries, fallbacks, hedges and cooldown came to over a run."""

from dataclasses import dataclass

from evalgate.core.numbers import Unmeasured


@dataclass(frozen=True, slots=True)
class ReliabilityUse:
    """What became of attempts over a run.

    ``attempts_per_request`` and ``wasted_usd`` (failed attempts, and answers that came after another one) are
    means over cases and trials, which weigh what they weigh. The rest counts: attempts that met a fault of
    the suite's traffic, calls sent beside a slow one, those of them that were served, and deployments that
    were left alone after failures. A run in which every call simply answered is not ``eventful``.
    """

    attempts_per_request: float
    wasted_usd: float | Unmeasured
    faulted: int = 0
    hedges: int = 0
    hedges_won: int = 0
    skipped: int = 0
    eventful: bool = True
