"""A share of cases that lack something, as the mirror of accuracy with its intervals.

Whoever uses it says of each case and trial whether it has what counts, as 1 or 0 in ``correct``.
"""

from dataclasses import replace

import numpy as np

from evalgate.core.comparison import Change
from evalgate.core.metrics import Metric
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.scoring.accuracy import quality_of
from evalgate.scoring.assumptions import inference, sampling, shared_calls
from evalgate.scoring.columns import Columns
from evalgate.scoring.methods.arrays import Bools
from evalgate.scoring.paired_quality import QualityChange, paired_quality
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import units_of


def having(columns: Columns, has: Bools) -> Columns:
    """Return the columns as if ``has``, by case and trial, were all that a case asks for."""
    right = (columns.present & has).astype(np.float64)
    everywhere = np.ones(columns.n, dtype=np.bool_)
    return replace(columns, correct=right, score=right, graded=everywhere, rule=None)


def lacking_of(columns: Columns, setting: Setting) -> Measured:
    """Return one side's share of cases that lack it: Wilson where a case is tried once, else a t interval."""
    if columns.n == 0:
        return Unmeasured("there are no cases")
    found = quality_of(columns, "accuracy", setting)
    if isinstance(found, Unmeasured):
        return found
    return replace(found, value=1 - found.value, low=1 - found.high, high=1 - found.low)


def lacking_change(metric: Metric, pairs: Pairs, setting: Setting) -> Change:
    """Return the change of the share, in points; ``losses`` are cases that lack it more under the candidate.

    Both sides of ``pairs`` are columns by :func:`having`.
    """
    units, affected = units_of(pairs.baseline), int(pairs.differs.served.sum())
    judged = paired_quality(replace(pairs, human=None), "accuracy", units, setting)
    found = judged if isinstance(judged, QualityChange) else None
    return Change(
        metric=metric,
        slice=setting.slice,
        scale="absolute",
        unit="share",
        baseline=lacking_of(pairs.baseline, setting),
        candidate=lacking_of(pairs.candidate, setting),
        change=judged if isinstance(judged, Unmeasured) else _turned(judged.change),
        method=found.change.method if found else "none",
        level=setting.level,
        n=pairs.n,
        clusters=units.count,
        trials=pairs.baseline.trials,
        affected=affected,
        losses=found.losses if found else None,
        gains=found.gains if found else None,
        sd=found.sd if found else None,
        trial_sd=found.trial_sd if found else None,
        assumptions=(
            *shared_calls(pairs.n, affected, setting.recorded),
            *sampling(units),
            *inference(setting.inference),
            *setting.amid,
        ),
    )


def _turned(change: Estimate) -> Estimate:
    """The change of the share that has it as that of the share that lacks it."""
    # 0.0 - x instead of -x: nothing changed is 0, not minus 0.
    return replace(change, value=0.0 - change.value, low=0.0 - change.high, high=0.0 - change.low)
