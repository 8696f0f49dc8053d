"""The share of cases that got no answer, whatever was retried and whoever else was asked.

It is the mirror of accuracy with "answered" for "correct", so it has accuracy's intervals. Every case counts,
also one without a target: a user who gets nothing needs no grader to notice.
"""

from dataclasses import replace

from evalgate.core.comparison import Change
from evalgate.core.numbers import Measured
from evalgate.scoring.columns import Columns
from evalgate.scoring.mirrored import having, lacking_change, lacking_of
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting


def failure_rate_of(columns: Columns, setting: Setting) -> Measured:
    """Return one side's share of failed cases: Wilson where a case is tried once, else a t interval."""
    return lacking_of(_answered(columns), setting)


def failure_rate_change(pairs: Pairs, setting: Setting) -> Change:
    """Return the change of the share, in points; ``losses`` are cases that fail more under the candidate."""
    sides = replace(pairs, baseline=_answered(pairs.baseline), candidate=_answered(pairs.candidate))
    return lacking_change("failure_rate", sides, setting)


def _answered(columns: Columns) -> Columns:
    return having(columns, ~columns.failed)
