"""The share of cases whose answer nothing can read, which is none of a grader's wrong answers alone.

It is the mirror of accuracy with "readable" for "correct", so it has accuracy's intervals. A call that failed
has no answer that could be unreadable: :mod:`evalgate.scoring.failures` counts it.
"""

from dataclasses import replace

from evalgate.core.comparison import Change
from evalgate.core.numbers import Measured
from evalgate.scoring.columns import Columns
from evalgate.scoring.mirrored import having, lacking_change, lacking_of
from evalgate.scoring.pairs import Pairs
from evalgate.scoring.setting import Setting


def format_failures_of(columns: Columns, setting: Setting) -> Measured:
    """Return one side's share: Wilson where a case is tried once, else a t interval."""
    return lacking_of(_readable(columns), setting)


def format_failure_change(pairs: Pairs, setting: Setting) -> Change:
    """Return the change of the share, in points; ``losses`` only the candidate's answers cannot be read."""
    sides = replace(pairs, baseline=_readable(pairs.baseline), candidate=_readable(pairs.candidate))
    return lacking_change("format_failure_rate", sides, setting)


def _readable(columns: Columns) -> Columns:
    return having(columns, ~columns.answers.unreadable)
