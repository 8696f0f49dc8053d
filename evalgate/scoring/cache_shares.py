"""A share of what a cache did, as a change that the gate judges: in points, with what it was counted from."""

from dataclasses import dataclass

from evalgate.core.comparison import Change
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.scoring.setting import Setting

NO_BASELINE = Unmeasured("there is no baseline to compare with")


@dataclass(frozen=True, slots=True)
class CacheShare:
    """Both sides of a share and the change between them.

    ``n`` is what it is a share of, ``clusters`` the independent units among those, ``affected`` the cases
    that the change touches; ``losses`` and ``gains`` are None without a baseline.
    """

    baseline: Measured
    candidate: Measured
    change: Measured
    n: int
    clusters: int
    affected: int
    losses: int | None = None
    gains: int | None = None
    assumptions: tuple[str, ...] = ()


def share_change(metric: Metric, setting: Setting, trials: int, share: CacheShare) -> Change:
    """Return a share of the cases, hits or near-misses of one slice as a change."""
    change = share.change
    return Change(
        metric=metric,
        slice=setting.slice,
        scale="absolute",
        unit="share",
        baseline=share.baseline,
        candidate=share.candidate,
        change=change,
        method=change.method if isinstance(change, Estimate) else "none",
        level=setting.level,
        n=share.n,
        clusters=share.clusters,
        trials=trials,
        affected=share.affected,
        losses=share.losses,
        gains=share.gains,
        assumptions=share.assumptions,
    )
