"""The share of cases that got no answer, whatever was retried and whoever else was asked.

It is the mirror of accuracy with "answered" for "correct", so it has accuracy's intervals. Every case counts,
also one without a target: a user who gets nothing needs no grader to notice.
"""

from dataclasses import replace

import numpy as np

from evalgate.core.comparison import Change
from evalgate.core.numbers import Estimate, Measured, Unmeasured
from evalgate.scoring.accuracy import quality_of
from evalgate.scoring.assumptions import inference, sampling, shared_calls
from evalgate.scoring.columns import Columns
from evalgate.scoring.paired_quality import QualityChange, paired_quality
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting
from evalgate.scoring.units import units_of


def failure_rate_of(columns: Columns, setting: Setting) -> Measured:
    """Return one side's share of failed cases: Wilson where a case is tried once, else a t interval."""
    if columns.n == 0:
        return Unmeasured("there are no cases")
    found = quality_of(_answered(columns), "accuracy", setting)
    if isinstance(found, Unmeasured):
        return found
    return replace(found, value=1 - found.value, low=1 - found.high, high=1 - found.low)


def failure_rate_change(pairs: Pairs, setting: Setting) -> Change:
    """Return the change of the share, in points; ``losses`` are cases that fail more under the candidate."""
    before, after = _answered(pairs.baseline), _answered(pairs.candidate)
    units = units_of(before)
    affected = int(pairs.differs.served.sum())
    judged = paired_quality(
        replace(pairs, baseline=before, candidate=after, human=None), "accuracy", units, setting
    )
    found = judged if isinstance(judged, QualityChange) else None
    return Change(
        metric="failure_rate",
        slice=setting.slice,
        scale="absolute",
        unit="share",
        baseline=failure_rate_of(pairs.baseline, setting),
        candidate=failure_rate_of(pairs.candidate, setting),
        change=judged if isinstance(judged, Unmeasured) else _turned(judged.change),
        method=found.change.method if found else "none",
        level=setting.level,
        n=pairs.n,
        clusters=units.count,
        trials=before.trials,
        affected=affected,
        losses=found.losses if found else None,
        gains=found.gains if found else None,
        sd=found.sd if found else None,
        trial_sd=found.trial_sd if found else None,
        assumptions=(
            *shared_calls(pairs.n, affected, setting.recorded),
            *sampling(units),
            *inference(setting.inference),
        ),
    )


def _answered(columns: Columns) -> Columns:
    """Return the columns as if an answer were all that a case asks for."""
    answered = (columns.present & ~columns.failed).astype(np.float64)
    everywhere = np.ones(columns.n, dtype=np.bool_)
    return replace(columns, correct=answered, score=answered, graded=everywhere, rule=None)


def _turned(change: Estimate) -> Estimate:
    """The change of the share answered as that of the share failed."""
    # 0.0 - x instead of -x: nothing changed is 0, not minus 0.
    return replace(change, value=0.0 - change.value, low=0.0 - change.high, high=0.0 - change.low)
